"""How a convolutional tokenizer divides an image: what each of its steps sees.

Nothing here builds a layer: each number is derived from the sizes alone, in
the order in which an image passes the tokenizer.
"""

from typing import NamedTuple

from cct_utils._sizes import parse_size
from cct_utils.layers._checks import (
    check_channels,
    check_positive,
    check_whole,
)


class Stage(NamedTuple):
    """What one step of the tokenizer puts out.

    The value at `(i, j)` sees the square of `receptive_field` pixels a side
    whose first row is `start + i * jump` and whose first column is
    `start + j * jump`; a negative number lies in the zero padding.
    """

    name: str  # "image", "conv 1", "pool 1", "conv 2", …
    height: int
    width: int
    channels: int
    receptive_field: int  # in pixels of the image
    jump: int  # pixels from one window to the next
    start: int  # first pixel of the first window
    parameters: int
    macs: int  # multiply-adds for one image


def tokenizer_geometry(
    image_size,
    kernel_size=3,
    stride=1,
    padding=1,
    pooling_kernel_size=3,
    pooling_stride=2,
    num_conv_layers=2,
    num_output_channels=(64, 128),
    *,
    channels=3,
):
    """Returns size, receptive field and cost after each step of the tokenizer.

    A window of size `k` that moves in steps of `s` over `n` places with `p`
    zeros on each side makes `(n + 2p - k) // s + 1` places. If its places are
    `jump` pixels apart, the receptive field grows by `(k - 1) * jump`, the
    first window moves out by `p * jump`, and the new places are `s * jump`
    apart.

    Args:
        image_size: height and width in pixels, or `(height, width)`.
        kernel_size: kernel of the convolutions.
        stride: stride of the convolutions.
        padding: zeros on each side before a convolution.
        pooling_kernel_size: window of the max pooling; half of it, rounded
            down, is its padding.
        pooling_stride: stride of the max pooling.
        num_conv_layers: number of stages of convolution and pooling.
        num_output_channels: channels of each stage.
        channels: channels of the image.

    Returns:
        A list of `Stage`: the image, then a convolution and a pooling for each
        stage. The height times the width of the last is the number of tokens.

    Raises:
        ValueError: if a size is out of its range, there are fewer channel
            counts than stages, or the image is too small to leave a single
            token.
    """
    height, width = parse_size(image_size)
    kernel_size = check_positive("kernel_size", kernel_size)
    stride = check_positive("stride", stride)
    padding = check_whole("padding", padding)
    pooling_kernel_size = check_positive(
        "pooling_kernel_size", pooling_kernel_size
    )
    pooling_stride = check_positive("pooling_stride", pooling_stride)
    num_conv_layers = check_positive("num_conv_layers", num_conv_layers)
    num_output_channels = check_channels(num_output_channels, num_conv_layers)
    channels = check_positive("channels", channels)
    stages = [Stage("image", height, width, channels, 1, 1, 0, 0, 0)]
    for i in range(num_conv_layers):
        before = stages[-1]
        conv = _slide(before, f"conv {i + 1}", kernel_size, stride, padding)
        weights = kernel_size**2 * before.channels * num_output_channels[i]
        conv = conv._replace(
            channels=num_output_channels[i],
            parameters=weights,  # no bias
            macs=conv.height * conv.width * weights,
        )
        pool = _slide(
            conv,
            f"pool {i + 1}",
            pooling_kernel_size,
            pooling_stride,
            pooling_kernel_size // 2,
        )
        stages += [conv, pool]
    if min(stages[-1].height, stages[-1].width) < 1:
        raise ValueError(
            f"An image of {height} x {width} pixels is too small for "
            f"{num_conv_layers} stages with kernel_size={kernel_size}, "
            f"stride={stride}: no token is left; use larger images or fewer "
            f"stages. Received: image_size={image_size}"
        )
    return stages


def _slide(before, name, kernel_size, stride, padding):
    """Returns the stage after a window has moved over the stage `before`."""

    def places(size):
        room = size + 2 * padding - kernel_size
        # Padding alone makes no token.
        return room // stride + 1 if size > 0 and room >= 0 else 0

    grown = (kernel_size - 1) * before.jump
    return Stage(
        name,
        places(before.height),
        places(before.width),
        before.channels,
        receptive_field=before.receptive_field + grown,
        jump=before.jump * stride,
        start=before.start - padding * before.jump,
        parameters=0,
        macs=0,
    )
