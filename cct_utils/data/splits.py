"""Seeded choices of images that keep the proportions of the classes."""

import numpy as np


def stratified_indices(labels, count, seed, leave=0):
    """Chooses `count` positions, each class in proportion to its size.

    Each class receives its exact share rounded down or up, so no class is
    off by one image or more; which classes are rounded up is drawn by lot
    among equals.

    Args:
        labels: the labels, of shape `(n,)`.
        count: how many positions to choose.
        seed: an integer or a sequence of integers; the same seed gives the
            same choice.
        leave: how many images of each class must stay behind. Where that
            is not possible, fewer than `count` positions are chosen.

    Returns:
        The chosen positions in increasing order.
    """
    rng = np.random.default_rng(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    shares = count * sizes / len(labels)
    quotas = np.floor(shares + 1e-9).astype(int)
    quotas = np.minimum(quotas, sizes - leave)
    room = quotas + 1 <= sizes - leave
    order = np.lexsort((rng.random(len(classes)), quotas - shares))
    winners = [i for i in order if room[i]][: count - quotas.sum()]
    quotas[winners] += 1
    chosen = [
        rng.permutation(np.flatnonzero(labels == label))[:quota]
        for label, quota in zip(classes, quotas, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def split_validation(labels, validation_split, seed):
    """Divides positions into a training and a validation part.

    Args:
        labels: the labels of all images, of shape `(n,)`.
        validation_split: the share of the validation part, between 0 and 1.
        seed: the same seed gives the same division.

    Returns:
        Two arrays of positions, training and validation, in increasing
        order. They have no position in common.

    Raises:
        ValueError: if the share is not between 0 and 1, or so small that no
            image would be left for validation.
    """
    if not 0 < validation_split < 1:
        raise ValueError(
            "validation_split must lie between 0 and 1, both excluded, so "
            "that neither part is empty: give for instance 0.1. Received: "
            f"validation_split={validation_split}"
        )
    count = round(len(labels) * validation_split)
    chosen = stratified_indices(labels, count, [seed, 1], leave=1)
    if len(chosen) == 0:
        raise ValueError(
            f"validation_split={validation_split} of {len(labels)} training "
            "images leaves the validation part empty: expected at least one "
            "image, so use more images or a larger share. Received: "
            f"validation_split={validation_split}"
        )
    rest = np.ones(len(labels), bool)
    rest[chosen] = False
    return np.flatnonzero(rest), chosen
