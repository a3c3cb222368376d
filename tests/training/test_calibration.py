"""Calibration compared with a computation by hand."""

import numpy as np
import pytest

from cct_utils import calibration_bins, expected_calibration_error


def logits_of(probabilities):
    """Two-class logits whose first class has the given probabilities."""
    p = np.array(probabilities)
    return np.log(np.stack([p, 1 - p], axis=1))


def test_bins_and_error_agree_with_four_answers_by_hand():
    logits = logits_of([0.6, 0.7, 0.9, 0.95])
    bins = calibration_bins(logits, np.array([0, 1, 0, 0]), num_bins=5)
    assert bins.count.tolist() == [0, 0, 0, 2, 2]
    np.testing.assert_allclose(bins.confidence[3:], [0.65, 0.925])
    np.testing.assert_allclose(bins.accuracy[3:], [0.5, 1.0])
    assert np.isnan(bins.accuracy[:3]).all()
    error = expected_calibration_error(bins)
    np.testing.assert_allclose(error, (0.15 + 0.075) / 2)


def test_certain_answers_fall_into_the_last_bin():
    logits = np.array([[1000.0, 0.0], [0.0, 1000.0]])
    bins = calibration_bins(logits, np.array([0, 0]))
    assert bins.count[-1] == 2
    np.testing.assert_allclose(expected_calibration_error(bins), 0.5)


def test_a_calibrated_classifier_has_a_small_error():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1.0, 20_000)
    labels = (rng.random(20_000) > p).astype(int)
    bins = calibration_bins(logits_of(p), labels)
    assert expected_calibration_error(bins) < 0.02


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_no_numbers_are_refused(value):
    with pytest.raises(ValueError, match="finite numbers.*1 rows"):
        calibration_bins([[value, 0.0], [0.0, 1.0]], [0, 1])
    with pytest.raises(ValueError, match=r"shape \(0, 2\)"):
        calibration_bins(np.zeros((0, 2)), [])


@pytest.mark.parametrize(
    ("labels", "num_bins", "reason"),
    [
        ([0, 2], 10, "labels must lie from 0 to 1"),
        ([0], 10, "labels must be as many"),
        ([0, 1], 0, "`num_bins` must be at least 1"),
    ],
)
def test_what_cannot_be_sorted_is_refused(labels, num_bins, reason):
    with pytest.raises(ValueError, match=reason):
        calibration_bins(logits_of([0.6, 0.7]), labels, num_bins)
