"""Layer normalization whose gradient is written out, for TensorFlow.

References: Ba et al., Layer Normalization, arXiv 1607.06450; Ioffe and
Szegedy, Batch Normalization, arXiv 1502.03167, whose gradient it is, with
features in the place of examples.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("cct_utils")
class LayerNormalization(layers.LayerNormalization):
    """Keras's layer, with a faster gradient on TensorFlow.

    Arguments, weights and results are those of the parent. TensorFlow runs
    that on a processor as two dozen operations over all tokens, a quarter of
    the time of a training step of CCT-2/3x2; written out, they are fourteen,
    and cheaper. JAX and PyTorch have fast programs for the parent.

    Call arguments:
        x: tensor `(..., embed_dim)`.

    Returns:
        A tensor of the shape of `x`: each token with mean 0 and variance 1,
        times `gamma`, plus `beta`.

    Reference:
        Ba et al. 2016, https://arxiv.org/abs/1607.06450
    """

    def call(self, x):
        is_plain = (
            self.axis in ([-1], [len(x.shape) - 1])
            and self.gamma is not None
            and self.beta is not None
        )
        if keras.backend.backend() != "tensorflow" or not is_plain:
            return super().call(x)
        # As the parent: no sum over a token in 16 bits.
        dtype = keras.backend.result_type(x.dtype, "float32")
        x, gamma, beta = (
            ops.cast(each, dtype) for each in (x, self.gamma, self.beta)
        )
        y = _normalize(x, gamma, beta, self.epsilon)
        return ops.cast(y, self.compute_dtype)


def _normalize(x, gamma, beta, epsilon):
    """Returns `x` normalized over its last axis, with a gradient."""
    width = x.shape[-1]

    @ops.custom_gradient
    def normalize(x, gamma, beta):
        centered = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=-1, keepdims=True)
        inverse = ops.rsqrt(variance + epsilon)
        unit = centered * inverse

        def gradient(*arguments, upstream=None):
            # Keras's backends hand it over in two ways.
            dy = arguments[0] if upstream is None else upstream
            rows = ops.reshape(dy, (-1, width))
            units = ops.reshape(unit, (-1, width))
            products = rows * units
            # Sums as products with a vector: several times as fast.
            ones = ops.ones((1, ops.shape(rows)[0]), x.dtype)
            weights = ops.reshape(gamma, (width, 1)) / width
            dx = rows * gamma - (rows @ weights) - units * (products @ weights)
            dx = dx * ops.reshape(inverse, (-1, 1))
            return (
                ops.reshape(dx, ops.shape(x)),
                ops.reshape(ones @ products, (width,)),
                ops.reshape(ones @ rows, (width,)),
            )

        return unit * gamma + beta, gradient

    return normalize(x, gamma, beta)
