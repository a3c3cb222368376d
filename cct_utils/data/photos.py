"""Single photographs as arrays: read, cut to shape, made smaller."""

import numpy as np

from cct_utils._choices import check_choice

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
    """
    from sklearn.datasets import load_sample_image

    check_choice("name", name, PHOTOS)
    photo = load_sample_image(f"{name}.jpg")
    if size is None:
        return np.array(photo)
    from PIL import Image

    return fit_image(Image.fromarray(photo), parse_size(size))


def parse_size(size):
    """Returns `(height, width)` for an integer or a pair of integers."""
    pair = (size, size) if np.ndim(size) == 0 else tuple(size)
    whole = [isinstance(side, (int, np.integer)) for side in pair]
    if len(pair) != 2 or not all(whole) or min(pair) < 1:
        raise ValueError(
            "An image size must be a positive integer or a pair (height, "
            f"width) of them: give for instance 32. Received: {size!r}"
        )
    return int(pair[0]), int(pair[1])


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
