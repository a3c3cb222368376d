"""Single photographs as arrays: read, cut to shape, made smaller."""

import numpy as np

from cct_utils._choices import check_choice
from cct_utils._sizes import parse_size

PHOTOS = ("china", "flower")


def sample_photo(name, size=None):
    """Returns one of scikit-learn's two sample photographs.

    Args:
        name: `"china"` (a temple) or `"flower"`; both are 427 pixels high
            and 640 wide.
        size: `None` for the photograph as it is, an integer for a square,
            or `(height, width)`. The largest centered part of that aspect
            is cut out and resized with antialiasing.

    Returns:
        A `uint8` array of shape `(height, width, 3)`.

    Raises:
        ValueError: if there is no such photograph, or `size` is not one
            positive integer or two.
    """
    from sklearn.datasets import load_sample_image

    check_choice("name", name, PHOTOS)
    photo = load_sample_image(f"{name}.jpg")
    if size is None:
        return np.array(photo)
    from PIL import Image

    return fit_image(Image.fromarray(photo), parse_size(size, "size"))


def fit_image(image, size):
    """Cuts a Pillow image to the aspect of `size` and resizes it to it.

    Args:
        image: a `PIL.Image.Image` in mode RGB.
        size: `(height, width)` of the result.

    Returns:
        A `uint8` array of shape `(height, width, 3)`.
    """
    from PIL import Image, ImageOps

    height, width = size
    method = Image.Resampling.BICUBIC  # Pillow widens it when it shrinks
    return np.array(ImageOps.fit(image, (width, height), method))
