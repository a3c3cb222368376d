"""Data sets: parts, checksums, damaged files, folders, checks, photographs."""

import gzip
import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cct_utils.data import (
    DATASETS,
    Dataset,
    check_images,
    check_labels,
    load_dataset,
    sample_photo,
)
from cct_utils.data import sources as data_sources
from cct_utils.data.splits import split_validation, stratified_indices

LABELS = st.lists(st.integers(0, 6), min_size=2, max_size=120).map(np.array)
SHARES = st.floats(0.02, 0.95)


def arrays(per_class=5, size=(32, 32, 3), num_classes=10, test_per_class=2):
    """Random images with every class equally often, as an `.npz` holds them."""
    rng = np.random.default_rng(0)
    result = {}
    for part, count in (("train", per_class), ("test", test_per_class)):
        labels = np.repeat(np.arange(num_classes), count)
        shape = (len(labels), *size)
        result[f"x_{part}"] = rng.integers(0, 256, shape, "uint8")
        result[f"y_{part}"] = labels.astype("uint8")[:, None]
    return result


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """An empty folder that CCT_DATA_DIR points to."""
    monkeypatch.setenv("CCT_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


# The split


@given(LABELS, SHARES, st.integers(0, 5))
@settings(deadline=None)
def test_stratified_indices_keeps_proportions(labels, share, seed):
    count = round(len(labels) * share)
    chosen = stratified_indices(labels, count, seed)
    assert len(chosen) == count == len(set(chosen))
    assert np.all(np.diff(chosen) > 0)
    sizes = np.bincount(labels, minlength=7)
    got = np.bincount(labels[chosen], minlength=7)
    assert np.all(np.abs(got - sizes * count / len(labels)) < 1)


@given(LABELS, SHARES, st.integers(0, 5))
@settings(deadline=None)
def test_split_validation_is_a_balanced_partition(labels, share, seed):
    try:
        train, val = split_validation(labels, share, seed)
    except ValueError as error:
        assert "validation part empty" in str(error)
        return
    assert not set(train) & set(val)
    assert sorted([*train, *val]) == list(range(len(labels)))
    sizes = np.bincount(labels, minlength=7)
    got = np.bincount(labels[val], minlength=7)
    exact = round(len(labels) * share) / len(labels)
    assert np.all(np.abs(got - sizes * exact) <= 1)
    # No class is missing from the training part.
    assert set(labels[train]) == set(labels)
    again = split_validation(labels, share, seed)
    np.testing.assert_array_equal(val, again[1])


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_split_validation_differs_with_the_seed(seed):
    labels = np.arange(200) % 4
    first = split_validation(labels, 0.3, seed)[1]
    assert not np.array_equal(first, split_validation(labels, 0.3, seed + 1)[1])


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_load_dataset_refuses_impossible_validation_split(share):
    with pytest.raises(ValueError, match="between 0 and 1") as error:
        load_dataset("digits", validation_split=share)
    assert f"Received: validation_split={share}" in str(error.value)


def test_load_dataset_refuses_empty_validation_part():
    with pytest.raises(ValueError, match="validation part empty"):
        load_dataset("digits", train_images=20, validation_split=0.01)


# Parts of a data set


def test_digits_needs_no_network_and_looks_like_cifar(digits):
    assert digits.image_shape == (32, 32, 3)
    assert digits.num_classes == 10
    assert digits.class_names == tuple("0123456789")
    assert len(digits.x_train) + len(digits.x_val) == 1437
    assert len(digits.x_test) == 360
    for images in (digits.x_train, digits.x_val, digits.x_test):
        assert images.dtype == np.uint8
        assert images.min() == 0 and images.max() == 255
        # Each pixel of the 8 x 8 original covers 4 x 4 equal gray pixels.
        np.testing.assert_array_equal(
            images[:, ::4, ::4], images[:, 3::4, 3::4]
        )
        np.testing.assert_array_equal(images[..., 0], images[..., 2])
    counts = np.bincount(digits.y_test)
    assert counts.min() >= 34 and counts.max() <= 37


def test_digits_keeps_every_image_once(digits):
    from sklearn.datasets import load_digits

    parts = (digits.x_train, digits.x_val, digits.x_test)
    ours = np.concatenate(parts)[:, ::4, ::4, 0].reshape(-1, 64)
    original = np.rint(load_digits().data * 255 / 16).astype("uint8")
    assert sorted(map(bytes, ours)) == sorted(map(bytes, original))


def test_load_dataset_is_deterministic(digits):
    again = load_dataset("digits")
    other = load_dataset("digits", seed=1)
    for one, two in zip(digits[2:8], again[2:8], strict=True):
        np.testing.assert_array_equal(one, two)
    assert again.fingerprint == digits.fingerprint != other.fingerprint
    assert not np.array_equal(digits.y_val, other.y_val)
    np.testing.assert_array_equal(digits.x_test, other.x_test)


def test_fingerprint_changes_with_one_pixel_and_one_label(digits):
    assert len(digits.fingerprint) == 16
    pixel, label = digits.x_test.copy(), digits.y_val.copy()
    pixel[-1, -1, -1, -1] ^= 1
    label[0] ^= 1
    for changed in ({"x_test": pixel}, {"y_val": label}):
        assert digits._replace(**changed).fingerprint != digits.fingerprint
    assert digits._replace(source="x").fingerprint == digits.fingerprint


def test_limits_are_balanced_and_the_test_part_ignores_the_seed():
    first = load_dataset("digits", train_images=200, test_images=50, seed=0)
    other = load_dataset("digits", train_images=200, test_images=50, seed=1)
    assert len(first.y_train) == 180
    assert len(first.y_val) == 20
    for labels, count in ((first.y_train, 18), (first.y_test, 5)):
        assert np.all(np.abs(np.bincount(labels) - count) <= 1)
    np.testing.assert_array_equal(first.x_test, other.x_test)
    assert not np.array_equal(first.x_train, other.x_train)


@pytest.mark.parametrize("count", [0, -1, 361])
def test_limits_outside_the_data_are_refused(count):
    with pytest.raises(ValueError, match="from 1 to 360") as error:
        load_dataset("digits", test_images=count)
    assert f"test_images={count}" in str(error.value)


def test_description_names_sizes_and_source(digits):
    text = digits.describe()
    for part in ("digits", "1,293", "144", "360", "scikit-learn"):
        assert part in text
    assert digits.fingerprint in text
    assert "1,293 + 144 + 360" in repr(digits)
    assert isinstance(digits, Dataset)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("cifar", "cifar10"),
        ("CIFAR100", "cifar100"),
        ("fashion-mnist", "fashion_mnist"),
        ("digit", "digits"),
    ],
)
def test_unknown_name_gives_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"did you mean {nearest!r}") as error:
        load_dataset(name)
    assert f"Received: name={name!r}" in str(error.value)


def test_unknown_folder_gives_the_names_there_are():
    with pytest.raises(ValueError, match="cifar10, cifar100, .*class folders"):
        load_dataset("no/such/folder")


def test_image_size_is_for_folders_only():
    with pytest.raises(ValueError, match="leave image_size out"):
        load_dataset("digits", image_size=64)


def test_catalog_lists_each_class_once():
    counts = {name: len(d.class_names) for name, d in DATASETS.items()}
    assert counts == {
        "cifar10": 10,
        "cifar100": 100,
        "fashion_mnist": 10,
        "digits": 10,
    }
    for known in DATASETS.values():
        assert len(set(known.class_names)) == len(known.class_names)
        for remote in known.files:
            assert len(remote.sha256) == 64
            assert remote.url.startswith("https://")


def test_catalog_checksums_are_those_of_keras():
    import inspect

    import keras

    for name in ("cifar10", "cifar100"):
        code = inspect.getsource(getattr(keras.datasets, name).load_data)
        (remote,) = DATASETS[name].files
        assert remote.sha256 in code and remote.url in code


# CCT_DATA_DIR


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_data_dir_is_used_instead_of_the_network(data_dir, monkeypatch, save):
    monkeypatch.setattr(data_sources.keras.utils, "get_file", None)
    given_arrays = arrays()
    save(data_dir / "cifar10.npz", **given_arrays)
    data = load_dataset("cifar10", validation_split=0.2)
    assert np.bincount(data.y_train).tolist() == [4] * 10
    assert np.bincount(data.y_val).tolist() == [1] * 10
    assert data.y_test.shape == (20,)  # (n, 1) is flattened
    assert data.y_test.dtype == np.int64
    np.testing.assert_array_equal(data.x_test, given_arrays["x_test"])
    seen = {bytes(image) for image in data.x_train}
    assert not seen & {bytes(image) for image in data.x_val}
    assert seen <= {bytes(image) for image in given_arrays["x_train"]}
    assert "CCT_DATA_DIR" in data.source
    assert str(data_dir) not in data.source


def test_data_dir_note_becomes_the_source(data_dir):
    np.savez(data_dir / "cifar10.npz", **arrays())
    (data_dir / "cifar10.txt").write_text("A copy of CIFAR-10.\n")
    assert load_dataset().source == "A copy of CIFAR-10."


@pytest.mark.parametrize("size", [(28, 28), (28, 28, 1), (28, 28, 3)])
def test_gray_images_become_three_channels(data_dir, size):
    given_arrays = arrays(size=size)
    np.savez(data_dir / "fashion_mnist.npz", **given_arrays)
    data = load_dataset("fashion_mnist")
    assert data.image_shape == (28, 28, 3)
    first = given_arrays["x_test"].reshape(20, 28, 28, -1)[..., 0]
    np.testing.assert_array_equal(data.x_test[..., 0], first)


def test_missing_file_names_three_ways_out(data_dir):
    with pytest.raises(FileNotFoundError) as error:
        load_dataset("cifar100")
    message = str(error.value)
    assert str(data_dir / "cifar100.npz") in message
    for way in ("network", "CCT_DATA_DIR", 'load_dataset("digits")'):
        assert way in message


def test_digits_ignores_data_dir(data_dir):
    assert load_dataset("digits").name == "digits"


def truncate(content):
    return content[: len(content) // 2]


def flip_a_pixel(content):
    middle = len(content) // 2
    return (
        content[:middle] + bytes([content[middle] ^ 8]) + content[middle + 1 :]
    )


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        flip_a_pixel,
        lambda content: b"",
        lambda content: b"<html>not found</html>",
        lambda content: pickle.dumps([1, 2, 3]),
        lambda content: content[:-1],
    ],
    ids=["half", "one bit", "empty", "html", "pickle", "last byte"],
)
def test_damaged_file_is_named(data_dir, damage, save):
    path = data_dir / "cifar10.npz"
    save(path, **arrays())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged, incomplete") as error:
        load_dataset()
    assert str(path) in str(error.value)


def test_damaged_array_header_is_named(data_dir):
    path = data_dir / "cifar10.npz"
    np.savez(path, **arrays())
    content = path.read_bytes()
    path.write_bytes(content.replace(b"'shape': (", b"'shape': [", 1))
    with pytest.raises(ValueError, match="damaged, incomplete"):
        load_dataset()


def test_single_array_file_is_named(data_dir):
    with open(data_dir / "cifar10.npz", "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="damaged, incomplete"):
        load_dataset()


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"y_test": None}, "none named y_test"),
        ({"x_train": np.zeros((50, 32, 32, 3), "float32")}, "float32"),
        ({"x_train": np.zeros((50, 28, 28, 3), "uint8")}, r"\(50, 28, 28, 3\)"),
        ({"x_test": np.zeros((20, 3, 32, 32), "uint8")}, r"\(20, 3, 32, 32\)"),
        ({"x_test": np.zeros((20, 32, 32, 4), "uint8")}, r"\(20, 32, 32, 4\)"),
        ({"x_test": np.zeros((0, 32, 32, 3), "uint8")}, r"\(0, 32, 32, 3\)"),
        ({"x_test": np.uint8(3)}, r"shape \(\)"),
        ({"y_train": np.full(50, 10)}, "from 10 to 10"),
        ({"y_train": np.full(50, -1)}, "from -1 to -1"),
        ({"y_train": np.zeros(49, int)}, "49 labels"),
        ({"y_train": np.eye(50, 10)}, "argmax"),
        ({"y_train": np.array([Bomb()] * 50)}, "allow_pickle"),
    ],
)
def test_wrong_arrays_are_named(data_dir, change, reason):
    given_arrays = {**arrays(), **change}
    np.savez(
        data_dir / "cifar10.npz",
        **{k: v for k, v in given_arrays.items() if v is not None},
    )
    with pytest.raises(ValueError, match=reason) as error:
        load_dataset()
    assert str(data_dir / "cifar10.npz") in str(error.value)


# Downloads, from files standing in for the network


def cifar_archive(name, bomb=None):
    """A tiny archive with the members and keys of the original."""
    rng = np.random.default_rng(1)
    many = name == "cifar100"
    members = (
        ["cifar-100-python/train", "cifar-100-python/test"]
        if many
        else [f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)]
        + ["cifar-10-batches-py/test_batch"]
    )
    num_classes, key = (100, b"fine_labels") if many else (10, b"labels")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for member in members:
            batch = {
                b"data": rng.integers(0, 256, (2 * num_classes, 3072), "uint8"),
                key: 2 * list(range(num_classes)),
                b"filenames": bomb,
            }
            payload = pickle.dumps(batch)
            info = tarfile.TarInfo(member)
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
    return content.getvalue()


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Makes a data set's downloads come from given bytes."""
    monkeypatch.delenv("CCT_DATA_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras").mkdir()

    def replace(name, contents, honest=True):
        files = []
        for remote, content in zip(DATASETS[name].files, contents, strict=True):
            path = tmp_path / remote.cache_name
            path.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            files.append(
                remote._replace(
                    url=path.as_uri(),
                    sha256=digest if honest else remote.sha256,
                )
            )
        known = DATASETS[name]._replace(files=tuple(files))
        monkeypatch.setitem(DATASETS, name, known)
        return tmp_path / "keras" / files[0].cache_subdir / files[0].cache_name

    return replace


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_download_of_cifar_is_read(serve, name):
    content = cifar_archive(name)
    serve(name, [content])
    data = load_dataset(name, validation_split=0.3)
    per_class = 2 if name == "cifar100" else 10
    assert len(data.x_train) + len(data.x_val) == per_class * data.num_classes
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        batch = pickle.load(tar.extractfile(tar.getnames()[-1]))
    # Stored as all red, then all green, then all blue values of an image.
    red = batch[b"data"][:, :1024].reshape(-1, 32, 32)
    np.testing.assert_array_equal(data.x_test[..., 0], red)
    assert data.y_test.tolist() == 2 * list(range(data.num_classes))
    assert name in data.source


def idx(array):
    """The bytes of a gzipped idx file."""
    header = bytes([0, 0, 8, array.ndim])
    shape = np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + shape + array.tobytes())


def test_download_of_fashion_mnist_is_read(serve):
    given_arrays = arrays(size=(28, 28))
    order = ("x_train", "y_train", "x_test", "y_test")
    contents = [
        idx(given_arrays[key][:, 0] if key[0] == "y" else given_arrays[key])
        for key in order
    ]
    serve("fashion_mnist", contents)
    data = load_dataset("fashion_mnist")
    assert data.image_shape == (28, 28, 3)
    np.testing.assert_array_equal(data.x_test[..., 1], given_arrays["x_test"])


def test_wrong_checksum_is_refused_before_unpickling(serve):
    content = cifar_archive("cifar10", bomb=Bomb())
    path = serve("cifar10", [content], honest=False)
    with pytest.raises(ValueError, match="another SHA-256") as error:
        load_dataset()
    assert str(path) in str(error.value)


def test_bytes_changed_after_keras_checked_are_refused(serve, monkeypatch):
    path = serve("cifar10", [cifar_archive("cifar10")])
    bad = path.parent.parent / "changed"
    bad.write_bytes(cifar_archive("cifar10", bomb=Bomb()))
    monkeypatch.setattr(
        data_sources.keras.utils, "get_file", lambda *args, **kwargs: bad
    )
    with pytest.raises(ValueError, match="expected the SHA-256"):
        load_dataset()


def test_partial_file_in_the_cache_is_fetched_again(serve):
    content = cifar_archive("cifar10")
    path = serve("cifar10", [content])
    path.parent.mkdir()
    path.write_bytes(content[:1000])
    assert load_dataset(validation_split=0.2).num_classes == 10
    assert path.read_bytes() == content


def test_verified_file_in_the_cache_needs_no_network(serve, tmp_path):
    content = cifar_archive("cifar10")
    path = serve("cifar10", [content])
    path.parent.mkdir()
    path.write_bytes(content)
    (tmp_path / path.name).unlink()
    assert load_dataset(validation_split=0.2).num_classes == 10


def test_unreachable_network_names_three_ways_out(serve, tmp_path):
    path = serve("cifar10", [b""])
    (tmp_path / path.name).unlink()
    with pytest.raises(ConnectionError) as error:
        load_dataset()
    for way in ("network", "CCT_DATA_DIR", 'load_dataset("digits")'):
        assert way in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"x", mtime=0)],
    ids=["empty", "no archive", "no data set"],
)
def test_verified_but_unreadable_archive_is_named(serve, content):
    path = serve("cifar10", [content])
    with pytest.raises(ValueError, match="damaged") as error:
        load_dataset()
    assert str(path) in str(error.value)


# Folders of images


def write_images(folder, counts, size=(40, 60), suffix=".png"):
    """Writes class folders of plain images, each class in its own gray."""
    for number, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            value = 40 * number + i
            pixels = np.full((*size, 3), value, "uint8")
            Image.fromarray(pixels).save(folder / name / f"{i:03}{suffix}")


def test_folder_of_classes_is_split(tmp_path):
    write_images(tmp_path, {"cat": 10, "dog": 20})
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    data = load_dataset(tmp_path, image_size=16)
    assert data.class_names == ("cat", "dog")
    assert np.bincount(data.y_test).tolist() == [2, 4]
    assert np.bincount(data.y_val).tolist() in ([0, 2], [1, 1])
    assert data.image_shape == (16, 16, 3)
    parts = ((data.x_train, data.y_train), (data.x_test, data.y_test))
    for images, labels in parts:  # each label still belongs to its image
        np.testing.assert_array_equal(images[:, 8, 8, 0] // 40, labels)
    values = [x[:, 0, 0, 0] for x in (data.x_train, data.x_val, data.x_test)]
    assert len(set(np.concatenate(values))) == 30
    assert load_dataset(
        str(tmp_path), image_size=16, seed=3
    ).y_test.tolist() == (data.y_test.tolist())


@pytest.mark.parametrize("suffix", [".png", ".JPG", ".bmp", ".gif", ".webp"])
def test_folder_with_train_and_test(tmp_path, suffix):
    write_images(tmp_path / "train", {"a": 6, "b": 6}, suffix=suffix)
    write_images(tmp_path / "test", {"a": 2, "b": 3}, suffix=suffix)
    data = load_dataset(tmp_path, image_size=(20, 30), validation_split=0.34)
    assert data.image_shape == (20, 30, 3)  # height, width
    assert np.bincount(data.y_train).tolist() == [4, 4]
    assert np.bincount(data.y_test).tolist() == [2, 3]


def test_folder_images_keep_their_aspect(tmp_path):
    """A wide image is cut at its sides, not squeezed."""
    write_images(tmp_path, {"a": 8, "b": 8})
    wide = np.zeros((40, 80, 3), "uint8")
    wide[:, 20:60] = 255  # the centered square
    for path in tmp_path.glob("*/*.png"):
        Image.fromarray(wide).save(path)
    data = load_dataset(tmp_path, image_size=40)
    assert data.x_train.min() == 255
    data = load_dataset(tmp_path, image_size=(20, 40))
    assert data.x_train[0, 0, 0, 0] == 0
    assert data.x_train[0, 10, 20, 0] == 255


def test_folder_reads_gray_palette_and_transparent_images(tmp_path):
    write_images(tmp_path, {"a": 6, "b": 6})
    for path, mode in zip(
        sorted(tmp_path.glob("*/*.png")), 4 * ["L", "P", "RGBA"], strict=True
    ):
        Image.open(path).convert(mode).save(path)
    assert load_dataset(tmp_path, image_size=8).image_shape == (8, 8, 3)


def test_folder_images_stand_upright(tmp_path):
    write_images(tmp_path, {"a": 6, "b": 6}, suffix=".jpg")
    pixels = np.zeros((16, 16, 3), "uint8")
    pixels[:, :8] = 255  # left half white; turned: upper half white
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees clockwise
    for path in tmp_path.glob("*/*.jpg"):
        Image.fromarray(pixels).save(path, exif=exif)
    image = load_dataset(tmp_path, image_size=16).x_train[0]
    assert image[:7].min() > 200 and image[9:].max() < 50


def test_damaged_image_is_named(tmp_path):
    write_images(tmp_path, {"a": 6, "b": 6})
    path = tmp_path / "b" / "003.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match="damaged") as error:
        load_dataset(tmp_path, image_size=8)
    assert str(path) in str(error.value)


def test_image_of_sixteen_bits_is_refused(tmp_path):
    write_images(tmp_path, {"a": 6, "b": 6})
    path = tmp_path / "a" / "000.png"
    Image.fromarray(np.full((40, 60), 3000, "uint16")).save(path)
    with pytest.raises(ValueError, match="8 bits") as error:
        load_dataset(tmp_path, image_size=8)
    assert str(path) in str(error.value)


def no_classes(folder):
    (folder / "a.png").touch()


def one_class(folder):
    write_images(folder, {"a": 4})


def empty_class(folder):
    write_images(folder, {"a": 4, "b": 0})


def too_few(folder):
    write_images(folder, {"a": 1, "b": 1})


def other_test_classes(folder):
    write_images(folder / "train", {"a": 4, "b": 4})
    write_images(folder / "test", {"a": 4, "c": 4})


def third_part(folder):
    for part in ("train", "test", "valid"):
        write_images(folder / part, {"a": 4, "b": 4})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (no_classes, ["one folder of images for each class", "0 folders"]),
        (one_class, ["at least two", "1 folders"]),
        (empty_class, ["at least one image", "none"]),
        (too_few, ["enough images", "2 images"]),
        (other_test_classes, ["same class folders", "['b', 'c']"]),
        (third_part, ["train and test alone", "valid"]),
    ],
)
def test_unusable_folder_is_one_clear_sentence(tmp_path, make, words):
    make(tmp_path)
    with pytest.raises(ValueError) as error:
        load_dataset(tmp_path, image_size=8)
    for word in [str(tmp_path), *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("size", [None, 0, -3, (8,), (8, 8, 3), 8.5, "8"])
def test_folder_needs_a_proper_image_size(tmp_path, size):
    write_images(tmp_path, {"a": 4, "b": 4})
    with pytest.raises(ValueError, match="for instance") as error:
        load_dataset(tmp_path, image_size=size)
    assert repr(size) in str(error.value)


# Checks of images and labels


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float16"])
def test_check_images_accepts_pixels(dtype):
    images = np.array([0, 128, 255]).reshape(1, 1, 3, 1).astype(dtype)
    np.testing.assert_array_equal(check_images(images), images)


def test_check_images_accepts_a_dark_integer_image_and_a_black_one():
    check_images(np.ones((1, 2, 2, 3), "int64"))
    check_images(np.zeros((1, 2, 2, 3)))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((4, 4, 3), "uint8"), ["four axes", "(4, 4, 3)"]),
        (np.zeros((0, 4, 4, 3), "uint8"), ["at least one", "(0, 4, 4, 3)"]),
        (np.full((1, 2, 2, 3), 256), ["0 to 255", "256"]),
        (np.full((1, 2, 2, 3), -1.5), ["0 to 255", "-1.5"]),
        (np.full((1, 2, 2, 3), np.nan), ["0 to 255", "nan"]),
        (np.full((1, 2, 2, 3), np.inf), ["0 to 255", "inf"]),
        (np.full((1, 2, 2, 3), 0.5), ["multiply them by 255", "0.5"]),
        (np.full((1, 2, 2, 3), "a"), ["numbers from 0 to 255", "<U1"]),
    ],
)
def test_check_images_refuses(images, words):
    with pytest.raises(ValueError) as error:
        check_images(images, "x_train")
    for word in ["x_train", "Received", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "labels", [[0, 1, 2], [[0], [1], [2]], [0.0, 1.0, 2.0], np.uint8([0, 1, 2])]
)
def test_check_labels_returns_flat_integers(labels):
    checked = check_labels(labels, 3, num_images=3)
    assert checked.dtype == np.int64
    assert checked.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.eye(3), ["argmax", "(3, 3)"]),
        (np.zeros((2, 2)), ["shape (n,)", "(2, 2)"]),
        ([0, 3, 1], ["from 0 to 2", "from 0 to 3"]),
        ([0, -1, 1], ["from 0 to 2", "from -1 to 1"]),
        ([0.5, 1, 2], ["whole", "float64"]),
        ([np.nan, 1, 2], ["whole", "float64"]),
        (["a", "b", "c"], ["whole", "<U1"]),
        ([0, 1], ["as many as the images, 3", "2 labels"]),
    ],
)
def test_check_labels_refuses(labels, words):
    with pytest.raises(ValueError) as error:
        check_labels(labels, 3, num_images=3, name="y_val")
    for word in ["y_val", "Received", *words]:
        assert word in str(error.value)


# Photographs


def test_sample_photo_returns_the_photograph():
    for name in ("china", "flower"):
        photo = sample_photo(name)
        assert photo.shape == (427, 640, 3)
        assert photo.dtype == np.uint8


def test_sample_photo_is_cut_to_the_aspect_and_antialiased():
    whole = sample_photo("china")
    assert sample_photo("china", 32).shape == (32, 32, 3)
    small = sample_photo("china", (61, 32))
    assert small.shape == (61, 32, 3)
    # The width that is kept: 427 * 32 / 61 = 224 columns around the center;
    # each pixel is about the mean of the 7 x 7 pixels it stands for.
    columns = whole[:, 208:432].reshape(61, 7, 32, 7, 3).mean((1, 3))
    difference = np.abs(small.astype(float) - columns)
    assert difference.mean() < 6
    naive = np.abs(whole[3::7, 211:432:7].astype(float) - columns)
    assert difference.mean() < naive.mean() / 2


@pytest.mark.parametrize("name", ["China", "flowers", 3])
def test_sample_photo_refuses_other_names(name):
    with pytest.raises(ValueError, match="china, flower") as error:
        sample_photo(name)
    assert f"Received: name={name!r}" in str(error.value)
