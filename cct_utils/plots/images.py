"""Figures that show images side by side."""

import numpy as np

from cct_utils.plots.style import WIDTHS, new_figure


def plot_images(images, titles=None, *, columns=None, width="wide"):
    """Draws images in rows and columns.

    Args:
        images: array or list of arrays `(height, width[, 3])`: pixels 0..255
            as integers, or values 0..1; out-of-range values are clipped.
        titles: one short text for each image, or None.
        columns: images per row; all in one row if None, up to eight.
        width: a name of `WIDTHS`.

    Returns:
        The figure.

    Raises:
        ValueError: if there are not as many titles as images.
    """
    if titles is not None and len(titles) != len(images):
        raise ValueError(
            f"There must be one title for each of the {len(images)} images. "
            f"Received: {len(titles)} titles"
        )
    columns = columns or min(8, len(images))
    rows = -(-len(images) // columns)
    cell = WIDTHS[width] / columns
    ratio = images[0].shape[0] / images[0].shape[1]
    height = rows * (cell * ratio + (0.25 if titles is not None else 0.05))
    fig, axes = new_figure(
        width, height, columns=columns, rows=rows, squeeze=False
    )
    for i, ax in enumerate(axes.flat):
        ax.axis("off")
        if i < len(images):
            image = np.asarray(images[i])
            top = 255 if np.issubdtype(image.dtype, np.integer) else 1
            ax.imshow(np.clip(image, 0, top), vmin=0, vmax=top, cmap="gray")
            if titles is not None:
                ax.set_title(titles[i], loc="center", weight="normal", size=9)
    return fig
