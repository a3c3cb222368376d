"""What every explorer shares: its files, its pictures and its numbers."""

import base64
import struct
import zlib
from numbers import Integral
from pathlib import Path

import anywidget
import numpy as np

_FOLDER = Path(__file__).parent
_LARGEST_SIDE = 256


def _read(*names):
    """Returns the named files of this folder as one text."""
    return "".join((_FOLDER / name).read_text("utf-8") for name in names)


def script(name):
    """Returns an explorer's JavaScript with the shared helpers before it."""
    return _read("_shared.js", name)


class Explorer(anywidget.AnyWidget):
    """An interactive figure whose arithmetic runs in the browser."""

    _css = _read("_palette.css", "_shared.css")

    def __repr__(self):
        return f"{type(self).__name__}: an interactive figure{self._about()}"

    def _about(self):
        """Returns what the text form adds about this very explorer."""
        return ""


def check_image(image, name="image"):
    """Returns an image as uint8 (height, width, 3), or says what is wrong."""
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(
            f"`{name}` must be a uint8 array (height, width, 3) with pixels "
            f"0..255. Received: {array.dtype} {array.shape}"
        )
    if not 1 <= max(array.shape[:2]) <= _LARGEST_SIDE or 0 in array.shape:
        raise ValueError(
            f"`{name}` must have sides of 1 to {_LARGEST_SIDE} pixels, so that "
            "the saved notebook stays small; resize it first. "
            f"Received: {array.shape}"
        )
    return array


def check_images(images):
    """Returns uint8 images (n, height, width, 3), or says what is wrong."""
    array = np.asarray(images)
    array = array[None] if array.ndim == 3 else array
    if array.ndim != 4 or not 1 <= len(array) <= 12:
        raise ValueError(
            "`images` must be 1 to 12 images, a uint8 array (images, height, "
            f"width, 3). Received: {array.dtype} {array.shape}"
        )
    return np.stack([check_image(image, "images") for image in array])


def image_titles(number, labels=None, class_names=None):
    """Returns what the list of pictures calls each of them."""
    if labels is None:
        return [f"picture {i + 1}" for i in range(number)]
    labels = np.asarray(labels).reshape(-1)
    if len(labels) != number:
        raise ValueError(
            f"`labels` must name the class of each of the {number} images. "
            f"Received: {len(labels)} labels"
        )
    names = [str(label) for label in labels]
    if class_names is not None:
        names = [class_names[int(label)] for label in labels]
    return [f"{i + 1}: {name}" for i, name in enumerate(names)]


def check_array(value, name, shape):
    """Returns floats of the given shape; None in it stands for any size."""
    array = np.asarray(value, "float32")
    wrong = array.ndim != len(shape) or any(
        size is not None and size != actual
        for size, actual in zip(shape, array.shape, strict=False)
    )
    if wrong or array.size == 0 or not np.isfinite(array).all():
        sizes = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(
            f"`{name}` must be a finite array of shape ({sizes}). "
            f"Received: shape {array.shape}"
        )
    return array


def check_choice(name, value, low, high):
    """Returns an integer within its limits, or says what they are."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"`{name}` must be an integer. Received: {value!r}")
    if not low <= value <= high:
        raise ValueError(
            f"`{name}` must be from {low} to {high}. Received: {value!r}"
        )
    return int(value)


def square_grid(grid, tokens):
    """Returns (rows, columns); without a grid the tokens form a square."""
    if grid is None:
        side = round(tokens**0.5)
        grid = (side, side)
    rows, columns = (int(n) for n in grid)
    if rows * columns != tokens:
        raise ValueError(
            f"`grid` must be (rows, columns) with {tokens} places in all, one "
            f"for each token. Received: {rows} x {columns} places"
        )
    return rows, columns


def half(array):
    """Returns an array as little-endian 16-bit floats."""
    return np.asarray(array).astype("<f2").tobytes()


def picture(image):
    """Returns a checked image as a PNG in a data URL."""
    height, width, _ = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", head),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        )
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()
