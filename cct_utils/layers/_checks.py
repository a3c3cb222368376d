"""Checks of arguments that several layers share."""

import numbers


def check_rate(name, rate):
    """Returns `rate` as a float, or raises if it is not in [0, 1)."""
    if (
        isinstance(rate, bool)
        or not isinstance(rate, numbers.Real)
        or not 0 <= rate < 1
    ):
        raise ValueError(
            f"`{name}` must be a number in [0, 1): it is the share that is "
            f"dropped. Received: {name}={rate!r}"
        )
    return float(rate)


def check_images(shape):
    """Raises if a shape is not that of a batch of images."""
    if len(shape) != 4:
        raise ValueError(
            "Images must have shape (batch, height, width, channels). "
            f"Received: shape={tuple(shape)}"
        )


def check_positive(name, value):
    """Returns `value` as an int, or raises if it is not at least 1."""
    return check_whole(name, value, least=1)


def check_whole(name, value, least=0):
    """Returns `value` as an int, or raises if it is not at least `least`."""
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Real)
        or not float(value).is_integer()
        or value < least
    ):
        raise ValueError(
            f"`{name}` must be an integer of at least {least}. "
            f"Received: {name}={value!r}"
        )
    return int(value)
