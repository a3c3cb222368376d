"""The class token: one learned token that gathers what the image shows.

Reference: Dosovitskiy et al., arXiv 2010.11929, section 3.1.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("cct_utils")
class ClassToken(layers.Layer):
    """Puts one learned token in front of the tokens of each image.

    It starts equal for all images and learns about its own one through
    attention. `ClassPooling` takes it out again after the last block.

    Args:
        initializer: initializer of the token; zero in the authors' code.

    Call arguments:
        x: tensor `(batch, tokens, embed_dim)`.

    Returns:
        A tensor `(batch, 1 + tokens, embed_dim)`, the class token first.

    Reference:
        Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929
    """

    def __init__(self, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)

    def get_config(self):
        return {
            **super().get_config(),
            "initializer": keras.initializers.serialize(self.initializer),
        }

    def build(self, input_shape):
        self.token = self.add_weight(
            name="token",
            shape=(1, 1, input_shape[-1]),
            initializer=self.initializer,
        )

    def call(self, x):
        token = ops.cast(self.token, x.dtype)
        tokens = ops.broadcast_to(token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([tokens, x], axis=1)  # (batch, 1 + tokens, dim)

    def compute_output_shape(self, input_shape):
        batch, tokens, embed_dim = input_shape
        return (batch, tokens + 1, embed_dim)
