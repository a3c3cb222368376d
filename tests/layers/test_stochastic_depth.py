"""Stochastic depth: whole samples dropped, the mean kept, own randomness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from cct_utils import StochasticDepth, stochastic_depth_rates
from tests.layers.check_layer import check_layer

RATES = st.floats(0, 0.95)


def dropped(layer, batch=64):
    """Which samples of a batch of ones are dropped in one training step."""
    output = ops.convert_to_numpy(layer(np.ones((batch, 3)), training=True))
    return output[:, 0] == 0


@given(drop_prob=RATES, seed=st.integers(0, 1000), axes=st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_each_sample_is_zero_or_scaled_as_a_whole(drop_prob, seed, axes):
    x = np.random.default_rng(seed).normal(size=(16, *[2] * axes))
    x = x.astype("float32")
    layer = StochasticDepth(drop_prob, seed=seed)
    output = ops.convert_to_numpy(layer(x, training=True))
    assert output.shape == x.shape
    for sample, result in zip(x, output, strict=True):
        kept = np.allclose(result, sample / (1 - drop_prob), rtol=1e-4)
        assert kept or np.all(result == 0)


@pytest.mark.parametrize("drop_prob", [0.1, 0.5, 0.9])
def test_mean_and_share_are_kept(drop_prob):
    layer = StochasticDepth(drop_prob, seed=1)
    output = ops.convert_to_numpy(layer(np.ones((40000, 1)), training=True))
    spread = np.sqrt(drop_prob * (1 - drop_prob) / 40000)
    assert abs((output == 0).mean() - drop_prob) < 4 * spread
    assert abs(output.mean() - 1) < 4 * spread / (1 - drop_prob)


@given(drop_prob=RATES)
@settings(max_examples=15, deadline=None)
def test_inference_is_the_identity(drop_prob):
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    layer = StochasticDepth(drop_prob)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x, training=False), x)


def test_rate_zero_is_the_identity_in_training():
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    np.testing.assert_array_equal(StochasticDepth(0)(x, training=True), x)


def test_two_layers_drop_different_samples():
    one, two = StochasticDepth(0.5), StochasticDepth(0.5)
    assert not np.array_equal(dropped(one), dropped(two))


def test_one_layer_drops_other_samples_at_each_step():
    layer = StochasticDepth(0.5)
    assert not np.array_equal(dropped(layer), dropped(layer))


def test_same_seed_repeats():
    one, two = StochasticDepth(0.5, seed=7), StochasticDepth(0.5, seed=7)
    for _ in range(3):
        np.testing.assert_array_equal(dropped(one), dropped(two))
    other = StochasticDepth(0.5, seed=8)
    assert not np.array_equal(dropped(one), dropped(other))


def test_half_precision_keeps_the_share():
    """A coin drawn in half precision would round, and drop too seldom."""
    layer = StochasticDepth(0.002, seed=1, dtype="float16")
    x = ops.ones((100000, 1), "float16")
    output = ops.convert_to_numpy(layer(x, training=True))
    assert 120 < (output == 0).sum() < 280


@given(rate=RATES, num_layers=st.integers(1, 30))
@settings(deadline=None)
def test_rates_lie_on_a_line_from_zero(rate, num_layers):
    rates = stochastic_depth_rates(rate, num_layers)
    assert len(rates) == num_layers
    np.testing.assert_allclose(rates, np.linspace(0, rate, num_layers))
    assert rates[0] == 0
    assert num_layers == 1 or rates[-1] == pytest.approx(rate)


@pytest.mark.filterwarnings("ignore:The model does not have any trainable")
def test_layer_keeps_its_contract():
    check_layer(StochasticDepth(0.3, seed=2), (4, 3, 2), num_weights=0)


@pytest.mark.parametrize("rate", [1, 1.5, -0.1, float("nan"), "half", None])
@pytest.mark.parametrize(
    "make",
    [StochasticDepth, lambda rate: stochastic_depth_rates(rate, 3)],
    ids=["layer", "rates"],
)
def test_rate_outside_zero_to_one_is_refused(make, rate):
    with pytest.raises(ValueError, match=r"\[0, 1\)") as error:
        make(rate)
    assert f"={rate!r}" in str(error.value)


@pytest.mark.parametrize("num_layers", [0, -2])
def test_rates_of_no_layers_are_refused(num_layers):
    with pytest.raises(ValueError, match="num_layers"):
        stochastic_depth_rates(0.1, num_layers)


def test_integers_are_refused_and_not_made_nan():
    layer = StochasticDepth(0.5, dtype="int32")
    with pytest.raises(ValueError, match="must be of floating point"):
        layer(np.ones((4, 3), "int32"), training=True)
