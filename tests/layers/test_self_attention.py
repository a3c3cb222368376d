"""Self-attention against the formula, head by head, in NumPy."""

import numpy as np
import pytest
from keras import layers, ops

from cct_utils import SelfAttention
from tests.layers.check_layer import check_layer


def softmax(x):
    """Exponentials that sum to 1 along the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def attention_by_numpy(x, layer):
    """One head at a time: softmax(q k^T / sqrt(d)) v, then the projection."""
    qkv = x @ layer.qkv.kernel.numpy()
    if layer.use_qkv_bias:
        qkv = qkv + layer.qkv.bias.numpy()
    q, k, v = np.split(qkv, 3, axis=-1)  # each (tokens, heads * d)
    d = q.shape[-1] // layer.num_heads
    heads, scores = [], []
    for h in range(layer.num_heads):
        columns = slice(h * d, (h + 1) * d)
        weights = softmax(q[:, columns] @ k[:, columns].T / np.sqrt(d))
        scores.append(weights)
        heads.append(weights @ v[:, columns])
    projection = layer.projection
    joined = np.concatenate(heads, axis=-1)
    out = joined @ projection.kernel.numpy() + projection.bias.numpy()
    return out, np.stack(scores)


def with_random_weights(layer, x):
    """Builds the layer and fills also its biases with random numbers."""
    layer.build(x.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([0.5 * rng.normal(size=w.shape) for w in layer.weights])
    return layer


@pytest.mark.parametrize(
    ("num_heads", "key_dim", "use_qkv_bias"),
    [(1, None, True), (2, None, False), (2, 8, True), (3, 5, False)],
)
def test_attention_equals_numpy(num_heads, key_dim, use_qkv_bias):
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    layer = SelfAttention(num_heads, key_dim, use_qkv_bias)
    layer = with_random_weights(layer, x)
    output, scores = layer(x, return_attention_scores=True)
    assert scores.shape == (2, num_heads, 5, 5)
    for i in range(2):
        expected, weights = attention_by_numpy(x[i], layer)
        np.testing.assert_allclose(output[i], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(scores[i], weights, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer(x), output, rtol=1e-6)


def test_attention_equals_keras_multi_head_attention():
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    ours = with_random_weights(SelfAttention(2, 6), x)
    theirs = layers.MultiHeadAttention(2, 6)
    theirs.build(x.shape, x.shape)
    kernel, bias, projection, projection_bias = ours.get_weights()
    weights = []
    for part, part_bias in zip(
        np.split(kernel, 3, axis=1), np.split(bias, 3), strict=True
    ):
        weights += [part.reshape(8, 2, 6), part_bias.reshape(2, 6)]
    weights += [projection.reshape(2, 6, 8), projection_bias]
    theirs.set_weights(weights)
    np.testing.assert_allclose(ours(x), theirs(x, x), rtol=1e-4, atol=1e-5)
    assert ours.count_params() == theirs.count_params()


def test_attention_scores_are_shares():
    x = np.random.default_rng(0).normal(size=(2, 7, 8))
    _, scores = SelfAttention(2)(x, return_attention_scores=True)
    scores = ops.convert_to_numpy(scores)
    assert scores.min() >= 0
    np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-5)


def test_attention_has_no_notion_of_order():
    x = np.random.default_rng(0).normal(size=(1, 6, 8))
    layer = SelfAttention(2)
    order = np.random.default_rng(1).permutation(6)
    shuffled = ops.convert_to_numpy(layer(x[:, order]))
    plain = ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(shuffled, plain[:, order], rtol=1e-4, atol=1e-6)


def test_attention_dropout_acts_in_training_alone():
    x = np.random.default_rng(0).normal(size=(2, 6, 8))
    layer = SelfAttention(2, dropout_rate=0.5, seed=3)
    plain = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(layer(x, training=False), plain)
    assert not np.allclose(layer(x, training=True), plain)


def test_attention_keeps_its_contract():
    layer = SelfAttention(2, 6, dropout_rate=0.2, kernel_initializer="normal")
    check_layer(layer, (2, 5, 8), num_weights=4)


def test_attention_without_query_key_value_bias_has_three_arrays():
    check_layer(SelfAttention(4, use_qkv_bias=False), (2, 5, 8), num_weights=3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_heads": 0}, ["num_heads", "at least 1", "0"]),
        ({"num_heads": 2, "key_dim": 0}, ["key_dim", "at least 1", "0"]),
        ({"num_heads": 2, "dropout_rate": 1}, ["dropout_rate", "[0, 1)", "1"]),
    ],
)
def test_attention_refuses(options, words):
    with pytest.raises(ValueError) as error:
        SelfAttention(**options)
    for word in ["Received", *words]:
        assert word in str(error.value)


def test_attention_refuses_a_width_not_divisible_by_its_heads():
    with pytest.raises(ValueError, match="divisible") as error:
        SelfAttention(3)(np.zeros((1, 4, 8)))
    assert "embed_dim=8, num_heads=3" in str(error.value)
