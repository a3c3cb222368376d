"""Where the arrays of a named data set come from: file, download, package."""

import gzip
import hashlib
import io
import os
import pathlib
import pickle
import tarfile

import keras
import numpy as np

from cct_utils.data.catalog import DATASETS
from cct_utils.data.checks import check_labels
from cct_utils.data.splits import stratified_indices

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
DIGITS_TEST_IMAGES = 360


def read_arrays(name):
    """Returns the arrays of a data set known by name, and where they are from.

    Returns:
        `(source, x_train, y_train, x_test, y_test)`: a sentence and four
        arrays, images as `uint8` of shape `(n, height, width, 3)`, labels as
        `int64` of shape `(n,)`.
    """
    if name == "digits":
        return DATASETS[name].source, *_read_digits()
    folder = os.environ.get("CCT_DATA_DIR")
    if folder:
        path = pathlib.Path(folder).expanduser() / f"{name}.npz"
        return _read_npz(name, path)
    read = _read_fashion if name == "fashion_mnist" else _read_cifar
    arrays, origin = read(name)
    return DATASETS[name].source, *_checked(name, origin, arrays)


def _ways_out(name):
    """Returns the three things that help when a data set cannot be had."""
    return (
        "three ways out: connect to the network and unset CCT_DATA_DIR, so "
        f"that it is downloaded; put {name}.npz (arrays {', '.join(ARRAYS)}) "
        "into a folder and set CCT_DATA_DIR to that folder; or use "
        'load_dataset("digits"), which needs neither'
    )


def _damaged(path, reason):
    """Returns the error for a file that is not what it should be."""
    return ValueError(
        f"The file {path} is damaged, incomplete or not what it should be: "
        f"{reason}; remove it and fetch it again"
    )


# A file of arrays in the folder CCT_DATA_DIR


def _read_npz(name, path):
    """Reads the four arrays of `CCT_DATA_DIR/<name>.npz`."""
    if not path.is_file():
        raise FileNotFoundError(
            f"CCT_DATA_DIR is set, therefore {name} was expected in the file "
            f"{path}, which does not exist; {_ways_out(name)}"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in ARRAYS if key not in archive.files]
            if missing:
                raise ValueError(
                    f"expected the arrays {', '.join(ARRAYS)}, received none "
                    f"named {', '.join(missing)}"
                )
            arrays = [archive[key] for key in ARRAYS]
    except Exception as error:  # a damaged header can raise almost anything
        raise _damaged(path, error) from error
    note = path.with_suffix(".txt")
    source = (
        note.read_text("utf-8").strip()
        if note.is_file()
        else f"{path.name} in the folder CCT_DATA_DIR"
    )
    return source, *_checked(name, path, arrays)


def _checked(name, path, arrays):
    """Returns four arrays in the common form, or names the file as damaged."""
    known = DATASETS[name]
    result = []
    for part, images, labels in (
        ("train", *arrays[:2]),
        ("test", *arrays[2:]),
    ):
        shape = images.shape[1:]
        if (
            images.dtype != np.uint8
            or images.ndim not in (3, 4)
            or shape[:2] != known.image_size
            or shape[2:] not in ((), (1,), (3,))
            or len(images) == 0
        ):
            height, width = known.image_size
            raise _damaged(
                path,
                f"expected x_{part} as uint8 images of {height} x {width} "
                f"pixels, received {images.dtype} of shape {images.shape}",
            )
        if shape[2:] != (3,):  # gray: the same value in three channels
            gray = images.reshape(*images.shape[:3], 1)
            images = np.repeat(gray, 3, axis=-1)
        try:
            labels = check_labels(
                labels, len(known.class_names), len(images), f"y_{part}"
            )
        except ValueError as error:
            raise _damaged(path, error) from error
        result += [images, labels]
    return result


# Downloads


def _fetch(name, remote):
    """Returns the bytes of a file, downloaded if needed, always verified."""
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    cached = pathlib.Path(home, remote.cache_subdir, remote.cache_name)
    try:
        path = keras.utils.get_file(
            remote.cache_name,
            remote.url,
            file_hash=remote.sha256,
            hash_algorithm="sha256",
            cache_dir=str(home),
            cache_subdir=remote.cache_subdir,
        )
    except ValueError as error:
        raise _damaged(
            cached, f"the download {remote.url} has another SHA-256 checksum"
        ) from error
    except Exception as error:  # Keras raises nothing more precise
        raise ConnectionError(
            f"{name} could not be downloaded from {remote.url} ({error}); "
            f"{_ways_out(name)}"
        ) from error
    # What is parsed are these very bytes: no other process can change them
    # between the check and the parsing.
    content = pathlib.Path(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != remote.sha256:
        raise _damaged(path, f"expected the SHA-256 checksum {remote.sha256}")
    return content, path


def _read_cifar(name):
    """Reads the pickled batches of a verified CIFAR archive."""
    content, path = _fetch(name, DATASETS[name].files[0])
    if name == "cifar10":
        train = [f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)]
        test, key = ["cifar-10-batches-py/test_batch"], b"labels"
    else:
        train, test = ["cifar-100-python/train"], ["cifar-100-python/test"]
        key = b"fine_labels"
    arrays = []
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
            for members in train, test:
                batches = [
                    pickle.load(tar.extractfile(member), encoding="bytes")
                    for member in members
                ]
                flat = np.concatenate([batch[b"data"] for batch in batches])
                images = flat.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
                labels = np.concatenate([batch[key] for batch in batches])
                arrays += [np.ascontiguousarray(images), labels]
    except Exception as error:
        raise _damaged(path, error) from error
    return arrays, path


def _read_fashion(name):
    """Reads the four verified files of Fashion-MNIST."""
    arrays = []
    for remote in DATASETS[name].files:
        content, path = _fetch(name, remote)
        try:
            raw = gzip.decompress(content)
            axes = raw[3]  # the fourth byte of the header counts the axes
            shape = np.frombuffer(raw, ">u4", axes, offset=4)
            data = np.frombuffer(raw, np.uint8, offset=4 + 4 * axes)
            arrays.append(data.reshape(shape))
        except Exception as error:
            raise _damaged(path, error) from error
    return arrays, path


# Digits


def _read_digits():
    """Returns scikit-learn's digits as color images of 32 x 32 pixels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype("uint8")  # from 0..16
    pixels = pixels.repeat(4, axis=1).repeat(4, axis=2)  # (n, 32, 32)
    images = np.repeat(pixels[..., None], 3, axis=-1)  # (n, 32, 32, 3)
    labels = digits.target.astype("int64")
    test = stratified_indices(labels, DIGITS_TEST_IMAGES, seed=0)
    train = np.setdiff1d(np.arange(len(labels)), test)
    return images[train], labels[train], images[test], labels[test]
