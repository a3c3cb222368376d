"""Figures of recipes: what is drawn, and where."""

import numpy as np
import pytest

from cct_utils import plots


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_schedules_of_any_length_end_at_the_same_place():
    ax = plots.plot_schedules({"a": [0.001] * 4, "b": np.linspace(0, 1, 10)})
    assert legend(ax) == ["a", "b"]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0, 25, 50, 75])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 1)
    assert ax.lines[1].get_xdata()[-1] == 90


def test_descents_are_drawn_on_a_logarithmic_scale():
    ax = plots.plot_descents({"constant": [10, 1, 0.5]})
    assert ax.get_yscale() == "log"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [10, 1, 0.5])


def test_learning_rates_draw_losses_and_their_running_mean():
    rates, losses = np.geomspace(1e-3, 1, 4), np.array([2.0, 1, 3, 90])
    ax = plots.plot_learning_rates({"search": (rates, losses)})
    mean, points = ax.lines
    np.testing.assert_allclose(points.get_ydata(), losses)
    np.testing.assert_allclose(mean.get_ydata(), [2, 24, 24, 94 / 3])
    assert ax.get_xscale() == "log"
    # Not up to where the loss explodes: the top is above the first loss.
    np.testing.assert_allclose(ax.get_ylim(), [0.58, 2.4])


def test_newton_schulz_has_a_panel_and_a_line_for_each_value():
    fig = plots.plot_newton_schulz(
        {"one": np.ones((6, 3)), "two": np.full((6, 3), 0.5)}
    )
    assert [ax.get_title() for ax in fig.axes] == ["one", "two"]
    assert [len(ax.lines) for ax in fig.axes] == [3, 3]
    np.testing.assert_allclose(fig.axes[1].lines[2].get_ydata(), 0.5)


def test_spectra_begin_at_one():
    ax = plots.plot_spectra({"gradient": [4.0, 2, 1], "step": [1.0, 1, 0.8]})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 0.5, 0.25])
    assert legend(ax) == ["gradient", "step"]


def test_build_up_draws_a_bar_from_each_state_to_the_next():
    fig = plots.plot_build_up(["a", "b", "c"], [60, 59.5, 64], [26, 25, 40], 1)
    left, right = fig.axes
    bars = [(bar.get_x(), bar.get_width()) for bar in left.patches]
    np.testing.assert_allclose(bars, [(60, -0.5), (59.5, 4.5)])
    assert [t.get_text() for t in left.texts] == ["60.0", "−0.5", "+4.5"]
    weights = [text.get_weight() for text in left.texts]
    assert weights == ["normal", "normal", "bold"]  # beyond the noise
    assert [t.get_text() for t in left.get_yticklabels()] == ["a", "b", "c"]
    assert [t.get_text() for t in right.texts] == ["26", "25", "40"]


def test_build_up_refuses_lists_of_unequal_length():
    with pytest.raises(ValueError, match="Received: 2, 3 and 3"):
        plots.plot_build_up(["a", "b"], [1, 2, 3], [1, 2, 3], 1)


def test_cost_of_accuracy_rings_the_first_epoch_at_the_level():
    ax = plots.plot_cost_of_accuracy(
        {"good": ([1, 2, 3], [60, 80, 79]), "bad": ([1, 2], [50, 60])},
        78,
        xlabel="epochs",
    )
    assert [(text.get_text(), text.xy) for text in ax.texts] == [
        ("good", (3, 79)),
        ("bad", (2, 60)),
    ]
    rings = ax.lines[2], ax.lines[4]
    assert [line.get_xydata().tolist() for line in rings] == [[[2, 80]], []]


def test_cost_of_accuracy_names_a_run_that_ends_far_below_the_level():
    curves = {"good": ([1, 2], [60, 80]), "bad": ([1, 2], [30, 40])}
    ax = plots.plot_cost_of_accuracy(curves, 78, xlabel="epochs")
    low, high = ax.get_ylim()
    assert all(low < text.xy[1] < high for text in ax.texts)


def test_cost_of_accuracy_moves_names_apart():
    curves = {name: ([1], [80 + i / 9]) for i, name in enumerate("abc")}
    ax = plots.plot_cost_of_accuracy(curves, 78, xlabel="epochs")
    heights = [text.xy[1] for text in ax.texts]
    assert heights == sorted(heights) and np.min(np.diff(heights)) > 1.5
    assert np.mean(heights) == pytest.approx(80 + 1 / 9)
    assert heights[-1] < ax.get_ylim()[1]


def test_seeds_are_dots_and_their_mean_a_number():
    ax = plots.plot_seeds({"one": [80.0], "three": [81.0, 82.0, 84.5]})
    assert [list(line.get_xdata()) for line in ax.lines] == [
        [80.0],
        [81.0, 82.0, 84.5],
    ]
    assert [text.get_text() for text in ax.texts] == ["80.0", "82.5"]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["one", "three"]


def test_the_end_of_a_policy_is_drawn_with_means_and_each_validation():
    seeds = [
        {"accuracy": [0.5, 0.7, 0.9], "val_accuracy": values}
        for values in ([0.6, 0.8, 0.8], [0.7, 0.8, 0.9])
    ]
    ax = plots.plot_policy_end(seeds, 2, policy="AutoAugment")
    *drawn, end = (line.get_xydata() for line in ax.lines)
    expected = (60, 80, 80), (70, 80, 90), (50, 70, 90), (65, 80, 85)
    for curve, values in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(curve, np.transpose([(1, 2, 3), values]))
    assert set(end[:, 0]) == {2.5}  # after the second epoch, before the third
    texts = [text.get_text() for text in ax.texts]
    assert texts == [
        "training\n90.0 %",
        "validation\n85.0 %",
        "AutoAugment ends",
    ]


def test_orthogonalization_draws_what_a_matrix_makes_of_a_circle():
    stretch = np.diag([4.0, 1.0])
    fig = plots.plot_orthogonalization({"gradient": stretch, "even": np.eye(2)})
    for ax, least in zip(fig.axes, (0.25, 1.0), strict=True):
        _, image, most, other = (line.get_xydata() for line in ax.lines)
        np.testing.assert_allclose(np.ptp(image, axis=0), (2, 2 * least), 1e-3)
        np.testing.assert_allclose(np.abs(most[0]), (1, 0), atol=1e-9)
        np.testing.assert_allclose(np.abs(other[0]), (0, least), atol=1e-9)
        assert ax.get_xlabel() == f"half axes 1 and {least:.1f}"


def test_cost_of_accuracy_tells_models_and_recipes_apart():
    curve = ([1, 2], [50, 60])
    ax = plots.plot_cost_of_accuracy(
        {"a": curve, "article's model": curve, "b": curve, "article": curve},
        90,
        xlabel="epochs",
    )
    first, model, second, recipe = (ax.lines[i] for i in (1, 3, 5, 7))
    assert model.get_color() == plots.COLORS["article"]
    assert recipe.get_color() == plots.COLORS["cct"] != first.get_color()
    assert first.get_color() == second.get_color()
    assert first.get_linestyle() != second.get_linestyle()
    level = ax.lines[0].get_linestyle()
    assert level not in (first.get_linestyle(), second.get_linestyle())


def test_image_sizes_are_drawn_by_price_and_named():
    ax = plots.plot_image_sizes({32: 35.0, 24: 19.5}, {32: 80.0, 24: 74.0})
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [19.5, 35])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [74, 80])
    assert [text.get_text() for text in ax.texts] == ["24 × 24", "32 × 32"]
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[35, 80]])
