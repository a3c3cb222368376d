"""The encoder block and its MLP against their equations in NumPy."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from cct_utils import encoder_block, mlp
from cct_utils.layers import gelu
from tests.layers.test_self_attention import attention_by_numpy

TOKENS, DIM = 5, 8


def block_model(residual="pre_norm", seed=1, **options):
    """A model of one block, with random weights also where Keras has zeros."""
    inputs = keras.Input((TOKENS, DIM))
    options = {"num_heads": 2, "key_dim": 4, "mlp_units": (12, DIM)} | options
    model = keras.Model(
        inputs, encoder_block(inputs, residual=residual, **options)
    )
    rng = np.random.default_rng(seed)
    model.set_weights([0.4 * rng.normal(size=w.shape) for w in model.weights])
    return model


def norm_by_numpy(x, layer):
    gamma, beta = layer.get_weights()
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def gelu_by_numpy(x):
    """The exact GELU: x times the normal distribution function of x."""
    return x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2


def dense_by_numpy(x, layer):
    kernel, bias = layer.get_weights()
    return x @ kernel + bias


@pytest.mark.parametrize("residual", ["pre_norm", "paper"])
@pytest.mark.parametrize("use_qkv_bias", [True, False])
def test_block_equals_numpy(residual, use_qkv_bias):
    model = block_model(residual, use_qkv_bias=use_qkv_bias)
    layer = {
        layer.name.removeprefix("block_0_"): layer for layer in model.layers
    }
    x = np.random.default_rng(0).normal(size=(TOKENS, DIM)).astype("float32")
    output = ops.convert_to_numpy(model(x[None]))[0]

    normed = norm_by_numpy(x, layer["norm_1"])
    stream = x + attention_by_numpy(normed, layer["attention"])[0]
    normed = norm_by_numpy(stream, layer["norm_2"])
    if residual == "paper":  # the stream itself is overwritten
        stream = normed
    hidden = gelu_by_numpy(dense_by_numpy(normed, layer["mlp_dense_1"]))
    expected = stream + dense_by_numpy(hidden, layer["mlp_dense_2"])
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)


def test_the_two_blocks_differ_in_the_residual_stream_alone():
    one, two = block_model("pre_norm"), block_model("paper")
    assert one.count_params() == two.count_params()
    x = np.random.default_rng(0).normal(size=(1, TOKENS, DIM))
    difference = ops.convert_to_numpy(one(x)) - ops.convert_to_numpy(two(x))
    assert np.abs(difference).max() > 0.1


@pytest.mark.parametrize("drop_prob", [0.0, 0.3])
def test_block_with_zeroed_outputs_is_the_identity(drop_prob):
    model = block_model(drop_prob=drop_prob, dropout_rate=0.2)
    for name in ("attention", "mlp_dense_2"):
        layer = model.get_layer(f"block_0_{name}")
        last = getattr(layer, "projection", layer)
        last.set_weights([np.zeros(w.shape) for w in last.weights])
    x = np.random.default_rng(0).normal(size=(3, TOKENS, DIM)).astype("float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x)), x)
    np.testing.assert_array_equal(model(x, training=True), x)


def test_paper_block_with_zeroed_outputs_is_the_second_norm():
    """The authors' block never returns its input: the norm is in the stream."""
    model = block_model("paper")
    for name in ("attention", "mlp_dense_2"):
        layer = model.get_layer(f"block_0_{name}")
        last = getattr(layer, "projection", layer)
        last.set_weights([np.zeros(w.shape) for w in last.weights])
    x = np.random.default_rng(0).normal(size=(3, TOKENS, DIM)).astype("float32")
    expected = norm_by_numpy(x, model.get_layer("block_0_norm_2"))
    np.testing.assert_allclose(
        ops.convert_to_numpy(model(x)), expected, rtol=1e-4, atol=1e-5
    )


def test_both_branches_pass_through_their_own_stochastic_depth():
    model = block_model(drop_prob=0.5)
    one, two = (
        model.get_layer(f"block_0_stochastic_depth_{i}") for i in (1, 2)
    )
    assert one.drop_prob == two.drop_prob == 0.5
    ones = np.ones((64, 1, 1))
    first, second = one(ones, training=True), two(ones, training=True)
    assert not np.array_equal(first, second)


def test_block_without_drop_has_no_stochastic_depth():
    names = [layer.name for layer in block_model().layers]
    assert not [name for name in names if "stochastic" in name]


def test_mlp_has_no_activation_after_its_last_layer():
    """So its output can be negative without bound; GELU's cannot."""
    inputs = keras.Input((DIM,))
    model = keras.Model(inputs, mlp(inputs, (16, 4, 6), 0.1, name="mlp"))
    x = np.random.default_rng(0).normal(size=(20, DIM)).astype("float32")
    hidden = x
    for i in (1, 2, 3):
        hidden = dense_by_numpy(hidden, model.get_layer(f"mlp_dense_{i}"))
        hidden = hidden if i == 3 else gelu_by_numpy(hidden)
    output = ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(output, hidden, rtol=1e-4, atol=1e-5)
    assert output.min() < -0.2  # GELU is never below -0.17


def test_mlp_drops_values_in_training_alone():
    inputs = keras.Input((DIM,))
    model = keras.Model(inputs, mlp(inputs, [DIM, DIM], dropout_rate=0.5))
    x = np.ones((4, DIM), "float32")
    np.testing.assert_array_equal(model(x), model(x, training=False))
    assert not np.allclose(model(x, training=True), model(x))


def test_gelu_loses_no_digits_in_bfloat16():
    """In bfloat16 itself 1 + erf(x) would lose all of them below -2."""
    x = ops.cast(np.linspace(-3, 3, 201), "bfloat16")
    result = gelu(x)
    assert keras.backend.standardize_dtype(result.dtype) == "bfloat16"
    exact = [
        value * math.erfc(-value / 2**0.5) / 2
        for value in ops.convert_to_numpy(ops.cast(x, "float64"))
    ]
    received = ops.convert_to_numpy(ops.cast(result, "float64"))
    np.testing.assert_allclose(received, exact, rtol=2**-7)


def test_mlp_can_be_called_twice_in_one_model():
    inputs = keras.Input((DIM,))
    x = mlp(inputs, hidden_units=[DIM], dropout_rate=0.1)
    model = keras.Model(inputs, mlp(x, hidden_units=[DIM], dropout_rate=0.1))
    assert model.count_params() == 2 * (DIM + 1) * DIM


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"residual": "post_norm"}, ["pre_norm, paper", "'post_norm'"]),
        ({"mlp_units": (12, 6)}, ["equals that of the tokens, 8", "(12, 6)"]),
        ({"drop_prob": 1.0}, ["[0, 1)", "1.0"]),
        ({"dropout_rate": -1}, ["[0, 1)", "-1"]),
        ({"attention_dropout_rate": 2}, ["[0, 1)", "2"]),
        ({"num_heads": 3, "key_dim": None}, ["divisible", "num_heads=3"]),
    ],
)
def test_block_refuses(options, words):
    with pytest.raises(ValueError) as error:
        block_model(**options)
    for word in ["Received", *words]:
        assert word in str(error.value)


def test_block_saves_and_loads(tmp_path):
    model = block_model("paper", drop_prob=0.1, dropout_rate=0.1)
    model.save(tmp_path / "block.keras")
    loaded = keras.saving.load_model(tmp_path / "block.keras")
    x = np.random.default_rng(0).normal(size=(2, TOKENS, DIM))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(loaded(x)), ops.convert_to_numpy(model(x))
    )
