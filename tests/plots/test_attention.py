"""Figures of the encoder block: what stands on their axes."""

import numpy as np
import pytest

from cct_utils import plots
from tests.plots.helpers import texts


def test_matrices_show_each_number_and_label():
    matrices = {
        "scores": [[4, 2], [0, 1]],
        "weights": [[0.88, 0.12], [0.27, 1]],
    }
    fig = plots.plot_matrices(matrices, ["wheel", "sky"])
    left, right = fig.axes
    assert left.get_title(loc="center") == "scores"
    assert texts(left) == ["4", "2", "0", "1"]
    assert texts(right) == ["0.88", "0.12", "0.27", "1"]
    labels = [tick.get_text() for tick in left.get_yticklabels()]
    assert labels == ["wheel", "sky"]


def test_matrices_refuse_another_number_of_tokens():
    with pytest.raises(ValueError, match="3 rows and columns.*'scores'"):
        plots.plot_matrices({"scores": np.eye(2)}, ["a", "b", "c"])


def test_saturation_draws_both_measures_of_each_case():
    spread = {"as they are": [2, 4], "divided": [1, 1]}
    largest = {"as they are": [0.2, 0.5], "divided": [0.1, 0.1]}
    left, right = plots.plot_saturation([4, 16], spread, largest, 64).axes
    assert [list(line.get_ydata()) for line in left.lines] == [[2, 4], [1, 1]]
    assert list(right.lines[0].get_ydata()) == [0.2, 0.5]
    assert right.lines[2].get_ydata()[0] == 1 / 64
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == ["as they are", "divided"]


def test_heads_draw_image_and_maps_and_mark_the_query():
    weights = np.random.default_rng(0).dirichlet(np.ones(16), (3, 16))
    image = np.zeros((32, 32, 3), "uint8")
    fig = plots.plot_heads(image, weights, [0, 6], ["a", "b", "c"])
    grid = np.reshape(fig.axes[:8], (2, 4))
    shown = grid[1, 2].images[0].get_array()
    np.testing.assert_array_equal(shown, weights[1, 6].reshape(4, 4))
    # Token 6 is in row 1, column 2: 8 pixels wide on the image, 1 on the map.
    on_image, on_map = grid[1, 0].patches[-1], grid[1, 1].patches[-1]
    assert on_image.get_bbox().bounds == (15.5, 7.5, 8, 8)
    assert on_map.get_bbox().bounds == (1.5, 0.5, 1, 1)
    assert grid[0, 3].get_title(loc="center") == "c"


def test_heads_refuse_missing_titles():
    image = np.zeros((8, 8, 3), "uint8")
    with pytest.raises(ValueError, match="each of the 2 heads.*1 titles"):
        plots.plot_heads(image, np.ones((2, 4, 4)), [0], ["a"])


def test_attention_cost_labels_tokens_with_image_sizes():
    costs = {"pairs": [1, 16], "maps": [4, 16], "MLP": [2, 8]}
    ax = plots.plot_attention_cost([64, 256], costs, {64: 32, 256: 64})
    assert [line.get_label() for line in ax.lines] == list(costs)
    assert list(ax.lines[0].get_ydata()) == [1, 16]
    labels = [tick.get_text() for tick in ax.get_xticklabels()]
    assert labels == ["64\n32 px", "256\n64 px"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_activations_draw_each_curve():
    x = np.linspace(-1, 1, 5)
    ax = plots.plot_activations(x, {"GELU": x**2, "ReLU": np.maximum(x, 0)})
    named = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_array_equal(named["ReLU"], [0, 0, 0, 0.5, 1])
    np.testing.assert_array_equal(named["GELU"], x**2)


def test_encoder_blocks_put_the_authors_second_norm_on_the_stream():
    left, right = plots.plot_encoder_blocks().axes
    words = ["norm 1", "attention", "norm 2", "MLP"]
    assert sorted(w for w in texts(left) if w in words) == sorted(words)
    assert sorted(w for w in texts(right) if w in words) == sorted(words)
    place = {
        ax: {text.get_text(): text.get_position()[0] for text in ax.texts}
        for ax in (left, right)
    }
    stream = place[right]["+"]
    assert place[right]["norm 2"] == stream
    assert place[left]["norm 2"] == place[left]["MLP"] > stream


def test_stream_draws_lengths_and_what_branches_add():
    steps = [
        ("tokens", 14.0, None),
        ("block 1 attention", 15.0, 5.0),
        ("block 1 norm 2", 11.0, None),
        ("block 1 MLP", 13.0, 6.0),
    ]
    ax = plots.plot_stream(steps)
    stream = next(line for line in ax.lines if line.get_label() == "stream")
    assert list(stream.get_xdata()) == [14, 15, 11, 13]
    widths = [bar.get_width() for bar in ax.patches if bar.get_width()]
    assert widths == [5, 6]
    assert texts(ax)[:2] == ["+5.0 ", "+6.0 "]
    assert texts(ax)[2:] == ["14.0", "15.0", "11.0", "13.0"]


def test_lengths_of_the_stream_stand_beside_its_line():
    lengths = (25.5, 25.9, 12.4, 16.4, 18.7, 11.1, 21.7)
    ax = plots.plot_stream([("step", length, None) for length in lengths])
    ax.figure.draw_without_rendering()
    stream = next(line for line in ax.lines if line.get_label() == "stream")
    points = ax.transData.transform(stream.get_xydata())
    ends = zip(points, points[1:], strict=False)
    line = np.concatenate([np.linspace(a, b, 200) for a, b in ends])
    for text in ax.texts:
        box = text.get_window_extent()
        assert not any(box.contains(*point) for point in line), text
        assert text.get_bbox_patch() is None
    sides = [text.get_ha() for text in ax.texts]
    assert sides == [
        "right" if length in (12.4, 11.1) else "left" for length in lengths
    ]
