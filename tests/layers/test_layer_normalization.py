"""Layer normalization: the values, gradients and weights of Keras's layer."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from cct_utils import LayerNormalization
from tests.layers.check_layer import check_layer

tf = pytest.importorskip("tensorflow")


def tokens(shape=(4, 6, 8), offset=0.5):
    rng = np.random.default_rng(0)
    return (3 * rng.normal(size=shape) + offset).astype("float32")


def pair(shape, **arguments):
    """Our layer and Keras's, with the same weights, none of them 0 or 1."""
    ours, theirs = (
        kind(epsilon=1e-5, **arguments)
        for kind in (LayerNormalization, layers.LayerNormalization)
    )
    rng = np.random.default_rng(1)
    for layer in (ours, theirs):
        layer.build(shape)
    values = [rng.normal(size=weight.shape) for weight in ours.weights]
    for layer in (ours, theirs):
        layer.set_weights(values)
    return ours, theirs


def values_and_gradients(layer, x):
    """What a layer answers, and the gradients by its input and weights."""
    x = tf.constant(x)
    factors = np.random.default_rng(2).normal(size=x.shape)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(tf.cast(y, "float32") * factors)
    weights = [weight.value for weight in layer.trainable_weights]
    return [np.array(each) for each in (y, *tape.gradient(loss, [x, *weights]))]


@pytest.mark.parametrize("shape", [(5, 8), (4, 6, 8), (2, 3, 4, 128)])
@pytest.mark.parametrize("offset", [0, 30])
def test_values_and_gradients_are_those_of_keras(shape, offset):
    x = tokens(shape, offset)
    ours, theirs = (values_and_gradients(each, x) for each in pair(shape))
    assert len(ours) == 4
    for received, expected in zip(ours, theirs, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(received, expected, atol=2e-5 * scale)


def test_the_gradient_is_the_slope():
    layer, _ = pair((3, 8))
    x, factors = tokens((3, 8)), np.random.default_rng(2).normal(size=(3, 8))

    def loss(x):
        wide = (x - x.mean(-1, keepdims=True)) / np.sqrt(
            x.var(-1, keepdims=True) + 1e-5
        )
        gamma, beta = (ops.convert_to_numpy(each) for each in layer.weights)
        return ((wide * gamma + beta) * factors).sum()

    _, gradient, *_ = values_and_gradients(layer, x)
    for place in [(0, 0), (1, 5), (2, 7)]:
        step = np.zeros((3, 8))
        step[place] = 1e-4
        slope = (loss(x + step) - loss(x - step)) / 2e-4
        assert gradient[place] == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_in_16_bits_it_is_as_near_to_the_truth_as_keras():
    x = tokens((16, 64), offset=4)
    truth = values_and_gradients(pair(x.shape)[1], x)
    ours, theirs = (
        values_and_gradients(each, tf.cast(x, "bfloat16"))
        for each in pair(x.shape, dtype="mixed_bfloat16")
    )
    assert [each.dtype.name for each in ours] == (
        ["bfloat16", "bfloat16", "float32", "float32"]
    )
    for received, expected, right in zip(ours, theirs, truth, strict=True):
        errors = [
            np.abs(each.astype("float32") - right).mean()
            for each in (received, expected)
        ]
        assert errors[0] < 1.1 * errors[1]


@pytest.mark.parametrize(
    "arguments",
    [{"axis": 1}, {"axis": (1, 2)}, {"center": False}, {"scale": False}],
)
def test_other_ways_to_normalize_are_left_to_keras(arguments):
    x = tokens()
    ours, theirs = pair(x.shape, **arguments)
    for received, expected in zip(
        values_and_gradients(ours, x),
        values_and_gradients(theirs, x),
        strict=True,
    ):
        np.testing.assert_array_equal(received, expected)


def test_a_program_compiled_by_xla_normalizes_alike():
    layer, _ = pair((4, 6, 8))
    compiled = tf.function(layer, jit_compile=True)(tokens())
    np.testing.assert_allclose(compiled, layer(tokens()), atol=1e-5)


def test_it_takes_as_many_operations_over_all_tokens_as_it_says():
    counts = []
    for layer in pair((4, 6, 8)):

        @tf.function
        def gradients(x, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(x))
            return tape.gradient(
                loss, [x, *(w.value for w in layer.trainable_weights)]
            )

        graph = gradients.get_concrete_function(
            tf.TensorSpec((4, 6, 8), "float32")
        ).graph
        counts.append(
            sum(
                np.prod(each.shape) == 4 * 6 * 8
                for operation in graph.get_operations()
                if operation.type not in ("Reshape", "Identity", "IdentityN")
                for each in operation.outputs
                if each.shape.rank and None not in each.shape
            )
        )
    ours, theirs = counts
    assert ours == 14 < theirs


def test_weights_of_keras_are_read_by_their_names(tmp_path):
    def model(kind):
        image = keras.Input((6, 8))
        return keras.Model(image, kind(epsilon=1e-5)(image))

    source, target = model(layers.LayerNormalization), model(LayerNormalization)
    source.set_weights([np.arange(8.0), np.arange(8.0, 16)])
    source.save_weights(tmp_path / "x.weights.h5")
    target.load_weights(tmp_path / "x.weights.h5")
    np.testing.assert_allclose(source(tokens()), target(tokens()), atol=1e-4)


def test_layer_contract():
    check_layer(LayerNormalization(epsilon=1e-5), (4, 6, 8), num_weights=2)
