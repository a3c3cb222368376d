"""Figures of trainings and results: what is drawn, and where."""

import numpy as np
import pytest

from cct_utils import plots


def history(offset):
    return {
        "loss": [2.0 + offset, 1.0],
        "val_loss": [1.9, 1.1],
        "accuracy": [0.2, 0.5 + offset],
        "val_accuracy": [0.3, 0.4],
    }


def test_history_draws_training_and_validation_of_each_run():
    fig = plots.plot_history({"a": history(0.0), "b": history(0.1)})
    accuracy, loss = fig.axes
    assert [line.get_label() for line in accuracy.lines] == [
        "a, training",
        "a, validation",
        "b, training",
        "b, validation",
    ]
    np.testing.assert_allclose(accuracy.lines[2].get_ydata(), [20, 60])
    np.testing.assert_allclose(loss.lines[1].get_ydata(), [1.9, 1.1])
    assert accuracy.lines[0].get_color() != accuracy.lines[2].get_color()


def test_gaps_name_where_training_and_validation_end():
    runs = {"none": history(0.4), "flips": history(0.0), "more": history(-0.2)}
    fig = plots.plot_gaps(runs)
    assert [ax.get_title() for ax in fig.axes] == [*runs]
    words = [[text.get_text() for text in ax.texts] for ax in fig.axes]
    assert words == [["90 %", "40 %"], ["50 %", "40 %"], ["30 %", "40 %"]]
    training, validation = fig.axes[0].lines
    np.testing.assert_allclose(training.get_ydata(), [20, 90])
    np.testing.assert_allclose(validation.get_ydata(), [30, 40])
    heights = [text.xyann[1] for text in fig.axes[2].texts]
    assert heights == [-5, 5], "the upper curve's number stands above it"


def test_more_than_three_gaps_stand_in_two_columns():
    history = {"accuracy": [0.2, 0.9], "val_accuracy": [0.3, 0.4]}
    fig = plots.plot_gaps(dict.fromkeys("abcde", history))
    places = [
        (ax.get_subplotspec().rowspan.start, ax.get_subplotspec().colspan.start)
        for ax in fig.axes
    ]
    assert places == [(row, column) for row in range(3) for column in range(2)]
    assert [ax.get_title() for ax in fig.axes] == [*"abcde", ""]
    assert not fig.axes[5].axison
    named = [ax.get_title() for ax in fig.axes if ax.get_xlabel() == "epoch"]
    assert named == ["d", "e"]


def test_confusion_writes_percent_of_each_true_class():
    ax = plots.plot_confusion([[3, 1], [0, 5]], ["cat", "dog"])
    drawn = {text.get_position(): text.get_text() for text in ax.texts}
    assert drawn == {(0, 0): "75", (1, 0): "25", (1, 1): "100"}
    assert [t.get_text() for t in ax.get_yticklabels()] == ["cat", "dog"]


def test_confusion_refuses_a_matrix_of_other_classes():
    with pytest.raises(
        ValueError, match=r"2 classes. Received: shape \(3, 3\)"
    ):
        plots.plot_confusion(np.eye(3), ["cat", "dog"])


def test_class_accuracy_puts_the_best_class_on_top():
    labels = np.array([0, 0, 1, 1, 2, 2])
    correct = {"m": np.array([1, 0, 1, 1, 0, 0], bool)}
    ax = plots.plot_class_accuracy(correct, labels, ["a", "b", "c"])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["c", "a", "b"]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0, 50, 100])


def test_reliability_leaves_empty_bins_out():
    bins = (
        np.array([np.nan, 0.4, 0.9]),
        np.array([np.nan, 0.5, 1.0]),
        np.array([0, 1, 3]),
    )
    ax = plots.plot_reliability(bins, title="m")
    points = ax.lines[-1]
    np.testing.assert_allclose(points.get_xdata(), [40, 90])
    np.testing.assert_allclose(points.get_ydata(), [50, 100])
    np.testing.assert_allclose(ax.patches[0].get_data().values, [0, 25, 75])


def test_calibration_has_one_panel_for_each_model():
    bins = (np.array([0.4]), np.array([0.5]), np.array([2]))
    fig = plots.plot_calibration({"a": bins, "b": bins})
    assert [ax.get_title() for ax in fig.axes] == ["a", "b"]
