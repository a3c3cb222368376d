"""The encoder block: attention, then a small MLP, around a residual stream.

References: Vaswani et al., arXiv 1706.03762; Dosovitskiy et al., arXiv
2010.11929, equations 2 and 3 (pre-norm); Hassani et al., arXiv 2104.05704.
"""

import keras
from keras import activations, initializers, layers, ops

from cct_utils._choices import check_choice
from cct_utils.layers._checks import check_rate
from cct_utils.layers.layer_normalization import LayerNormalization
from cct_utils.layers.self_attention import SelfAttention
from cct_utils.layers.stochastic_depth import StochasticDepth

RESIDUAL_STYLES = ("pre_norm", "paper")


@keras.saving.register_keras_serializable("cct_utils")
def gelu(x):
    """Returns the exact GELU of `x`, computed in float32.

    Processors have no error function for bfloat16: in it the same function
    takes twice the time, and loses digits.

    Args:
        x: tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `x`.

    Reference:
        Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415
    """
    return ops.cast(activations.gelu(ops.cast(x, "float32")), x.dtype)


def mlp(x, hidden_units, dropout_rate, *, kernel_initializer=None, name=None):
    """Applies linear maps with a GELU after each of them but the last.

    Args:
        x: tensor `(batch, tokens, embed_dim)`.
        hidden_units: widths of the linear maps, in order.
        dropout_rate: share of the values dropped after each map.
        kernel_initializer: initializer of the kernels; Keras's default if None.
        name: prefix of the names of the layers; Keras's own names if None,
            so that one model can hold several.

    Returns:
        A tensor `(batch, tokens, hidden_units[-1])`.

    Raises:
        ValueError: if `dropout_rate` is not in [0, 1).
    """
    check_rate("dropout_rate", dropout_rate)
    initializer = initializers.get(kernel_initializer or "glorot_uniform")
    for i, units in enumerate(hidden_units):
        is_last = i == len(hidden_units) - 1
        x = layers.Dense(
            units,
            activation=None if is_last else gelu,
            # A copy, because one initializer draws the same numbers each time.
            kernel_initializer=initializer.clone(),
            name=name and f"{name}_dense_{i + 1}",
        )(x)
        if dropout_rate > 0:
            x = layers.Dropout(
                dropout_rate, name=name and f"{name}_dropout_{i + 1}"
            )(x)
    return x


def encoder_block(
    x,
    *,
    num_heads,
    key_dim,
    mlp_units,
    drop_prob=0.0,
    residual="pre_norm",
    use_qkv_bias=True,
    attention_dropout_rate=0.0,
    dropout_rate=0.0,
    kernel_initializer=None,
    name="block_0",
):
    """Applies one encoder block to the tokens.

    With `residual="pre_norm"` (equations 2 and 3 of the ViT paper)

        x = x + attention(norm_1(x));   x = x + mlp(norm_2(x))

    With `residual="paper"`, the block of CCT's authors, the second norm
    overwrites the residual stream itself:

        x = x + attention(norm_1(x));   x = norm_2(x);   x = x + mlp(x)

    Both branches pass through stochastic depth of the same `drop_prob`.

    Args:
        x: tensor `(batch, tokens, embed_dim)`.
        num_heads: number of attention heads.
        key_dim: width of one head; None for `embed_dim / num_heads`.
        mlp_units: widths of the MLP's linear maps; the last is `embed_dim`.
        drop_prob: probability of stochastic depth, in [0, 1).
        residual: `"pre_norm"` or `"paper"`.
        use_qkv_bias: whether query, key and value have a bias.
        attention_dropout_rate: dropout on the attention weights.
        dropout_rate: dropout in the MLP.
        kernel_initializer: initializer of the linear maps; Keras's default if
            None.
        name: prefix of the names of the layers.

    Returns:
        A tensor of the shape of `x`.

    Raises:
        ValueError: if `residual` is unknown or the last of `mlp_units` is not
            the width of `x`.
    """
    check_choice("residual", residual, RESIDUAL_STYLES)
    is_series = isinstance(mlp_units, list | tuple) and len(mlp_units) > 0
    if not is_series or mlp_units[-1] != x.shape[-1]:
        raise ValueError(
            "`mlp_units` must be a list or tuple of widths, the last of which "
            f"equals that of the tokens, {x.shape[-1]}, to be added to them. "
            f"Received: mlp_units={mlp_units!r}"
        )

    def norm(i):
        return LayerNormalization(epsilon=1e-5, name=f"{name}_norm_{i}")

    def add_branch(stream, branch, i):
        if drop_prob > 0:
            branch = StochasticDepth(
                drop_prob, name=f"{name}_stochastic_depth_{i}"
            )(branch)
        return layers.Add(name=f"{name}_residual_{i}")([stream, branch])

    attended = SelfAttention(
        num_heads,
        key_dim,
        use_qkv_bias,
        attention_dropout_rate,
        kernel_initializer=kernel_initializer or "glorot_uniform",
        name=f"{name}_attention",
    )(norm(1)(x))
    x = add_branch(x, attended, 1)
    normed = norm(2)(x)
    stream = normed if residual == "paper" else x
    thought = mlp(
        normed,
        mlp_units,
        dropout_rate,
        kernel_initializer=kernel_initializer,
        name=f"{name}_mlp",
    )
    return add_branch(stream, thought, 2)
