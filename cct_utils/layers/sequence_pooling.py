"""Sequence pooling: an attention-weighted average over the tokens.

Reference: Hassani et al., Escaping the Big Data Paradigm with Compact
Transformers, section 3.3, arXiv 2104.05704.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("cct_utils")
class SequencePooling(layers.Layer):
    """Replaces a sequence of tokens by their learned weighted average.

    A linear map gives each token one score, a softmax over the tokens turns
    the scores into weights, and the output is the weighted sum:
    `softmax(x g + b)^T x`. The bias `b` is the same for all tokens and cancels
    in the softmax; it is kept because the authors' weights have it.

    Args:
        kernel_initializer: initializer of the score's kernel `(embed_dim, 1)`.

    Call arguments:
        x: tensor `(batch, tokens, embed_dim)`.
        return_weights: whether to return the pooling weights too.

    Returns:
        The pooled tensor `(batch, embed_dim)`; with `return_weights` also the
        pooling weights `(batch, tokens)`, each row of which sums to 1.

    Reference:
        Hassani et al. 2021, https://arxiv.org/abs/2104.05704
    """

    def __init__(self, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.score = layers.Dense(
            1,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="score",
        )

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def build(self, input_shape):
        self.score.build(input_shape)

    def call(self, x, return_weights=False):
        scores = ops.squeeze(self.score(x), axis=-1)  # (batch, tokens)
        # Softmax in float32: over hundreds of tokens half precision is coarse.
        weights = ops.softmax(ops.cast(scores, "float32"), axis=-1)
        weights = ops.cast(weights, x.dtype)
        pooled = ops.matmul(weights[:, None, :], x)  # (batch, 1, embed_dim)
        pooled = ops.squeeze(pooled, axis=1)  # (batch, embed_dim)
        return (pooled, weights) if return_weights else pooled

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])
