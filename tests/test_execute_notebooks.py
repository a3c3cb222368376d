"""What the script that executes chapters writes: no noise, small figures."""

import base64
import importlib
import io
import json
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
RNG = np.random.default_rng(0)
LOG = (
    "WARNING: All log messages before absl::InitializeLog() is called are "
    "written to STDERR\n"
    "I0000 00:00:1795726393.393983   24196 cpu_feature_guard.cc:227] This "
    "TensorFlow binary is optimized to use available CPU instructions.\n"
    "To enable the following instructions: AVX2 FMA, rebuild TensorFlow.\n"
)
WARNING = "page.py:3: UserWarning: the loss is not finite\n  warn('a')\n"


@pytest.fixture
def script(monkeypatch):
    """The script that executes the chapters."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("execute_notebooks")


def stream(text, name="stderr"):
    """What a cell wrote."""
    return new_output("stream", name=name, text=text)


def encoded(pixels):
    """An array of pixels as the base64 text of a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def decoded(text):
    """The pixels of a PNG in base64 text."""
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    return np.asarray(picture.convert("RGB"))


def test_only_a_log_of_the_import_is_one(script):
    assert script.is_startup_log(stream(LOG))
    assert not script.is_startup_log(stream(LOG, "stdout"))
    assert not script.is_startup_log(stream(WARNING + LOG))
    assert not script.is_startup_log(stream(WARNING))
    assert not script.is_startup_log(stream("\n"))


def test_tidy_drops_the_log_and_keeps_the_warning_around_it(script):
    outputs = [
        stream(LOG),
        stream(LOG + WARNING),
        stream(WARNING + LOG + "W0000 00:00:1.5  7 a.cc:1] a warning\n"),
        stream(LOG, "stdout"),
    ]
    notebook = new_notebook(cells=[new_code_cell(outputs=outputs)])
    script.tidy(notebook, "01")
    texts = [output.text for output in notebook.cells[0].outputs]
    last = "W0000 00:00:1.5  7 a.cc:1] a warning\n"
    assert texts == [WARNING, WARNING + last, LOG]


def test_tidy_drops_what_differs_from_run_to_run(script):
    times = {"iopub.execute_input": "2026-01-01T00:00:00Z"}
    cell = new_code_cell("1", metadata={"execution": times, "tags": ["a"]})
    notebook = new_notebook(
        cells=[new_markdown_cell("text"), cell],
        metadata={
            "kernelspec": {"name": "mine", "display_name": "My own"},
            "language_info": {"name": "python", "version": "3.11.9"},
            "widgets": {script.STATE_TYPE: {"state": {"unseen": {}}}},
        },
    )
    script.tidy(notebook, "01")
    assert notebook.cells[1].metadata == {"tags": ["a"]}
    assert notebook.metadata == {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }


def with_widgets(script, first, second):
    """A chapter that shows one widget, which refers to another."""
    view = {script.VIEW_TYPE: {"model_id": first}}
    cell = new_code_cell(outputs=[new_output("display_data", view)])
    cell["id"] = "cell"
    state = {
        "hidden": {"state": {}},
        second: {"state": {}},
        first: {"state": {"layout": f"IPY_MODEL_{second}"}},
    }
    widgets = {script.STATE_TYPE: {"state": state, "version_major": 2}}
    return new_notebook(cells=[cell], metadata={"widgets": widgets})


def test_widgets_have_the_same_names_each_time(script):
    one = with_widgets(script, "f" * 32, "0" * 32)
    two = with_widgets(script, "1" * 32, "e" * 32)
    for notebook in (one, two):
        script.tidy(notebook, "05")
    assert nbformat.writes(one) == nbformat.writes(two)
    data = one.cells[0].outputs[0].data
    assert data[script.VIEW_TYPE]["model_id"] == "widget05n0000"
    saved = one.metadata["widgets"][script.STATE_TYPE]["state"]
    assert sorted(saved) == ["widget05n0000", "widget05n0001"]
    assert "IPY_MODEL_widget05n0001" in json.dumps(saved)


def test_widgets_are_numbered_in_the_order_given(script):
    cells = [new_markdown_cell("aaaa and bbbb")]
    notebook = new_notebook(cells=cells, metadata={"title": "bbbb"})
    script.name_widgets(notebook, ["bbbb", "aaaa"], "07")
    expected = "widget07n0001 and widget07n0000"
    assert notebook.cells[0].source == expected
    assert notebook.metadata["title"] == "widget07n0000"


def test_a_small_figure_is_left_as_it_is(script):
    text = encoded(RNG.integers(0, 256, (20, 30, 3), "uint8"))
    assert script.shrink_figure(text) == text


def test_a_large_figure_loses_bits_of_its_colors_and_no_pixel(script):
    pixels = RNG.integers(0, 256, (200, 200, 3), "uint8")  # 120 KB
    text = script.shrink_figure(encoded(pixels))
    assert len(base64.b64decode(text)) <= script.FIGURE_BYTES
    error = np.abs(decoded(text).astype(int) - pixels)
    assert 0 < error.max() <= 4  # half a step of the 63 that 6 bits make


def test_where_that_is_not_enough_a_palette_is(script):
    pixels = RNG.integers(0, 256, (300, 300, 3), "uint8")  # 270 KB
    text = script.shrink_figure(encoded(pixels))
    assert len(base64.b64decode(text)) <= script.FIGURE_BYTES
    received = decoded(text)
    assert received.shape == pixels.shape
    assert len(np.unique(received.reshape(-1, 3), axis=0)) <= 256
