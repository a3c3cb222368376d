"""The graph behind the page "Try it": its weights, its file, its facts."""

import importlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from cct_utils import create_cct_variant, export_onnx, load_trained
from cct_utils.inspection import attention_maps, pooling_weights

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

ROOT = Path(__file__).resolve().parents[1]


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


@pytest.fixture
def script(monkeypatch):
    """The script that writes the page's files."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("export_try_it")


def test_page_has_the_graph_and_the_facts_of_the_shipped_model(script):
    from fetch_vendor import unpack

    model = load_trained()
    again = "run python scripts/export_try_it.py"
    shipped = onnx.load_from_string(unpack(script.MODEL.read_bytes()))
    fresh = onnx.load_from_string(script.export_graph(model))
    assert shipped == fresh, again
    expected = json.loads(script.FACTS.read_text("utf-8"))
    facts = script.collect_facts(model)
    # A probability on the threshold may fall to either side of it.
    digits = expected.pop("digits"), facts.pop("digits")
    assert digits[0] == pytest.approx(digits[1], abs=0.002), again
    assert facts == expected, again


def test_bands_of_confidence_count_every_image_once(script):
    logits = np.log([[0.95, 0.05], [0.5, 0.5], [1 - 1e-9, 1e-9], [0.3, 0.7]])
    bands = script.confidence_bands(logits, np.array([0, 0, 1, 1]))
    assert [band["images"] for band in bands] == [0, 1, 1, 0, 2]
    assert [band["right"] for band in bands] == [None, 1.0, 1.0, None, 0.5]
