"""Multi-head self-attention with one projection for query, key and value.

Reference: Vaswani et al., Attention Is All You Need, arXiv 1706.03762.
"""

import keras
from keras import layers, ops

from cct_utils.layers._checks import check_positive, check_rate


@keras.saving.register_keras_serializable("cct_utils")
class SelfAttention(layers.Layer):
    """Lets every token collect values from all tokens, by similarity.

    Per head: `softmax(q k^T / sqrt(key_dim)) v`, the heads side by side, then
    a linear map back to the width of the input. `keras.layers.
    MultiHeadAttention` cannot express CCT's attention, whose query, key and
    value have no bias while the output has one; and a single matrix product
    for the three of them is faster.

    Args:
        num_heads: number of heads.
        key_dim: width of one head. The authors use `embed_dim / num_heads`,
            which is what None means; the keras.io example uses `embed_dim`,
            which doubles the attention's size for two heads.
        use_qkv_bias: whether query, key and value have a bias.
        dropout_rate: share of the attention weights dropped in training.
        kernel_initializer: initializer of both kernels.
        seed: seed of the dropout.

    Call arguments:
        x: tensor `(batch, tokens, embed_dim)`.
        training: whether to drop attention weights.
        return_attention_scores: whether to return the attention weights too.

    Returns:
        A tensor `(batch, tokens, embed_dim)`; with `return_attention_scores`
        also the weights `(batch, num_heads, tokens, tokens)`, whose last axis
        (the tokens looked at) sums to 1.

    Raises:
        ValueError: if `embed_dim` is not divisible by `num_heads` while
            `key_dim` is None, or a rate is not in [0, 1).

    Reference:
        Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
    """

    def __init__(
        self,
        num_heads,
        key_dim=None,
        use_qkv_bias=True,
        dropout_rate=0.0,
        kernel_initializer="glorot_uniform",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = check_positive("num_heads", num_heads)
        self.key_dim = (
            None if key_dim is None else check_positive("key_dim", key_dim)
        )
        self.use_qkv_bias = use_qkv_bias
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed = seed
        # A faster function of q, k and v that returns what `attend` returns
        # first, where a device has one; used while nobody asks for the weights.
        self.fused_attention = None

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "use_qkv_bias": self.use_qkv_bias,
            "dropout_rate": self.dropout_rate,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "seed": self.seed,
        }

    def build(self, input_shape):
        embed_dim = input_shape[-1]
        self.head_dim = self.key_dim or _head_dim(embed_dim, self.num_heads)
        inner_dim = self.num_heads * self.head_dim
        self.qkv = self._dense(3 * inner_dim, self.use_qkv_bias, "qkv")
        self.projection = self._dense(embed_dim, True, "projection")
        self.qkv.build(input_shape)
        self.projection.build((*input_shape[:-1], inner_dim))
        self.dropout = layers.Dropout(
            self.dropout_rate, seed=self.seed, dtype=self.dtype_policy
        )

    def _dense(self, units, use_bias, name):
        """Returns one linear map with this layer's initializer and dtype."""
        return layers.Dense(
            units,
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, x, training=False, return_attention_scores=False):
        n, h, d = x.shape[1], self.num_heads, self.head_dim
        q, k, v = (
            ops.reshape(part, (-1, n, h, d))
            for part in ops.split(self.qkv(x), 3, axis=-1)
        )
        if self.fused_attention is None or return_attention_scores:
            heads, weights = self.attend(q, k, v, training)
        else:
            heads = self.fused_attention(q, k, v)
        out = self.projection(ops.reshape(heads, (-1, n, h * d)))
        return (out, weights) if return_attention_scores else out

    def attend(self, q, k, v, training=False):
        """Returns the weighted means of the values, and the weights.

        Args:
            q, k, v: tensors `(batch, tokens, num_heads, key_dim)`.
            training: whether to drop attention weights.

        Returns:
            A tensor of the shape of `q`, and the weights before the dropout,
            `(batch, num_heads, tokens, tokens)`.
        """
        # Three transpositions of four axes are faster than one of five.
        q, k, v = (ops.transpose(part, (0, 2, 1, 3)) for part in (q, k, v))
        # Scaling the query and not the scores is h*n/d times less work.
        q = q * ops.cast(self.head_dim**-0.5, q.dtype)
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2)))  # (b, h, n, n)
        weights = ops.cast(ops.softmax(ops.cast(scores, "float32")), v.dtype)
        dropped = self.dropout(weights, training=training)
        heads = ops.matmul(dropped, v)  # (b, h, n, d)
        return ops.transpose(heads, (0, 2, 1, 3)), weights

    def compute_output_shape(self, input_shape):
        return input_shape


def _head_dim(embed_dim, num_heads):
    """Returns the width of one head, or raises if the heads do not fit."""
    if embed_dim % num_heads:
        raise ValueError(
            "The width must be divisible by `num_heads` where `key_dim` is not "
            f"given. Received: embed_dim={embed_dim}, num_heads={num_heads}"
        )
    return embed_dim // num_heads
