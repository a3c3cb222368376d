"""The convolutional tokenizer: from an image to a sequence of tokens.

Reference: Hassani et al., Escaping the Big Data Paradigm with Compact
Transformers, arXiv 2104.05704.
"""

import keras
from keras import layers, ops

from cct_utils.layers._checks import (
    check_channels,
    check_images,
    check_positive,
    check_whole,
)


@keras.saving.register_keras_serializable("cct_utils")
class CCTTokenizer(layers.Layer):
    """Turns images into tokens by stages of convolution, ReLU and max pooling.

    The windows overlap, so that no edge of an object falls between two tokens
    as it does between ViT's patches. Zero padding is symmetric and comes
    before each convolution and each pooling, as in the authors' code.

    Args:
        kernel_size: height and width of the convolutions' kernels.
        stride: stride of the convolutions.
        padding: zeros added on each side before a convolution.
        pooling_kernel_size: window of the max pooling.
        pooling_stride: stride of the max pooling.
        num_conv_layers: number of stages.
        num_output_channels: channels of each stage; the last is the width of
            the tokens.
        positional_emb: of no effect, as in the keras.io example, whose calls
            may name it; positions are `PositionEmbedding`'s.
        kernel_initializer: initializer of the convolutions' kernels.

    Call arguments:
        images: tensor `(batch, height, width, channels)`.

    Returns:
        Tokens `(batch, rows * columns, num_output_channels[-1])`, row by row.

    Raises:
        ValueError: if there are fewer channel counts than stages, or an image
            is too small to leave a single token.

    Reference:
        Hassani et al. 2021, https://arxiv.org/abs/2104.05704
    """

    def __init__(
        self,
        kernel_size=3,
        stride=1,
        padding=1,
        pooling_kernel_size=3,
        pooling_stride=2,
        num_conv_layers=2,
        num_output_channels=(64, 128),
        positional_emb=True,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.kernel_size = check_positive("kernel_size", kernel_size)
        self.stride = check_positive("stride", stride)
        self.padding = check_whole("padding", padding)
        self.pooling_kernel_size = check_positive(
            "pooling_kernel_size", pooling_kernel_size
        )
        self.pooling_stride = check_positive("pooling_stride", pooling_stride)
        self.num_conv_layers = check_positive(
            "num_conv_layers", num_conv_layers
        )
        self.num_output_channels = check_channels(
            num_output_channels, self.num_conv_layers
        )
        self.positional_emb = positional_emb
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        # Where "same" is symmetric the convolution can pad by itself, which
        # saves a copy of the images.
        pads_itself = (
            self.stride == 1 and 2 * self.padding == self.kernel_size - 1
        )
        self.convolutions = [
            layers.Conv2D(
                channels,
                self.kernel_size,
                self.stride,
                padding="same" if pads_itself else "valid",
                use_bias=False,
                kernel_initializer=self.kernel_initializer.clone(),
                dtype=self.dtype_policy,
                name=f"conv_{i}",
            )
            for i, channels in enumerate(
                self.num_output_channels[: self.num_conv_layers]
            )
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "pooling_kernel_size": self.pooling_kernel_size,
            "pooling_stride": self.pooling_stride,
            "num_conv_layers": self.num_conv_layers,
            "num_output_channels": self.num_output_channels,
            "positional_emb": self.positional_emb,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def build(self, input_shape):
        check_images(input_shape)
        if None not in input_shape[1:3]:
            self.grid(*input_shape[1:3])
        channels = input_shape[-1]
        for convolution in self.convolutions:
            convolution.build((None, None, None, channels))
            channels = convolution.filters

    def grid(self, height, width):
        """Returns the `(rows, columns)` of tokens of an image of this size.

        Raises:
            ValueError: if the image is too small to leave a single token.
        """
        rows, columns = height, width
        for _ in range(self.num_conv_layers):
            rows, columns = self._stage_size(rows), self._stage_size(columns)
        if rows < 1 or columns < 1:
            raise ValueError(
                f"An image of {height} x {width} pixels is too small for "
                f"{self.num_conv_layers} stages with "
                f"kernel_size={self.kernel_size}, stride={self.stride}: no "
                "token is left; use larger images or fewer stages"
            )
        return rows, columns

    def _stage_size(self, size):
        """Returns one side's length after a convolution and a pooling."""
        room = size + 2 * self.padding - self.kernel_size
        if size < 1 or room < 0:
            return 0  # padding alone makes no token
        size = room // self.stride + 1
        pool_padding = self.pooling_kernel_size // 2
        size = size + 2 * pool_padding - self.pooling_kernel_size
        return size // self.pooling_stride + 1

    def feature_maps(self, images):
        """Returns what each stage puts out, `(batch, rows, columns, channels)`.

        The last of them, flattened row by row, are the tokens.
        """
        if not self.built:
            self.build(images.shape)
        maps, x = [], images
        for convolution in self.convolutions:
            if convolution.padding == "valid":
                x = _pad(x, self.padding)
            x = _pad(convolution(x), self.pooling_kernel_size // 2)
            x = ops.max_pool(
                x, self.pooling_kernel_size, self.pooling_stride, "valid"
            )
            # The ReLU comes first in the paper. The two can change places,
            # because ReLU keeps the order of values, and here it has a
            # quarter of the work. It also undoes a zero of the padding that
            # won over negative values: with the ReLU first it is 0 as well.
            x = ops.relu(x)
            maps.append(x)
        return maps

    def call(self, images):
        x = self.feature_maps(images)[-1]  # (batch, rows, columns, channels)
        rows, columns = self.grid(*images.shape[1:3])
        return ops.reshape(x, (-1, rows * columns, x.shape[-1]))

    def compute_output_shape(self, input_shape):
        rows, columns = self.grid(*input_shape[1:3])
        channels = self.num_output_channels[self.num_conv_layers - 1]
        return (input_shape[0], rows * columns, channels)


def _pad(x, padding):
    """Returns images with `padding` rows and columns of zeros on each side."""
    if padding == 0:
        return x
    side = (padding, padding)
    return ops.pad(x, ((0, 0), side, side, (0, 0)))
