"""Batches: each image once an epoch, in an order of seed and epoch alone."""

import keras
import numpy as np
import pytest

from cct_utils.training.batches import (
    OrderedBatches,
    ShuffledBatches,
    without_pauses,
)


def batches(count=25, batch_size=4, seed=0, epoch=0):
    images = np.arange(count, dtype="uint8").reshape(-1, 1, 1, 1)
    labels = np.eye(count, dtype="float32")
    return ShuffledBatches(images, labels, batch_size, seed, epoch)


def one_epoch(dataset):
    """The batches of an epoch as lists of image numbers; then its end."""
    parts = [dataset[i][0].ravel().tolist() for i in range(len(dataset))]
    dataset.set_epoch(dataset.epoch + 1)
    return parts


@pytest.mark.parametrize(("count", "size"), [(25, 4), (24, 4), (3, 8), (1, 1)])
def test_each_image_comes_once_an_epoch(count, size):
    dataset = batches(count, size)
    for _ in range(2):
        parts = one_epoch(dataset)
        assert sorted(sum(parts, [])) == list(range(count))
        assert len(parts) == len(dataset) == int(np.ceil(count / size))
        assert {len(part) for part in parts[:-1]} <= {size}


def test_labels_belong_to_their_images():
    dataset = batches()
    for i in range(len(dataset)):
        images, labels = dataset[i]
        np.testing.assert_array_equal(images.ravel(), labels.argmax(axis=1))


def test_order_differs_by_epoch_and_by_seed():
    dataset, other = batches(seed=0), batches(seed=1)
    first, second = one_epoch(dataset), one_epoch(dataset)
    assert first != second
    assert first != one_epoch(other)


def test_order_is_repeated_by_the_same_seed():
    dataset, again = batches(seed=5), batches(seed=5)
    assert [one_epoch(dataset) for _ in range(3)] == [
        one_epoch(again) for _ in range(3)
    ]


def test_order_of_a_resumed_training_is_that_of_an_uninterrupted_one():
    dataset = batches(seed=5)
    one_epoch(dataset), one_epoch(dataset)
    assert one_epoch(dataset) == one_epoch(batches(seed=5, epoch=2))


def test_ordered_batches_are_the_arrays_cut_up():
    images, labels = np.arange(22).reshape(11, 2), np.eye(11, dtype="float32")
    batches = OrderedBatches(images, labels, 4)
    cut = [batches[index] for index in range(len(batches))]
    assert [len(x) for x, _ in cut] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in cut]), images)
    np.testing.assert_array_equal(np.concatenate([y for _, y in cut]), labels)


def test_ordered_batches_are_validated_as_arrays_are():
    images = np.random.default_rng(0).random((11, 4)).astype("float32")
    labels = np.eye(3, dtype="float32")[np.arange(11) % 3]
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    of_arrays = model.evaluate(images, labels, batch_size=4, verbose=0)
    batches = OrderedBatches(images, labels, 4)
    np.testing.assert_allclose(
        model.evaluate(batches, verbose=0), of_arrays, rtol=1e-6
    )


def test_fit_reads_the_batches_in_their_order_epoch_by_epoch():
    images, labels = np.arange(22).reshape(11, 2), np.eye(11, dtype="float32")
    wanted = OrderedBatches(images, labels, 4)
    read = without_pauses(wanted)
    assert len(read) == 3
    if keras.backend.backend() != "tensorflow":
        assert read is wanted
        return
    for _ in range(2):
        for index, (x, y) in enumerate(read):
            np.testing.assert_array_equal(x, wanted[index][0])
            np.testing.assert_array_equal(y, wanted[index][1])
        assert index == 2


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.data is TensorFlow's"
)
def test_no_thread_tunes_for_whose_sleep_an_epoch_would_wait():
    """At its end Keras's own data set waited as long as an epoch took."""
    assert without_pauses(batches()).options().autotune.enabled is False
