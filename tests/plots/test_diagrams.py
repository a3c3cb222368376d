"""Figures of whole models: boxes, shapes, bars and points."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyBboxPatch

from cct_utils import plots
from tests.plots.helpers import texts

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (8, 8, 3), dtype="uint8")


def steps():
    return [
        plots.ModelStep("stage", "conv", 1728, RNG.random((4, 4, 20))),
        plots.ModelStep("rows", "conv", 0, RNG.normal(size=(16, 20))),
        plots.ModelStep("pooling", "pool", 21, RNG.normal(size=20)),
        plots.ModelStep("dense", "logits", 63, np.array([0.1, 2.0, -1])),
    ]


def test_model_shows_each_box_shape_and_array():
    fig = plots.plot_model(IMAGE, steps(), ["cat", "dog", "frog"])
    ax = fig.axes[0]
    boxes = [p for p in ax.patches if isinstance(p, FancyBboxPatch)]
    assert len(boxes) == 4
    words = texts(ax)
    for shape in ("8 × 8 × 3", "4 × 4 × 20", "16 × 20", "20", "3"):
        assert shape in words
    assert {"1,728 parameters", "21 parameters", "63 parameters"} <= set(words)
    assert "0 parameters" not in words
    pictures = ax.child_axes
    assert len(pictures) == 5
    np.testing.assert_array_equal(pictures[0].images[0].get_array(), IMAGE)
    assert pictures[2].images[0].get_array().shape == (16, 20)
    assert texts(pictures[4]) == ["dog"]  # the largest logit has a name


def test_diagrams_are_svg_too_and_always_the_same():
    image = np.zeros((8, 8, 3), "uint8")
    drawings = [
        plots.plot_model(image, steps(), ["cat", "dog", "frog"]),
        plots.plot_encoder_blocks(),
        plots.plot_ladder(
            [plots.Rung("ViT", "", ("patches",))], ["tokens"]
        ).figure,
    ]
    for drawing in drawings:
        text, size = drawing._repr_svg_()
        assert text.count("<svg ") == 1 and len(text) < 100_000
        assert (text, size) == drawing._repr_svg_()
        assert 400 < size["width"] < 600
    _, chart = plots.new_figure()
    assert not hasattr(chart.figure, "_repr_svg_")


def test_model_refuses_an_unknown_kind():
    step = plots.ModelStep("x", "magic", 0, np.zeros((4, 4)))
    with pytest.raises(ValueError, match="conv, position.*'magic'"):
        plots.plot_model(IMAGE, [step], ["a"])


def test_parts_are_grouped_bars_with_totals():
    counts = {"A": {"x": 10, "y": 2000}, "B": {"x": 30, "y": 2000}}
    ax = plots.plot_parts(counts, highlight="x")
    widths = [bar.get_width() for bar in ax.containers[0]]
    widths += [bar.get_width() for bar in ax.containers[1]]
    assert widths == [10, 2000, 30, 2000]
    assert texts(ax) == ["10", "2,000", "30", "2,000"]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["A: 2,010", "B: 2,030"]
    with pytest.raises(ValueError, match="parts x, y.*'B' with x"):
        plots.plot_parts({"A": counts["A"], "B": {"x": 1}})


def test_accuracy_cost_places_each_model_in_both_panels():
    rows = [
        plots.Published("2/3x2", 64, 89.17, 283_723, 35_341_568),
        plots.Published("6/3x1", 256, 94.81, 3_233_803, 1_014_000_000),
        plots.Published("7/3x1", 256, 94.78, 3_760_139, 1_181_000_000),
    ]
    fig = plots.plot_accuracy_cost(rows)
    for ax, field in zip(fig.axes, ("parameters", "macs"), strict=True):
        points = np.concatenate([c.get_offsets() for c in ax.collections])
        expected = [[getattr(r, field) / 1e6, r.accuracy] for r in rows]
        np.testing.assert_allclose(points, expected)
        assert texts(ax) == ["2/3x2", "6/3x1", "7/3x1"]
        assert ax.get_xscale() == "log"
        # A neighbor to the right pushes the name to the left.
        assert [t.get_ha() for t in ax.texts] == ["left", "right", "left"]


def test_class_probabilities_show_the_best_first():
    rows = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
    fig = plots.plot_class_probabilities(
        [IMAGE, IMAGE], rows, ["cat", "dog", "frog"], [1, 2], top=2
    )
    below = fig.axes[2:]
    assert texts(below[0]) == ["dog", "70%", "frog", "20%"]
    assert texts(below[1]) == ["cat", "50%", "dog", "30%"]
    blue = to_rgba(plots.COLORS["cct"])
    assert below[0].patches[0].get_facecolor() == blue  # the true class
    assert below[1].patches[0].get_facecolor() != blue
    with pytest.raises(ValueError, match="each of the 1 images.*2 rows"):
        plots.plot_class_probabilities([IMAGE], rows, ["a", "b", "c"], [0])
