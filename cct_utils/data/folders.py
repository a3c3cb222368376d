"""Read a folder of class folders into arrays of one image size."""

import pathlib

import numpy as np

from cct_utils._sizes import parse_size
from cct_utils.data.photos import fit_image
from cct_utils.data.splits import stratified_indices

SUFFIXES = {
    ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp",
}  # fmt: skip
TEST_SHARE = 0.2


def read_folder(folder, image_size):
    """Reads `folder/train/<class>/*` and `folder/test/<class>/*`.

    Without `train` and `test` folders, each folder inside is a class, and a
    fixed fifth of the images, the same share of each class, is the test part.

    Args:
        folder: where the images lie. Files that are no images by their
            suffix, and hidden files, are left alone.
        image_size: an integer or `(height, width)`; each image is cut to
            that aspect around its center and resized.

    Returns:
        `(class_names, x_train, y_train, x_test, y_test)`.
    """
    folder = pathlib.Path(folder)
    if image_size is None:
        raise ValueError(
            f"The images in the folder {folder} may have many sizes: expected "
            "the one to bring them to, for instance image_size=32. Received: "
            "image_size=None"
        )
    size = parse_size(image_size)
    train, test = folder / "train", folder / "test"
    if train.is_dir() and test.is_dir():
        _refuse_other_parts(folder)
        names = _class_names(train)
        if _class_names(test) != names:
            odd = sorted(set(names) ^ set(_class_names(test)))
            raise ValueError(
                f"{train} and {test} must hold the same class folders: add or "
                f"remove the ones in only one of them. Received: {odd}"
            )
        return (
            names,
            *_read_classes(train, names, size),
            *_read_classes(test, names, size),
        )
    names = _class_names(folder)
    images, labels = _read_classes(folder, names, size)
    count = round(len(labels) * TEST_SHARE)
    chosen = stratified_indices(labels, count, seed=0, leave=1)
    if len(chosen) == 0:
        raise ValueError(
            f"{folder} must hold enough images for a fifth of them to be the "
            "test part: add images, or sort them into train and test folders. "
            f"Received: {len(labels)} images"
        )
    rest = np.setdiff1d(np.arange(len(labels)), chosen)
    return names, images[rest], labels[rest], images[chosen], labels[chosen]


def _folders(folder):
    """Returns the visible folders inside a folder, sorted by name."""
    inside = (path for path in folder.iterdir() if path.is_dir())
    return sorted(path for path in inside if path.name[0] not in "._")


def _refuse_other_parts(folder):
    """Raises if a third part lies beside `train` and `test`."""
    others = [
        path.name
        for path in _folders(folder)
        if path.name not in ("train", "test")
    ]
    if others:
        raise ValueError(
            f"{folder} must hold train and test alone, because the validation "
            "part is taken from train: move these images into train. "
            f"Received: {', '.join(others)}"
        )


def _class_names(folder):
    """Returns the names of the class folders, at least two."""
    names = tuple(path.name for path in _folders(folder))
    if len(names) < 2:
        raise ValueError(
            f"{folder} must hold one folder of images for each class, at "
            "least two: sort the images into such folders. Received: "
            f"{len(names)} folders"
        )
    return names


def _read_classes(folder, names, size):
    """Reads all images of all classes, in the order of their names."""
    images, labels = [], []
    for label, name in enumerate(names):
        paths = [
            path
            for path in sorted((folder / name).iterdir())
            if path.suffix.lower() in SUFFIXES and path.name[0] != "."
        ]
        if not paths:
            raise ValueError(
                f"The class folder {folder / name} must hold at least one "
                f"image ({', '.join(sorted(SUFFIXES))}): add images or remove "
                "the folder. Received: none"
            )
        images += [_read_image(path, size) for path in paths]
        labels += [label] * len(paths)
    return np.stack(images), np.array(labels, "int64")


def _read_image(path, size):
    """Reads one file upright and in color, or names it as damaged."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            if image.mode[0] in "IF":  # a conversion would only clip them
                raise ValueError(f"pixels of more than 8 bits ({image.mode})")
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
    ) as e:
        raise ValueError(
            f"The image {path} is damaged or of another kind: expected 8 bits "
            f"per channel, so replace, convert or remove it. Received: {e}"
        ) from e
    return fit_image(upright, size)
