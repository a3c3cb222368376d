"""What tests ask of a figure."""


def texts(ax):
    """Returns the words written inside the axes."""
    return [text.get_text() for text in ax.texts]
