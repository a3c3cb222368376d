"""Sizes of images: one number for both sides, or height and width."""

import numbers


def is_whole(value):
    """Whether a value is a whole number, `32.0` as well as `32`."""
    return (
        not isinstance(value, bool)
        and isinstance(value, numbers.Real)
        and float(value).is_integer()
    )


def parse_size(size, name="image_size"):
    """Returns `(height, width)` in pixels of a size in any of its forms.

    Args:
        size: one number for both sides, or `(height, width)`: a tuple, a list
            or an array.
        name: what the argument is called.

    Returns:
        A tuple of two integers.

    Raises:
        ValueError: if it is not one whole number of at least 1, or two.
    """
    try:
        sides = tuple(size)
    except TypeError:  # one number
        sides = (size, size)
    if len(sides) != 2 or not all(is_whole(n) and n >= 1 for n in sides):
        raise ValueError(
            f"`{name}` must be an integer of at least 1, or a pair (height, "
            "width) of them: give for instance 32. "
            f"Received: {name}={size!r}"
        )
    return int(sides[0]), int(sides[1])
