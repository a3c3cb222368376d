"""Stochastic depth: skip a residual branch for a random part of the batch.

Reference: Huang et al., Deep Networks with Stochastic Depth, arXiv 1603.09382.
"""

import keras
from keras import layers, ops

from cct_utils.layers._checks import check_positive, check_rate


@keras.saving.register_keras_serializable("cct_utils")
class StochasticDepth(layers.Layer):
    """Drops a residual branch for whole samples, and rescales the others.

    In training each sample of the batch draws its own coin: with probability
    `drop_prob` its values become 0, otherwise they are divided by
    `1 - drop_prob`, so that the expectation of every value is unchanged. At
    inference the layer is the identity. Other libraries call it "drop path".

    Args:
        drop_prob: probability that a sample is dropped, in [0, 1).
        seed: seed of this layer's own random stream. Without one, each layer
            draws a seed of its own, so that two layers drop different samples.

    Call arguments:
        x: tensor `(batch, ...)`.
        training: whether to drop; otherwise `x` is returned as it is.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        ValueError: if `drop_prob` is not in [0, 1), or integers shall be
            dropped.

    Reference:
        Huang et al. 2016, https://arxiv.org/abs/1603.09382
    """

    def __init__(self, drop_prob, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.drop_prob = check_rate("drop_prob", drop_prob)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def get_config(self):
        return {
            **super().get_config(),
            "drop_prob": self.drop_prob,
            "seed": self.seed,
        }

    def call(self, x, training=False):
        if not training or self.drop_prob == 0:
            return x
        if not keras.backend.is_float_dtype(x.dtype):
            raise ValueError(
                "Samples must be of floating point numbers to be rescaled; "
                f"cast them. Received: x.dtype={x.dtype}"
            )
        keep_prob = 1 - self.drop_prob
        # The coin is drawn in float32: in float16 a uniform number can round
        # up to 1 and the probabilities would be off.
        coin = keras.random.uniform(
            (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1),
            dtype="float32",
            seed=self.seed_generator,
        )  # (batch, 1, ..., 1)
        kept = ops.cast(coin < keep_prob, x.dtype)
        return x * kept / ops.cast(keep_prob, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


def stochastic_depth_rates(stochastic_depth_rate, num_layers):
    """Returns the `drop_prob` of each block by the linear rule.

    The first block is never dropped and the last one with probability
    `stochastic_depth_rate`; the probabilities in between lie on a line. (The
    original paper's line starts above zero, at `1 / num_layers` of the way;
    CCT's authors start it at zero.)

    Args:
        stochastic_depth_rate: drop probability of the last block, in [0, 1).
        num_layers: number of blocks.

    Returns:
        A tuple of `num_layers` floats. A single block gets 0.

    Raises:
        ValueError: if the rate is not in [0, 1) or there is no block.
    """
    rate = check_rate("stochastic_depth_rate", stochastic_depth_rate)
    num_layers = check_positive("num_layers", num_layers)
    steps = max(1, num_layers - 1)
    return tuple(rate * i / steps for i in range(num_layers))
