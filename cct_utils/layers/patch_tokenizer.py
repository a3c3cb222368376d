"""The tokenizer of a Vision Transformer: cut an image into patches.

References: Dosovitskiy et al., arXiv 2010.11929, section 3.1; Hassani et al.,
arXiv 2104.05704, section 3.2 (ViT-Lite: the same with smaller patches).
"""

import keras
from keras import layers, ops

from cct_utils.layers._checks import check_images, check_positive


@keras.saving.register_keras_serializable("cct_utils")
class PatchTokenizer(layers.Layer):
    """Turns images into tokens: one linear map of each square patch.

    The patches lie side by side and do not overlap. Cutting out and mapping
    them is one convolution whose stride is the size of its kernel; as in the
    authors' code it has a bias, and neither a ReLU nor a pooling follows.

    Args:
        patch_size: height and width of a patch in pixels.
        embed_dim: width of the tokens.
        kernel_initializer: initializer of the map's kernel.

    Call arguments:
        images: tensor `(batch, height, width, channels)`.

    Returns:
        Tokens `(batch, rows * columns, embed_dim)`, row by row.

    Raises:
        ValueError: if a side of the images is not a multiple of `patch_size`.

    Reference:
        Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929
    """

    def __init__(
        self,
        patch_size=4,
        embed_dim=128,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.patch_size = check_positive("patch_size", patch_size)
        self.embed_dim = check_positive("embed_dim", embed_dim)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.convolution = layers.Conv2D(
            self.embed_dim,
            self.patch_size,
            self.patch_size,
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name="conv",
        )

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "embed_dim": self.embed_dim,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def build(self, input_shape):
        check_images(input_shape)
        self.grid(*input_shape[1:3])
        self.convolution.build((None, None, None, input_shape[-1]))

    def grid(self, height, width):
        """Returns the `(rows, columns)` of tokens of an image of this size.

        Raises:
            ValueError: if the image cannot be cut into whole patches.
        """
        size = self.patch_size
        if height < 1 or width < 1 or height % size or width % size:
            raise ValueError(
                "The sides of an image must be multiples of the patch size, "
                f"{size}, so that it can be cut into whole patches; resize "
                "the images or choose another patch_size. "
                f"Received: an image of {height} x {width} pixels"
            )
        return height // size, width // size

    def call(self, images):
        x = self.convolution(images)  # (batch, rows, columns, embed_dim)
        rows, columns = self.grid(*images.shape[1:3])
        return ops.reshape(x, (-1, rows * columns, self.embed_dim))

    def compute_output_shape(self, input_shape):
        rows, columns = self.grid(*input_shape[1:3])
        return (input_shape[0], rows * columns, self.embed_dim)
