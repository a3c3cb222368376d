"""Recorded runs: what was trained, how, on what, and what came out.

A record is a JSON file with the command, the commit, versions, hardware, the
data's fingerprint, the seed, the whole history, seconds per epoch and the test
result. The records of the book's own runs are part of the package, in
`cct_utils/recorded`; some of them with their weights and test predictions.
"""

import json
import math
import pathlib

import numpy as np

from cct_utils._choices import unknown_choice

RECORDED = pathlib.Path(__file__).parent / "recorded"

# The CCT-2/3x2 that is best on the validation images of all recorded.
BEST_RUN = "cct_2_3x2_200_gpu_2"


def recorded_runs():
    """Returns the names of the runs recorded in the package, sorted."""
    return sorted(path.parent.name for path in RECORDED.glob("*/record.json"))


def runs_with_weights():
    """Returns the names of the recorded runs that can be loaded, sorted."""
    return sorted(
        path.parent.name for path in RECORDED.glob("*/best.weights.h5")
    )


def _find(name):
    """Returns the folder of a recorded run, or of a path to a run folder."""
    for folder in (RECORDED / str(name), pathlib.Path(name)):
        if (folder / "record.json").exists():
            return folder
    names = recorded_runs()
    raise unknown_choice(
        f"A recorded run is one of the {len(names)} that "
        "cct_utils.recorded_runs() names, or the folder of a finished run",
        str(name),
        names,
    )


def _find_file(name, file, what):
    """Returns a file of a run that not every recorded run comes with."""
    path = _find(name) / file
    if not path.exists():
        raise ValueError(
            f"{what} are part of the package for "
            f"{', '.join(runs_with_weights()) or 'no run'} alone; of "
            f"{str(name)!r} the record is. Its command trains it again: "
            f"{load_record(name).get('command', 'not recorded')}"
        )
    return path


def load_record(name):
    """Returns the record of a run.

    Args:
        name: one of `recorded_runs()`, or the folder of a finished run.

    Returns:
        The record, a dict.

    Raises:
        ValueError: if there is no such run; the message names the nearest.
    """
    return json.loads((_find(name) / "record.json").read_text())


def small_epochs(settings):
    """Returns how many epochs of a training begin it on smaller images.

    They are validated on smaller images as well: their accuracy is not that
    of the model on whole ones.

    Args:
        settings: dict of a recipe's settings, for instance a record's.
    """
    share = settings.get("small_share", 0.0)  # younger than the first records
    # Not one less for shares such as 0.29 of 100, whose product is 28.99...
    return math.floor(share * settings["num_epochs"] + 1e-9)


def load_test_logits(name):
    """Returns what a run's best weights answer for each test image.

    Args:
        name: one of `recorded_runs()`, or the folder of a finished run.

    Returns:
        `(logits, labels)`: float32 `(n, classes)` and int64 `(n,)`, in the
        order of the data set's test part.

    Raises:
        ValueError: if there is no such run, or its answers are not kept.
    """
    path = _find_file(name, "test_logits.npz", "Answers to the test images")
    with np.load(path, allow_pickle=False) as file:
        return (
            file["logits"].astype("float32"),
            file["labels"].astype("int64"),
        )


def load_trained(name=BEST_RUN):
    """Returns the trained model of a run, ready to classify pixels 0..255.

    Args:
        name: one of `runs_with_weights()`, or the folder of a finished run.
            The default is the CCT-2/3x2, trained on CIFAR-10, that is best
            on its validation images.

    Returns:
        A `keras.Model` from `(batch, height, width, channels)` to logits.

    Raises:
        ValueError: if there is no such run, its weights are not kept, or its
            record names another network than the one that was trained.
    """
    from cct_utils.models import architecture, create_model

    record = load_record(name)
    weights = _find_file(name, "best.weights.h5", "Trained weights")
    model = create_model(
        record["model"],
        input_shape=tuple(record["data"]["image_shape"]),
        num_classes=record["data"]["num_classes"],
        **record.get("model_arguments", {}),
    )
    # Records are older than this entry.
    if record.get("architecture") not in (None, architecture(model)):
        raise ValueError(
            "The record must name the network that was trained; build that "
            "one, and load its weights from the run's best.weights.h5. "
            f"Received: {str(name)!r}, of which {record['model']!r} with "
            f"model_arguments={record.get('model_arguments', {})} is another"
        )
    model.load_weights(weights)
    return model
