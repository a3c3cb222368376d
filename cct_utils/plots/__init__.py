"""Every kind of figure in the book, in one style: arrays in, axes out."""

from cct_utils.plots.augment import (
    plot_classes,
    plot_image_rows,
    plot_pixel_histograms,
    plot_selection_bias,
    plot_shift_shares,
    plot_smoothed_loss,
)
from cct_utils.plots.curves import (
    plot_calibration,
    plot_class_accuracy,
    plot_confusion,
    plot_history,
    plot_reliability,
)
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
    "plot_calibration",
    "plot_class_accuracy",
    "plot_classes",
    "plot_confusion",
    "plot_history",
    "plot_image_rows",
    "plot_images",
    "plot_pixel_histograms",
    "plot_reliability",
    "plot_selection_bias",
    "plot_shift_shares",
    "plot_smoothed_loss",
    "use_book_style",
]
