"""Every kind of figure in the book, in one style: arrays in, axes out."""

from cct_utils.plots.images import plot_images
from cct_utils.plots.style import (
    COLORS,
    DIVERGING,
    SEQUENTIAL,
    WIDTHS,
    new_figure,
    use_book_style,
)

__all__ = [
    "COLORS",
    "DIVERGING",
    "SEQUENTIAL",
    "WIDTHS",
    "new_figure",
    "plot_images",
    "use_book_style",
]
