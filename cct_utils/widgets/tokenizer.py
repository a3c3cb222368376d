"""The explorer of the tokenizer: from an image to a grid of tokens."""

import traitlets

from cct_utils.widgets._base import (
    Explorer,
    check_choice,
    check_image,
    picture,
    script,
)


class TokenizerExplorer(Explorer):
    """Shows the tokens of an image, what each sees, and what they cost.

    The reader moves kernel, stride, padding, pooling and the number of
    stages; ViT's patches of the same image stand beside.

    Args:
        image: uint8 array (height, width, 3), up to 256 pixels a side.
        kernel_size: kernel of the convolutions, odd, up to 11.
        stride: stride of the convolutions, up to 4.
        padding: zeros on each side before a convolution, up to 5.
        pooling: whether a max pooling (3, stride 2) follows each convolution.
        num_conv_layers: number of stages, up to 3.
        embed_dim: channels of the last stage, the width of a token.
        hidden_dim: channels of the stages before.
        patch_size: side of ViT's patches, 2 to 32.

    Raises:
        ValueError: if the image is none of uint8, or a number is out of its
            range.

    Example:

    >>> import numpy as np
    >>> TokenizerExplorer(np.zeros((32, 48, 3), "uint8"))
    TokenizerExplorer: an interactive figure (image of 32 x 48 pixels)
    """

    _esm = script("tokenizer.js")
    image = traitlets.Unicode().tag(sync=True)
    image_shape = traitlets.List(traitlets.Int()).tag(sync=True)
    side = traitlets.Int().tag(sync=True)
    kernel_size = traitlets.Int().tag(sync=True)
    stride = traitlets.Int().tag(sync=True)
    padding = traitlets.Int().tag(sync=True)
    pooling = traitlets.Bool().tag(sync=True)
    num_conv_layers = traitlets.Int().tag(sync=True)
    hidden_dim = traitlets.Int().tag(sync=True)
    embed_dim = traitlets.Int().tag(sync=True)
    patch_size = traitlets.Int().tag(sync=True)
    place = traitlets.List(traitlets.Float(), [0.5, 0.5]).tag(sync=True)

    def __init__(
        self,
        image,
        *,
        kernel_size=3,
        stride=1,
        padding=1,
        pooling=True,
        num_conv_layers=2,
        embed_dim=128,
        hidden_dim=64,
        patch_size=4,
    ):
        image = check_image(image)
        if kernel_size % 2 == 0:
            raise ValueError(
                f"`kernel_size` must be odd here. Received: {kernel_size!r}"
            )
        super().__init__(
            image=picture(image),
            image_shape=list(image.shape[:2]),
            side=max(image.shape[:2]),
            kernel_size=check_choice("kernel_size", kernel_size, 1, 11),
            stride=check_choice("stride", stride, 1, 4),
            padding=check_choice("padding", padding, 0, 5),
            pooling=pooling,
            num_conv_layers=check_choice(
                "num_conv_layers", num_conv_layers, 1, 3
            ),
            hidden_dim=check_choice("hidden_dim", hidden_dim, 1, 4096),
            embed_dim=check_choice("embed_dim", embed_dim, 1, 4096),
            patch_size=check_choice("patch_size", patch_size, 2, 32),
        )

    def _about(self):
        height, width = self.image_shape
        return f" (image of {height} x {width} pixels)"
