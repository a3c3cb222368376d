"""Class pooling: the first token, and nothing of the others."""

import keras
import numpy as np
from keras import ops

from cct_utils import ClassPooling


def test_pooling_gives_the_first_token_in_either_mode():
    x = np.random.default_rng(0).normal(size=(3, 7, 5)).astype("float32")
    layer = ClassPooling()
    np.testing.assert_array_equal(layer(x), x[:, 0])
    assert layer.compute_output_shape(x.shape) == (3, 5)
    assert layer.weights == []


def test_pooling_survives_saving_and_half_precision(tmp_path):
    inputs = keras.Input((7, 5))
    outputs = ClassPooling(name="pooling", dtype="mixed_bfloat16")(inputs)
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    pooled = model(np.ones((2, 7, 5), "float32"))
    assert keras.backend.standardize_dtype(pooled.dtype) == "bfloat16"
    assert model.get_layer("pooling").get_config()["name"] == "pooling"
    np.testing.assert_array_equal(ops.cast(pooled, "float32"), np.ones((2, 5)))
