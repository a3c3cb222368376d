"""The contract that every layer of the package keeps, as one check."""

import json
import tempfile

import keras
import numpy as np
from keras import ops

POLICIES = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}


def check_layer(layer, input_shape, num_weights):
    """Checks a fresh layer against what Keras and the book expect of it.

    The configuration survives JSON, the symbolic shape is the eager one, a
    saved model answers the same, both mixed precisions compute in their type
    and stay finite, and one step of `fit` gives a finite loss.

    Args:
        layer: a layer that has not been called yet.
        input_shape: shape of its input, with the batch size.
        num_weights: how many arrays of trainable weights it has.
    """
    x = np.random.default_rng(0).normal(size=input_shape).astype("float32")
    _check_config(layer)
    output = layer(x)
    assert len(layer.trainable_weights) == num_weights
    assert len({w.path for w in layer.weights}) == len(layer.weights)
    assert tuple(layer.compute_output_shape(input_shape)) == output.shape

    inputs = keras.Input(input_shape[1:])
    symbolic = layer(inputs)
    assert tuple(symbolic.shape) == (None, *output.shape[1:])
    model = keras.Model(inputs, symbolic)
    _check_saving(model, x)
    _check_policies(layer, x)

    model.compile("sgd", "mse", run_eagerly=True)
    history = model.fit(x, np.zeros(output.shape), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])


def _check_config(layer):
    """The configuration makes the same layer again, also by way of JSON."""
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config
    text = json.dumps(keras.saving.serialize_keras_object(layer))
    again = keras.saving.deserialize_keras_object(json.loads(text))
    assert type(again) is type(layer)
    assert again.get_config() == config


def _check_saving(model, x):
    """A saved and loaded model gives equal outputs."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(loaded(x)), ops.convert_to_numpy(model(x))
    )


def _check_policies(layer, x):
    """Mixed precision computes in half the bits, with weights in float32."""
    expected = ops.convert_to_numpy(layer(x))
    for policy, dtype in POLICIES.items():
        mixed = type(layer).from_config({**layer.get_config(), "dtype": policy})
        mixed.build(x.shape)
        mixed.set_weights(layer.get_weights())
        output = mixed(x, training=False)
        assert keras.backend.standardize_dtype(output.dtype) == dtype
        assert {w.dtype for w in mixed.trainable_weights} <= {"float32"}
        values = ops.convert_to_numpy(ops.cast(output, "float32"))
        np.testing.assert_allclose(values, expected, rtol=0.1, atol=0.1)
        trained = ops.cast(mixed(x, training=True), "float32")
        assert np.all(np.isfinite(ops.convert_to_numpy(trained)))
