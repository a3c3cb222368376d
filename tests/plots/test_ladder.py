"""Figures of the way from ViT to CCT: what stands on their axes."""

import numpy as np
import pytest
from matplotlib.patches import FancyBboxPatch

from cct_utils import plots


def history(*accuracies):
    """Return the history of a run whose epochs took 30 CPU seconds each."""
    return {
        "val_accuracy": list(accuracies),
        "cpu_seconds": [30.0] * len(accuracies),
    }


def lines(ax):
    """Return the lines of the axes by their names."""
    return {line.get_label(): line for line in ax.lines}


def test_ladder_marks_what_differs_from_the_row_above():
    rungs = [
        plots.Rung("A", "1", ("patches", "token")),
        plots.Rung("B", "2", ("patches", "pooling")),
        plots.Rung("C", "3", ("convolution", "pooling")),
    ]
    ax = plots.plot_ladder(rungs, ("tokens", "readout"))
    boxes = [p for p in ax.patches if isinstance(p, FancyBboxPatch)]
    is_marked = [box.get_edgecolor()[3] > 0 for box in boxes]
    assert is_marked == [False, False, False, True, True, False]
    assert {"A", "B", "C", "tokens"} <= {text.get_text() for text in ax.texts}


def test_ladder_refuses_a_missing_part():
    rungs = [plots.Rung("A", "", ("patches",))]
    with pytest.raises(ValueError, match="2 parts.*Received: 'A' with 1"):
        plots.plot_ladder(rungs, ("tokens", "readout"))


def test_moved_tokens_share_one_scale():
    image = np.zeros((8, 8, 3), "uint8")
    changes = {"patches": np.full((2, 2), 3.0), "windows": np.ones((2, 2))}
    fig = plots.plot_moved_tokens({"before": image, "after": image}, changes)
    drawn = [ax for ax in fig.axes if ax.images]
    titles = [ax.get_title("left") + ax.get_title() for ax in drawn]
    assert titles == ["before", "after", "patches", "windows"]
    assert [ax.images[0].get_clim() for ax in drawn[2:]] == [(0, 3)] * 2


def test_runs_by_cost_count_epochs_and_add_up_minutes():
    runs = {
        "ViT-Lite-2/4": [history(0.2, 0.4)],
        "CCT-2/3x2": [history(0.3, 0.5), history(0.3, 0.6)],
    }
    by_epoch, by_time = plots.plot_runs_by_cost(runs).axes
    assert len(by_epoch.lines) == 3
    vit = lines(by_time)["ViT-Lite-2/4"]
    np.testing.assert_allclose(vit.get_xdata(), [0.5, 1.0])
    np.testing.assert_allclose(vit.get_ydata(), [20, 40])
    np.testing.assert_allclose(by_epoch.lines[0].get_xdata(), [1, 2])
    assert vit.get_color() == plots.COLORS["vit"]
    assert len(by_epoch.get_legend().get_texts()) == 2  # a seed is no model


def test_the_end_of_the_first_model_is_marked_in_time():
    runs = {"CVT-2/4": [history(0.2, 0.4)], "CCT-2/3x2": [history(0.5)]}
    by_epoch, by_time = plots.plot_runs_by_cost(runs).axes
    (end,) = [line for line in by_time.lines if line.get_linestyle() == ":"]
    assert set(end.get_xdata()) == {1.0}  # two epochs of half a minute
    assert [text.get_text() for text in by_time.texts] == [
        "CVT-2/4\nhas finished"
    ]
    assert not by_epoch.texts


def test_pairs_are_lines_of_means_in_the_colors_of_their_models():
    pairs = {
        "ViT-Lite-2/4": ([36, 38], [34, 34]),
        "CCT-2/3x2": ([45], [32, 33.5]),
    }
    ax = plots.plot_pairs(pairs, ("images", "confetti"))
    drawn = [line for line in ax.lines if list(line.get_xdata()) == [0, 1]]
    assert [tuple(line.get_ydata()) for line in drawn] == [
        (37, 34),
        (45, 32.75),
    ]
    colors = [plots.COLORS["vit"], plots.COLORS["cct"]]
    assert [line.get_color() for line in drawn] == colors
    seeds = [line for line in ax.lines if line not in drawn]
    assert sorted(y for line in seeds for y in line.get_ydata()) == (
        [32, 33.5, 34, 34, 36, 38, 45]
    )
    assert [text.get_text() for text in ax.texts] == (
        ["ViT-Lite-2/4\n37.0", "34.0", "CCT-2/3x2\n45.0", "32.8"]
    )
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["images", "confetti"]


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="must begin with.*'ResNet'"):
        plots.plot_runs_by_cost({"ResNet": [history(0.1)]})


def test_data_efficiency_draws_each_seed_and_the_distance_of_means():
    ax = plots.plot_data_efficiency(
        {
            "ViT-Lite-2/4": {25_000: [60.0], 5_000: [40.0]},
            "CCT-2/3x2": {5_000: [49.0, 51.0], 50_000: [80.0]},
        }
    )
    vit, cct = (lines(ax)[name] for name in ("ViT-Lite-2/4", "CCT-2/3x2"))
    np.testing.assert_allclose(sorted(vit.get_xdata()), [5000, 25_000])
    np.testing.assert_allclose(sorted(cct.get_ydata()), [49, 51, 80])
    means = [
        line.get_ydata() for line in ax.lines if len(line.get_xdata()) == 2
    ]
    assert any(np.allclose(each, [50, 80]) for each in means)
    assert [text.get_text() for text in ax.texts] == ["10.0"]  # both at 5,000
    ticks = [tick.get_text() for tick in ax.get_xticklabels()]
    assert ticks == ["5,000", "25,000", "50,000"]
