"""Batches: in order, and shuffled by nothing but the seed and the epoch."""

import keras
import numpy as np


class OrderedBatches(keras.utils.PyDataset):
    """Batches of images and one-hot labels, in the order of the arrays.

    They are what Keras makes of arrays, without its threads, which wait for
    each other: on a single core, three times as long as they compute.

    Args:
        images: array `(n, height, width, channels)`.
        labels: one-hot float32 array `(n, classes)`.
        batch_size: images per batch; the last batch may be smaller.
    """

    def __init__(self, images, labels, batch_size):
        super().__init__()
        self.images, self.labels = images, labels
        self.batch_size = batch_size

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index):
        start = index * self.batch_size
        chosen = slice(start, start + self.batch_size)
        return self.images[chosen], self.labels[chosen]


class ShuffledBatches(OrderedBatches):
    """Batches of images and one-hot labels, in a new order each epoch.

    The order of epoch `e` is drawn from `(seed, e)` and not from what was
    drawn before, so that a resumed training sees the batches that an
    uninterrupted one would have seen.

    Args:
        images: uint8 array `(n, height, width, channels)`.
        labels: one-hot float32 array `(n, classes)`.
        batch_size: images per batch; the last batch may be smaller.
        seed: seed of the order and of the augmentation.
        epoch: the epoch to begin with, counted from 0.
        augment: function of an epoch that returns its `BatchAugmentation`, or
            None where nothing is to change.
    """

    def __init__(self, images, labels, batch_size, seed, epoch=0, augment=None):
        super().__init__(images, labels, batch_size)
        self.seed = seed
        self.augment = augment or (lambda epoch: None)
        self.set_epoch(epoch)

    def set_epoch(self, epoch):
        """Draws the order of an epoch, and chooses what changes its batches.

        Keras's own `on_epoch_end` is no help: it is called before the first
        epoch as well, or not, as a model needs building or not.
        """
        self.epoch = epoch
        rng = np.random.default_rng((self.seed, self.epoch))
        self.order = rng.permutation(len(self.images))
        self.augmentation = self.augment(self.epoch)

    def __getitem__(self, index):
        start = index * self.batch_size
        # Sorted indices are read faster, and the order in a batch is free.
        chosen = np.sort(self.order[start : start + self.batch_size])
        images, labels = self.images[chosen], self.labels[chosen]
        if self.augmentation is None:
            return images, labels
        return self.augmentation(images, labels, (self.seed, self.epoch, index))
