"""Checks of arguments that several layers share."""

import numbers

from cct_utils._sizes import is_whole


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


def check_channels(num_output_channels, num_conv_layers):
    """Returns the channels of each stage, or raises if some have none."""
    channels = tuple(num_output_channels)
    if len(channels) < num_conv_layers:
        raise ValueError(
            "`num_output_channels` must name the channels of each of the "
            f"{num_conv_layers} stages. "
            f"Received: num_output_channels={channels}"
        )
    return channels


def check_positive(name, value):
    """Returns `value` as an int, or raises if it is not at least 1."""
    return check_whole(name, value, least=1)


def check_whole(name, value, least=0):
    """Returns `value` as an int, or raises if it is not at least `least`."""
    if not is_whole(value) or value < least:
        raise ValueError(
            f"`{name}` must be an integer of at least {least}. "
            f"Received: {name}={value!r}"
        )
    return int(value)
