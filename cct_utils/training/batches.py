"""Batches: in order, and shuffled by nothing but the seed and the epoch."""

import keras
import numpy as np


def without_pauses(batches):
    """Returns batches in the form in which `fit` reads them without pauses.

    For TensorFlow Keras makes a `tf.data.Dataset` of them, whose buffer a
    thread tunes. That thread sleeps longer and longer, and at the end of an
    epoch all wait until it has woken: with TensorFlow 2.21 for as long as the
    epoch took, up to a minute. Here nothing is tuned.

    Args:
        batches: a `keras.utils.PyDataset`, whose batches are all of one type.

    Returns:
        A `tf.data.Dataset` that reads `batches` anew each time; with another
        backend `batches` itself.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    def read():
        return (batches[index] for index in range(len(batches)))

    signature = tuple(
        tf.TensorSpec((None, *part.shape[1:]), part.dtype)
        for part in batches[0]
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    return (
        tf.data.Dataset.from_generator(read, output_signature=signature)
        .apply(tf.data.experimental.assert_cardinality(len(batches)))
        .prefetch(2)
        .with_options(options)
    )


class OrderedBatches(keras.utils.PyDataset):
    """Batches of images and one-hot labels, in the order of the arrays.

    They are what Keras makes of arrays, in a form that `without_pauses` can
    read.

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
