"""`load_dataset`: any data set as plain arrays in three parts."""

import hashlib
import os
import pathlib
from typing import NamedTuple

import numpy as np

from cct_utils._choices import unknown_choice
from cct_utils.data.catalog import DATASETS
from cct_utils.data.folders import read_folder
from cct_utils.data.sources import read_arrays
from cct_utils.data.splits import split_validation, stratified_indices


class Dataset(NamedTuple):
    """Images and labels for training, validation and test.

    Images are `uint8` of shape `(n, height, width, 3)`, labels `int64` of
    shape `(n,)`. `source` says in words where the images come from.
    """

    name: str
    class_names: tuple
    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str = ""

    @property
    def num_classes(self):
        """How many classes there are."""
        return len(self.class_names)

    @property
    def image_shape(self):
        """`(height, width, 3)`."""
        return self.x_train.shape[1:]

    @property
    def fingerprint(self):
        """Sixteen hexadecimal digits that change with any pixel or label."""
        digest = hashlib.sha256()
        for array in self[2:8]:
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]

    def describe(self):
        """Returns a few lines of text: sizes, classes, source, fingerprint."""
        height, width, channels = self.image_shape
        return (
            f"{self.name}: {self.num_classes} classes, images of {height} x "
            f"{width} x {channels}\n"
            f"training {len(self.x_train):,}, validation {len(self.x_val):,}, "
            f"test {len(self.x_test):,} images\n"
            f"source: {self.source}\nfingerprint: {self.fingerprint}"
        )

    def __repr__(self):
        parts = (self.x_train, self.x_val, self.x_test)
        sizes = " + ".join(f"{len(part):,}" for part in parts)
        return f"<Dataset {self.name}: {sizes} images, {self.image_shape}>"


def load_dataset(
    name="cifar10",
    *,
    validation_split=0.1,
    seed=0,
    train_images=None,
    test_images=None,
    image_size=None,
):
    """Loads a data set by its name, or a folder of class folders.

    `"cifar10"`, `"cifar100"` and `"fashion_mnist"` are downloaded once, with
    their checksum verified, or read from `<name>.npz` in the folder that the
    environment variable `CCT_DATA_DIR` names. `"digits"` comes with
    scikit-learn. The validation part is taken from the training images, never
    from the test images; the test part does not depend on `seed`.

    Args:
        name: one of the names above, or the path of a folder with
            `train/<class>/*` and `test/<class>/*`, or with `<class>/*`, of
            which a fixed fifth then is the test part. A name comes before a
            folder of the same name; write `./digits` for the folder.
        validation_split: share of the training images held back, the same
            share of each class.
        seed: chooses the validation images and the limited training images.
        train_images: use only so many training images, of which the
            validation part is taken, each class in proportion.
        test_images: use only so many test images, each class in proportion.
        image_size: for a folder only: an integer or `(height, width)`.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: for an unknown name, a damaged file, an empty part.
        OSError: if the data set cannot be had; the message names ways out.
    """
    names, source, arrays, name = _read(name, image_size)
    x_train, y_train, x_test, y_test = arrays
    keep = _limit(y_train, train_images, [seed, 0], "train_images")
    x_train, y_train = x_train[keep], y_train[keep]
    keep = _limit(y_test, test_images, 0, "test_images")
    x_test, y_test = x_test[keep], y_test[keep]
    train, val = split_validation(y_train, validation_split, seed)
    return Dataset(
        name, names,
        x_train[train], y_train[train],
        x_train[val], y_train[val],
        x_test, y_test,
        source,
    )  # fmt: skip


def _read(name, image_size):
    """Returns class names, source, four arrays and the short name."""
    text = os.fspath(name)
    if text in DATASETS:
        if image_size is not None:
            raise ValueError(
                f"The images of {text} have one size, "
                f"{DATASETS[text].image_size}: leave image_size out, it is "
                f"for folders. Received: image_size={image_size}"
            )
        source, *arrays = read_arrays(text)
        return DATASETS[text].class_names, source, arrays, text
    folder = pathlib.Path(text).expanduser()
    if folder.is_dir():
        names, *arrays = read_folder(folder, image_size)
        return names, "a folder of images", arrays, folder.resolve().name
    raise unknown_choice(
        f"Expected one of {', '.join(DATASETS)} or an existing folder of class "
        "folders",
        text,
        DATASETS,
        received=f"name={text!r}",
    )


def _limit(labels, count, seed, argument):
    """Returns the positions to keep: all, or `count` of them by class."""
    if count is None:
        return slice(None)
    if not 1 <= count <= len(labels):
        raise ValueError(
            f"{argument} must lie from 1 to {len(labels)}, the images there "
            f"are: give a smaller number or None. Received: {argument}={count}"
        )
    return stratified_indices(labels, count, seed)
