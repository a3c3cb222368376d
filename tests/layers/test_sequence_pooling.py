"""Sequence pooling: a softmax over the tokens, and what follows from it."""

import numpy as np
import pytest
from keras import ops

from cct_utils import SequencePooling
from tests.layers.check_layer import check_layer


def tokens(shape=(3, 7, 5)):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def pool(layer, x):
    """Pooled tokens and pooling weights as arrays."""
    return map(ops.convert_to_numpy, layer(x, return_weights=True))


def test_pooling_equals_numpy():
    x, layer = tokens(), SequencePooling()
    pooled, weights = pool(layer, x)
    kernel, bias = layer.get_weights()
    powers = np.exp(x @ kernel + bias)[..., 0]
    shares = powers / powers.sum(axis=1, keepdims=True)
    expected = np.array([a @ b for a, b in zip(shares, x, strict=True)])
    np.testing.assert_allclose(weights, shares, rtol=1e-5)
    np.testing.assert_allclose(pooled, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(layer(x), pooled)


def test_weights_are_shares():
    _, weights = pool(SequencePooling(), tokens())
    assert weights.shape == (3, 7)
    assert weights.min() > 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)


def test_zero_kernel_gives_the_mean():
    x = tokens()
    pooled, weights = pool(SequencePooling("zeros"), x)
    np.testing.assert_allclose(weights, 1 / 7, rtol=1e-6)
    np.testing.assert_allclose(pooled, x.mean(axis=1), rtol=1e-5, atol=1e-6)


def test_order_of_the_tokens_changes_nothing():
    x, layer = tokens(), SequencePooling()
    order = np.random.default_rng(1).permutation(7)
    pooled, weights = pool(layer, x)
    again, shuffled = pool(layer, x[:, order])
    np.testing.assert_allclose(again, pooled, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(shuffled, weights[:, order], rtol=1e-5)


def test_bias_cancels():
    x, layer = tokens(), SequencePooling()
    before = ops.convert_to_numpy(layer(x))
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias + 3])
    np.testing.assert_allclose(layer(x), before, rtol=1e-5, atol=1e-6)


def test_one_outstanding_token_is_chosen():
    x, layer = tokens((1, 4, 2)), SequencePooling()
    layer.build(x.shape)
    layer.set_weights([np.array([[1.0], [0.0]]), np.zeros(1)])
    x[0, 2, 0] = 100
    pooled, weights = pool(layer, x)
    np.testing.assert_allclose(weights[0], [0, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(pooled[0], x[0, 2], rtol=1e-5)


def test_thousand_tokens_in_half_precision_still_sum_to_one():
    layer = SequencePooling("zeros", dtype="mixed_float16")
    pooled, _ = pool(layer, np.full((1, 1000, 2), 3.0, "float16"))
    np.testing.assert_allclose(pooled, 3, rtol=2e-3)


@pytest.mark.parametrize("initializer", ["glorot_uniform", "zeros"])
def test_layer_keeps_its_contract(initializer):
    layer = SequencePooling(initializer, name="seqpool")
    check_layer(layer, (3, 7, 5), num_weights=2)
