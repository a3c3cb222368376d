"""The graph behind the page "Try it": its weights, its file, its facts."""

import keras
import numpy as np
import pytest

from cct_utils import create_cct_variant, export_onnx
from cct_utils.inspection import attention_maps, pooling_weights

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def test_graph_gives_attention_and_pooling_weights(tmp_path):
    model = create_cct_variant("cct_2_3x2", image_size=16)
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(weight + rng.normal(0, 0.1, weight.shape))
    export_onnx(model, tmp_path / "model.onnx", attention=True)
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    images = rng.integers(0, 256, (3, 16, 16, 3)).astype("float32")
    names = [output.name for output in session.get_outputs()]
    outputs = session.run(names, {"pixels": images})
    received = dict(zip(names, outputs, strict=True))
    logits = keras.ops.convert_to_numpy(model(images, training=False))
    first, second = attention_maps(model, images)
    expected = {
        "logits": logits,
        "block_0_attention": first,
        "block_1_attention": second,
        "pooling": pooling_weights(model, images)[:, None],
    }
    assert names == list(expected)
    for name in names:
        np.testing.assert_allclose(
            received[name], expected[name], rtol=1e-4, atol=1e-4
        )
