"""How readable one color is on another."""


def contrast(first, second):
    """The contrast ratio of two colors 0..255, as WCAG defines it."""

    def light(color):
        parts = [c / 255 for c in color]
        r, g, b = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in parts
        )
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted([light(first), light(second)])
    return (high + 0.05) / (low + 0.05)
