"""Figures of sequence pooling: what is drawn, and where."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from cct_utils import plots

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 8, 8, 3), dtype="uint8")
WEIGHTS = RNG.dirichlet(np.ones(16), size=5)


def title_of(ax):
    """The title, wherever the style in use puts it."""
    return ax.get_title(loc="left") or ax.get_title(loc="center")


def grid_of(ax):
    """The array of the last image on the axes."""
    return np.asarray(ax.images[-1].get_array())


def test_weight_scale_has_a_panel_per_kernel_and_a_bar_per_token():
    weights = [[0.2, 0.3, 0.5], [0, 0, 1]]
    fig = plots.plot_weight_scale(weights, ["× 1", "× 30"])
    assert [title_of(ax) for ax in fig.axes] == ["× 1", "× 30"]
    heights = [[bar.get_height() for bar in ax.patches] for ax in fig.axes]
    np.testing.assert_allclose(heights, weights)


def test_pooling_weights_are_drawn_as_grids_in_units_of_the_equal_share():
    fig = plots.plot_pooling_weights(IMAGES, WEIGHTS, list("abcde"))
    axes = fig.axes[:16]  # 4 columns, twice an image row and a weight row
    np.testing.assert_array_equal(grid_of(axes[0]), IMAGES[0])
    np.testing.assert_allclose(
        grid_of(axes[4]), 16 * WEIGHTS[0].reshape(4, 4), rtol=1e-6
    )
    np.testing.assert_allclose(
        grid_of(axes[12]), 16 * WEIGHTS[4].reshape(4, 4), rtol=1e-6
    )
    assert title_of(axes[8]) == "e"
    assert {ax.images[-1].get_clim() for ax in (axes[4], axes[12])} == {
        (0, 16 * WEIGHTS.max())
    }
    assert "1/16" in fig.axes[-1].get_xlabel()


def test_pooling_weights_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="`images`.*Received: 4"):
        plots.plot_pooling_weights(IMAGES[:4], WEIGHTS)
    with pytest.raises(ValueError, match="`titles`.*Received: 1"):
        plots.plot_pooling_weights(IMAGES, WEIGHTS, ["one"])
    with pytest.raises(ValueError, match="square grid.*Received: 15"):
        plots.plot_pooling_weights(IMAGES, WEIGHTS[:, :15])


def test_votes_show_factors_and_product():
    votes = RNG.normal(size=16)
    fig = plots.plot_votes(IMAGES[0], WEIGHTS[0], votes, "frog")
    image, weight, vote, product = fig.axes[:4]
    np.testing.assert_array_equal(grid_of(image), IMAGES[0])
    np.testing.assert_allclose(grid_of(weight), WEIGHTS[0].reshape(4, 4))
    np.testing.assert_allclose(grid_of(vote), votes.reshape(4, 4))
    expected = (WEIGHTS[0] * votes).reshape(4, 4)
    np.testing.assert_allclose(grid_of(product), expected)
    assert "frog" in title_of(vote)
    assert f"{expected.sum():.2f}" in title_of(product)
    low, high = vote.images[0].get_clim()
    assert low == -high  # zero is the middle of the colors


def test_gradient_maps_count_the_tokens_that_are_reached():
    maps = np.stack([np.zeros(16), np.ones(16), np.arange(16.0)])[None]
    fig = plots.plot_gradient_maps(maps, ["a", "b", "c"], ["late"])
    counts = [ax.get_xlabel() for ax in fig.axes[:3]]
    assert counts == [f"reaches {n} of 16" for n in (0, 16, 15)]
    assert grid_of(fig.axes[2]).max() == 1  # a share of the row's largest
    with pytest.raises(ValueError, match="`columns`.*Received: 2"):
        plots.plot_gradient_maps(maps, ["a", "b"], ["late"])


def test_weights_and_skill_are_two_maps():
    skill = np.linspace(0.2, 0.5, 16)
    fig = plots.plot_weights_and_skill(WEIGHTS[0], skill)
    left, right = fig.axes[:2]
    np.testing.assert_allclose(grid_of(left), 16 * WEIGHTS[0].reshape(4, 4))
    np.testing.assert_allclose(grid_of(right), 100 * skill.reshape(4, 4))
    assert left.images[0].get_clim()[0] == 0


def test_readouts_are_bars_in_percent_with_one_marked():
    ax = plots.plot_readouts(
        {"average": 0.5, "pooled": 0.625}, highlight="pooled", chance=0.1
    )
    assert [bar.get_width() for bar in ax.patches] == [50, 62.5]
    assert [text.get_text() for text in ax.texts] == ["50.0", "62.5"]
    assert ax.lines[0].get_xdata()[0] == 10
    first, second = (bar.get_facecolor() for bar in ax.patches)
    assert second == to_rgba(plots.COLORS["pool"]) != first
    with pytest.raises(ValueError, match="average, pooled.*'other'"):
        plots.plot_readouts({"average": 0.5, "pooled": 0.6}, highlight="other")


def test_speakers_are_as_thick_as_their_weights():
    fig = plots.plot_speakers(["a", "b"], [0.9, 0.1])
    titles = [ax.get_title("left") + ax.get_title() for ax in fig.axes]
    assert titles == ["Class token", "Average", "Sequence pooling"]

    def widths(ax):
        arrows = [
            text.arrow_patch for text in ax.texts if text.get_text() == ""
        ]
        return [arrow.get_linewidth() for arrow in arrows]

    average, pooled = map(widths, fig.axes[1:])
    assert average[0] == average[1]
    assert pooled[0] == pytest.approx(9 * pooled[1])
    shown = [[text.get_text() for text in ax.texts] for ax in fig.axes]
    assert "class" in shown[0] and "0.50" in shown[1] and "0.90" in shown[2]


def test_speakers_need_a_weight_each():
    with pytest.raises(ValueError, match="weights"):
        plots.plot_speakers(["a", "b"], [1.0])
