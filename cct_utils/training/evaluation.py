"""What a trained model answers, and how often it is right."""

import functools

import keras
import numpy as np

from cct_utils._choices import check_choice
from cct_utils.data import check_labels, load_dataset
from cct_utils.results import load_record, load_trained


def predict_logits(model, images, *, mirror=False, batch_size=256):
    """Returns a classifier's logits of all images, some at a time.

    Args:
        model: model from pixels to logits.
        images: array `(n, height, width, channels)`.
        mirror: whether to show the model each image twice, the second time
            mirrored left to right, and to average the two answers.
        batch_size: images at a time.

    Returns:
        An array `(n, classes)`.

    Raises:
        ValueError: if there is no image.
    """
    if len(images) == 0:
        raise ValueError(
            "`images` must hold at least one image: check the selection. "
            "Received: none"
        )
    # Not by `model.predict`: it would trace a function for these few calls, and
    # TensorFlow warns of that where one process tests several models.
    looks = (images, images[:, :, ::-1]) if mirror else (images,)
    return np.mean(
        [
            np.concatenate(
                [
                    keras.ops.convert_to_numpy(
                        model(look[start : start + batch_size], training=False)
                    )
                    for start in range(0, len(look), batch_size)
                ]
            )
            for look in looks
        ],
        axis=0,
    )


def evaluate_logits(logits, labels):
    """Returns accuracy, top-5 accuracy and cross-entropy of predictions.

    Args:
        logits: array `(n, classes)`.
        labels: integer array `(n,)`.

    Returns:
        A dict with `accuracy`, `top-5-accuracy` (shares of 1), `loss` (without
        label smoothing, in nats) and `images`.

    Raises:
        ValueError: if there are no logits, they are not finite numbers, or the
            labels do not fit them.
    """
    logits, labels = check_logits(logits, labels)
    true = np.take_along_axis(logits, labels[:, None], axis=1)
    # Among equals the lower class is ranked higher, as argmax does: a model
    # that finds all classes equally likely must not be right each time.
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    above = (logits > true) | ((logits == true) & earlier)
    rank = np.sum(above, axis=1)  # how many classes are ranked higher
    top = logits.max(axis=1, keepdims=True)
    log_sum = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    return {
        "accuracy": float(np.mean(rank < 1)),
        "top-5-accuracy": float(np.mean(rank < 5)),
        "loss": float(np.mean(log_sum - true)),
        "images": len(labels),
    }


def check_logits(logits, labels):
    """Returns logits and labels as arrays, if they are answers to images.

    Args:
        logits: array `(n, classes)`.
        labels: integer array `(n,)`.

    Returns:
        `(logits, labels)`: float64 `(n, classes)` and int64 `(n,)`.

    Raises:
        ValueError: if there are no logits, they are not finite numbers, or the
            labels do not fit them.
    """
    logits = np.asarray(logits, "float64")
    if logits.ndim != 2 or logits.size == 0:
        raise ValueError(
            "Logits must be of the shape (images, classes), of one image at "
            f"least. Received: shape {logits.shape}"
        )
    labels = check_labels(labels, logits.shape[1], len(logits))
    if not np.all(np.isfinite(logits)):
        count = np.sum(~np.isfinite(logits).all(axis=1))
        raise ValueError(
            "Logits must be finite numbers; look for what made them infinite, "
            f"often a learning rate. Received: {count} rows that are not"
        )
    return logits, labels


def evaluate_run(
    run, *, split="test", mirror=False, dataset=None, image_size=None
):
    """Returns how often the model of a finished run is right, computed anew.

    Args:
        run: a name of `runs_with_weights()`, or the folder of a finished run.
        split: `"test"` or `"validation"`. What is to be chosen, choose on
            validation images.
        mirror: whether to average the answers to each image and to its mirror
            image.
        dataset: name of a data set, or a folder of class folders; the run's
            own data set if None. A run on a part of the test images is tested
            on that part.
        image_size: for a folder, the pixels of each side.

    Returns:
        A dict as `evaluate_logits` makes it, and in it `same_data`: whether
        pixels and labels are those of the run. Test images may be others, for
        instance of a copy of the data set as JPEG files.

    Raises:
        ValueError: if there is no such run, its weights are not kept, or the
            validation images are not those of the run.
    """
    check_choice("split", split, ("test", "validation"))
    record = load_record(run)
    load = functools.partial(
        load_dataset,
        dataset or record["data"]["name"],
        seed=record["seed"],
        image_size=image_size,
    )
    trained, validated, tested = record["data"]["images"]
    try:
        data = load(
            train_images=trained + validated,
            validation_split=validated / (trained + validated),
            test_images=tested,
        )
    except ValueError:
        data = load()  # another data set, of fewer images
    fingerprint = record["data"].get("fingerprint")
    same_data = data.fingerprint == fingerprint
    if split == "validation" and not same_data:
        raise ValueError(
            "The validation images must be those of the run, or it may have "
            "been trained on some of them. Received: a data set with the "
            f"fingerprint {data.fingerprint}, and a run on {fingerprint}"
        )
    images, labels = (
        (data.x_val, data.y_val)
        if split == "validation"
        else (data.x_test, data.y_test)
    )
    logits = predict_logits(load_trained(run), images, mirror=mirror)
    return {**evaluate_logits(logits, labels), "same_data": same_data}
