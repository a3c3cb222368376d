"""Refuse images and labels that would train a wrong model without a word."""

import numpy as np


def check_images(images, name="images"):
    """Returns the images as an array if they are pixels from 0 to 255.

    Args:
        images: an array of shape `(n, height, width, channels)`.
        name: what the error message calls them.

    Returns:
        The images as a NumPy array, values and type unchanged.

    Raises:
        ValueError: for another number of axes, no image at all, values that
            are no numbers, values outside 0 to 255, or fractions from 0
            to 1.
    """
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            f"{name} must have four axes, (images, height, width, channels): "
            "add the axis that is missing, for instance images[None]. "
            f"Received: shape {images.shape}"
        )
    if images.size == 0:
        raise ValueError(
            f"{name} must hold at least one image with at least one pixel: "
            f"check the selection. Received: shape {images.shape}"
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "iuf" and images.dtype.name != "bfloat16":
        raise ValueError(
            f"{name} must be numbers from 0 to 255: convert them to uint8. "
            f"Received: dtype {images.dtype}"
        )
    low, high = float(images.min()), float(images.max())
    if not (0 <= low and high <= 255):
        raise ValueError(
            f"{name} must be pixels from 0 to 255: undo any normalization, "
            "the model has its own. Received: values from "
            f"{low:.4g} to {high:.4g}"
        )
    if images.dtype.kind not in "iu" and 0 < high <= 1:
        raise ValueError(
            f"{name} must be pixels from 0 to 255, and these look as if they "
            "had been divided by 255: multiply them by 255. Received: "
            f"{images.dtype} values from {low:.4g} to {high:.4g}"
        )
    return images


def check_labels(labels, num_classes, num_images=None, name="labels"):
    """Returns the labels as integers of shape `(n,)` if they are class numbers.

    Args:
        labels: an array of shape `(n,)` or `(n, 1)`.
        num_classes: the labels must lie from 0 to `num_classes - 1`.
        num_images: how many images they belong to, if that is known.
        name: what the error message calls them.

    Returns:
        The labels as an `int64` array of shape `(n,)`.

    Raises:
        ValueError: for another shape, values that are not whole numbers,
            values outside the classes, or another count than the images.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        one_hot = labels.ndim == 2 and labels.shape[1] == num_classes
        advice = "use labels.argmax(axis=1)" if one_hot else "flatten them"
        raise ValueError(
            f"{name} must be class numbers of shape (n,): {advice}. "
            f"Received: shape {labels.shape}"
        )
    if num_images is not None and len(labels) != num_images:
        raise ValueError(
            f"{name} must be as many as the images, {num_images}: check that "
            "both come from the same part of the data. Received: "
            f"{len(labels)} labels"
        )
    if labels.dtype.kind not in "iu":
        whole = labels.dtype.kind == "f" and np.all(labels == labels.round())
        if not whole:
            raise ValueError(
                f"{name} must be whole class numbers: convert them with "
                f"astype('int64'). Received: dtype {labels.dtype}"
            )
    if labels.size and not (0 <= labels.min() <= labels.max() < num_classes):
        raise ValueError(
            f"{name} must lie from 0 to {num_classes - 1} for {num_classes} "
            "classes: renumber them or change num_classes. Received: values "
            f"from {labels.min()} to {labels.max()}"
        )
    return labels.astype("int64")
