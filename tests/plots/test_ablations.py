"""Figures of differences and of ablations: what is drawn, and where."""

import numpy as np
import pytest

from cct_utils import plots

CHANGES = [
    plots.Change("layers", "1", (61.0,), ("×0.7", "×0.9")),
    plots.Change("layers", "4", (66.0, 67.0), ("×1.7", "×1.3")),
    plots.Change("pooling", "average", (64.5,), ("×1.0", "×1.0")),
]
BASE = [64.0, 65.0, 66.0]


@pytest.fixture
def axes():
    fig = plots.plot_ablation(
        BASE, CHANGES, (63.0, 67.0), price_titles=("CPU s", "weights")
    )
    return fig.axes


def test_differences_are_shares_that_sum_to_one():
    values = np.random.default_rng(0).normal(size=5000)
    ax = plots.plot_differences({"one": values, "five": values / 2})
    for patch in ax.patches:
        assert patch.get_data().values.sum() == pytest.approx(100, abs=0.5)
    assert [patch.get_fill() for patch in ax.patches] == [True, False]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "one",
        "five",
    ]


@pytest.mark.parametrize("number", [0, 4])
def test_differences_refuse_too_few_and_too_many(number):
    with pytest.raises(ValueError, match=f"Received: {number}"):
        plots.plot_differences({i: [1.0] for i in range(number)})


def test_ablation_has_a_dot_for_each_seed(axes):
    dots = [line for line in axes[0].lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == [
        BASE,
        [61.0],
        [66.0, 67.0],
        [64.5],
    ]
    places = zip(axes[0].get_yticks(), axes[0].get_yticklabels(), strict=True)
    assert [text.get_text() for _, text in sorted(places)] == [
        "base",
        "layers",
        "1",
        "4",
        "pooling",
        "average",
    ]


def test_ablation_colors_gains_and_losses_outside_the_band():
    changes = [
        plots.Change("layers", name, values)
        for name, values in (("1", (-2, -3)), ("2", (0.5, 0.1)), ("4", (3, 1)))
    ]
    axes = plots.plot_ablation([0], changes, (-1, 1)).axes
    dots, ticks = (
        [line for line in axes[0].lines if line.get_marker() == marker]
        for marker in "o|"
    )
    assert [line.get_xdata().item() for line in ticks] == [-2.5, 0.3, 2]
    wanted = [plots.COLORS[name] for name in ("highlight", "muted", "cct")]
    assert [line.get_color() for line in ticks] == wanted
    assert [line.get_color() for line in dots[1:]] == wanted


def test_ablation_writes_each_price_on_the_line_of_its_change(axes):
    dots = [line for line in axes[0].lines if line.get_marker() == "o"]
    heights = [line.get_ydata()[0] for line in dots]
    drawn = {text.get_position(): text.get_text() for text in axes[1].texts}
    rows = [("CPU s", "weights"), *(change.prices for change in CHANGES)]
    assert drawn == {
        (column + 1, height): price
        for height, prices in zip(heights, rows, strict=True)
        for column, price in enumerate(prices)
    }


def test_ablation_draws_each_bound_as_a_dotted_line():
    bare = [plots.Change("layers", "1", (0.5,))]
    axes = plots.plot_ablation([0], bare, (-1, 1), bounds=(-2, 3)).axes
    dotted = [line for line in axes[0].lines if line.get_linestyle() == ":"]
    assert [set(line.get_xdata()) for line in dotted] == [{-2}, {3}]


def test_ablation_says_what_is_missing():
    with pytest.raises(ValueError, match="Received: none"):
        plots.plot_ablation(BASE, [], (0, 1))
    with pytest.raises(ValueError, match=r"layers 1 .* 1 columns. Received: 2"):
        plots.plot_ablation(BASE, CHANGES, (0, 1), price_titles=("CPU s",))
