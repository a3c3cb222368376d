"""Figures of stochastic depth: what stands on their axes."""

import numpy as np
import pytest

from cct_utils import plots


def cells(ax):
    """Return the values of the grid drawn on the axes."""
    return np.asarray(ax.collections[0].get_array()).reshape(-1)


def test_drop_patterns_tell_kept_from_dropped():
    values = np.array([[1.5, 0, 1.5], [0, 0, 1.5]])
    fig = plots.plot_drop_patterns({"dropout": values, "none": values + 1})
    left, right = fig.axes
    np.testing.assert_array_equal(cells(left), [1, 0, 1, 0, 0, 1])
    assert cells(right).all()
    assert left.get_title(loc="center") == "dropout"
    assert left.get_ylim() == (2, 0)  # the first sample on top


def test_running_means_end_at_the_mean():
    draws = np.tile([4.0, 4.0, 4.0, 0.0], 25)
    ax = plots.plot_running_means({"divided": draws}, expected=3)
    named = {line.get_label(): line for line in ax.lines}
    assert named["without dropping"].get_ydata()[0] == 3
    assert named["divided"].get_ydata()[-1] == 3
    low, high = np.percentile(
        ax.collections[0].get_paths()[0].vertices[:, 1], [0, 100]
    )
    assert low < 3 < high


def test_depth_rates_are_percent_for_each_block():
    ax = plots.plot_depth_rates({"linear": (0, 0.05, 0.1)})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0, 5, 10])
    assert list(ax.lines[0].get_xdata()) == [1, 2, 3]


def test_passed_branches_group_columns_by_block():
    passed = np.array([[1, 1, 0, 1], [1, 1, 1, 0]], bool)
    images = np.zeros((2, 8, 8, 3), "uint8")
    fig = plots.plot_passed_branches({"own": passed}, images)
    ax = fig.axes[0]
    np.testing.assert_array_equal(cells(ax), passed.ravel())
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2"]
    assert len(ax.child_axes) == 2  # one picture for each sample


@pytest.mark.parametrize(
    "passed",
    [
        {"odd": np.ones((2, 3))},
        {"a": np.ones((2, 4)), "b": np.ones((3, 4))},
    ],
)
def test_passed_branches_refuse_other_shapes(passed):
    with pytest.raises(ValueError, match="two branches for each block"):
        plots.plot_passed_branches(passed)


def test_depth_distribution_counts_samples_in_percent():
    fig = plots.plot_depth_distribution({"own": [4, 4, 2, 0]}, num_branches=4)
    ax = fig.axes[0]
    assert [bar.get_height() for bar in ax.patches] == [25, 0, 25, 0, 50]
    assert ax.get_title(loc="center") == "own\n2.50 ± 1.66"


def test_subnetworks_highlight_the_chosen_ones():
    ax = plots.plot_subnetworks(
        {"whole": 0.7, "cut": 0.25}, [0.01, 0.02], ["cut"]
    )
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == ["whole", "cut"]
    assert [text.get_text() for text in ax.texts] == ["70.0 %", "25.0 %"]
    colors = [bars.lines[0].get_color() for bars in ax.containers]
    assert colors == [plots.COLORS["kept"], plots.COLORS["highlight"]]
