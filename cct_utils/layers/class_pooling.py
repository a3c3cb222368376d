"""Class pooling: of all tokens, only the class token goes on to the head.

Reference: Dosovitskiy et al., arXiv 2010.11929, equation 4.
"""

import keras
from keras import layers


@keras.saving.register_keras_serializable("cct_utils")
class ClassPooling(layers.Layer):
    """Replaces a sequence of tokens by its first, the class token.

    Call arguments:
        x: tensor `(batch, 1 + tokens, embed_dim)`, as `ClassToken` makes it.

    Returns:
        The class token of each image, `(batch, embed_dim)`.

    Reference:
        Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929
    """

    def call(self, x):
        return x[:, 0]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])
