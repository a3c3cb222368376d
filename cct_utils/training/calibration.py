"""How far a classifier's confidence can be believed.

Reference: Guo et al., On Calibration of Modern Neural Networks,
arXiv 1706.04599.
"""

from typing import NamedTuple

import numpy as np

from cct_utils.training.evaluation import check_logits


class CalibrationBins(NamedTuple):
    """Answers sorted into bins of equal width by their confidence."""

    confidence: np.ndarray  # (num_bins,) mean of each bin, NaN if empty
    accuracy: np.ndarray  # (num_bins,) share of right answers, NaN if empty
    count: np.ndarray  # (num_bins,) number of answers


def calibration_bins(logits, labels, num_bins=10):
    """Sorts answers by confidence, the probability of the chosen class.

    Args:
        logits: array `(n, classes)`.
        labels: integer array `(n,)`.
        num_bins: number of bins between 0 and 1.

    Returns:
        `CalibrationBins`.

    Raises:
        ValueError: if there are no logits, they are not finite numbers, the
            labels do not fit them, or there is no bin.
    """
    logits, labels = check_logits(logits, labels)
    if num_bins < 1:
        raise ValueError(
            f"`num_bins` must be at least 1. Received: num_bins={num_bins!r}"
        )
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    confidence = 1 / odds.sum(axis=1)  # the chosen class has odds of 1
    correct = logits.argmax(axis=1) == labels
    place = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
    count = np.bincount(place, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        return CalibrationBins(
            np.bincount(place, confidence, num_bins) / count,
            np.bincount(place, correct, num_bins) / count,
            count,
        )


def expected_calibration_error(bins):
    """Returns the mean distance of confidence and accuracy, over all answers.

    Args:
        bins: `CalibrationBins`.

    Returns:
        A share of 1; 0 for a perfectly calibrated classifier.
    """
    distance = np.abs(bins.confidence - bins.accuracy)
    return float(np.nansum(distance * bins.count) / bins.count.sum())
