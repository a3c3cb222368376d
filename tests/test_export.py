"""ONNX files: the same answers as Keras, for any batch, nothing random."""

import sys

import keras
import numpy as np
import pytest

from cct_utils import (
    create_cct_model,
    create_cct_variant,
    create_keras_vit,
    create_vit_variant,
    export_onnx,
)
from cct_utils.layers import PositionEmbedding

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

MODELS = {
    "article": create_cct_model,
    "cct_2_3x2": lambda: create_cct_variant("cct_2_3x2"),
    "not square, sine": lambda: create_cct_variant(
        "cct_2_3x2",
        input_shape=(24, 40, 3),
        positional_emb="sine",
        augmentation="randaugment",
    ),
    "bare, no positions": lambda: create_cct_variant(
        "cct_2_3x1",
        image_size=16,
        include_preprocessing=False,
        positional_emb="none",
        residual="pre_norm",
    ),
    "large kernel, one channel": lambda: create_cct_variant(
        "cct_2_7x2", input_shape=(64, 64, 1), num_classes=3, embed_dim=48
    ),
    "vit_lite_2_4": lambda: create_vit_variant("vit_lite_2_4"),
    "cvt_2_4, not square": lambda: create_vit_variant(
        "cvt_2_4", input_shape=(24, 40, 3)
    ),
    "average pooling": lambda: create_vit_variant(
        "cvt_2_8", image_size=16, pooling="average"
    ),
    "vit_keras": lambda: create_keras_vit(
        16, transformer_layers=2, mlp_head_units=(24, 16)
    ),
}


def randomized(model):
    """The model with random weights, so that no bias is zero."""
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        noise = rng.normal(0, 0.1, weight.shape)
        weight.assign(keras.ops.convert_to_numpy(weight) + noise)
    return model


def run(path, images):
    session = onnxruntime.InferenceSession(
        path, providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(["logits"], {"pixels": images})
    return logits


@pytest.mark.parametrize("name", MODELS)
def test_onnx_runtime_agrees_with_keras(name, tmp_path):
    model = randomized(MODELS[name]())
    export_onnx(model, tmp_path / "model.onnx")
    for batch in (1, 3):
        images = np.random.default_rng(batch).integers(
            0, 256, (batch, *model.input_shape[1:])
        )
        images = images.astype("float32")
        if "bare" in name:
            images = images / 128 - 1
        expected = keras.ops.convert_to_numpy(model(images, training=False))
        received = run(tmp_path / "model.onnx", images)
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-4)


def test_graph_is_for_inference_and_says_its_shapes(tmp_path):
    model = create_cct_model(augmentation="randaugment")
    export_onnx(model, str(tmp_path / "model.onnx"))
    graph = onnx.load(tmp_path / "model.onnx").graph
    operators = {node.op_type for node in graph.node}
    assert not any("Random" in each or "Dropout" in each for each in operators)
    assert {"Conv", "MaxPool", "Gelu", "LayerNormalization"} <= operators

    def shape(value):
        sizes = value.type.tensor_type.shape.dim
        return [size.dim_param or size.dim_value for size in sizes]

    (pixels,), (logits,) = graph.input, graph.output
    assert (pixels.name, shape(pixels)) == ("pixels", ["batch", 32, 32, 3])
    assert (logits.name, shape(logits)) == ("logits", ["batch", 10])
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_a_model_of_mixed_precision_is_exported_in_float32(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = create_cct_variant("cct_2_3x2", image_size=16)
    finally:
        keras.config.set_dtype_policy(before)
    single = create_cct_variant("cct_2_3x2", image_size=16)
    single.set_weights(mixed.get_weights())
    export_onnx(mixed, tmp_path / "model.onnx")
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3))
    images = images.astype("float32")
    expected = keras.ops.convert_to_numpy(single(images))
    received = run(tmp_path / "model.onnx", images)
    np.testing.assert_allclose(received, expected, atol=1e-4)


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    model = create_cct_variant("cct_2_3x2", image_size=16)
    with pytest.raises(ImportError, match=r"cct-utils\[export\]"):
        export_onnx(model, tmp_path / "model.onnx")


def test_an_unknown_layer_is_named_and_the_old_file_kept(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old file")
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.UpSampling2D(name="larger")(inputs)
    with pytest.raises(ValueError, match="'larger', a UpSampling2D"):
        export_onnx(keras.Model(inputs, outputs), path)
    assert path.read_bytes() == b"the old file"


def test_an_unknown_activation_is_named(tmp_path):
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(2, activation="selu", name="odd")(inputs)
    with pytest.raises(ValueError, match="selu.* in the layer 'odd'"):
        export_onnx(keras.Model(inputs, outputs), tmp_path / "model.onnx")


def test_arguments_of_a_call_that_would_be_lost_are_refused(tmp_path):
    inputs = keras.Input((4, 8))
    outputs = PositionEmbedding(9, name="late")(inputs, start_index=5)
    with pytest.raises(ValueError, match="'late' must be called"):
        export_onnx(keras.Model(inputs, outputs), tmp_path / "model.onnx")


def test_several_inputs_are_refused(tmp_path):
    inputs = [keras.Input((4,)), keras.Input((4,))]
    model = keras.Model(inputs, keras.layers.Add()(inputs))
    with pytest.raises(ValueError, match="2 inputs and 1 outputs"):
        export_onnx(model, tmp_path / "model.onnx")
