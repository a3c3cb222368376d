"""Recorded runs: what was trained, how, on what, and what came out.

A record is a JSON file with the command, the commit, versions, hardware, the
data's fingerprint, the seed, the whole history, seconds per epoch and the test
result. The records of the book's own runs are part of the package, in
`cct_utils/recorded`; some of them with their weights and test predictions.
"""

import json
import math
import os
import pathlib
import platform
import shlex
import subprocess
import sys
from importlib import metadata

import numpy as np

from cct_utils._choices import unknown_choice
from cct_utils._devices import accelerators

RECORDED = pathlib.Path(__file__).parent / "recorded"

# The CCT-2/3x2 that is best on the validation images of all recorded.
BEST_RUN = "cct_2_3x2_200_gpu_2"

# What decides how fast an x86 processor multiplies, and in which precision.
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


def write_atomically(path, write):
    """Writes a file so that it is there either wholly or not at all.

    Args:
        path: where the file shall be.
        write: function that is given a temporary path of the same folder and
            the same endings, and writes there.
    """
    path = pathlib.Path(path)
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    try:
        write(partial)
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path, content):
    """Writes JSON atomically."""
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(path, lambda partial: partial.write_text(text))


def describe_environment():
    """Returns what a record says of the machine and the software.

    Returns:
        A dict with `commit` (None outside a git checkout; with "+changes" if
        files of the package differ from it), `versions` and `hardware`, which
        names those of the processor's `INSTRUCTIONS` that decide its speed.
    """
    packages = ("keras", "tensorflow", "jax", "torch", "numpy")
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "commit": _commit(),
        "versions": versions,
        "hardware": {
            "processor": _processor(),
            "instructions": _instructions(),
            "cores": len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count(),
            "accelerators": accelerators(),
        },
    }


def _commit():
    """Returns the commit of the package's checkout, or None.

    A copy of the tree without its history, on a rented machine for instance,
    is told by the environment variable `CCT_COMMIT`.
    """
    if os.environ.get("CCT_COMMIT"):
        return os.environ["CCT_COMMIT"]

    def git(*arguments):
        return subprocess.run(
            ("git", *arguments),
            cwd=pathlib.Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        # An installed package may lie in the checkout of something else.
        git("ls-files", "--error-unmatch", pathlib.Path(__file__).name)
        commit = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--", "*.py")
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+changes" if changed else "")


def _processor():
    """Returns the name of the processor."""
    name = _of_processor("model name")
    return name or platform.processor() or platform.machine()


def _instructions():
    """Returns which of `INSTRUCTIONS` the processor has, where Linux says."""
    flags = _of_processor("flags").split()
    return [name for name in INSTRUCTIONS if name in flags]


def _of_processor(what):
    """Returns an entry of the first processor, "" where there is none."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == what:
                return value.strip()
    return ""


def command_line():
    """Returns the shell command that repeats this process."""
    program = pathlib.Path(sys.argv[0])
    if program.name == "__main__.py":
        return shlex.join(["python", "-m", "cct_utils", *sys.argv[1:]])
    return shlex.join(["python", program.name, *sys.argv[1:]])


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
        ValueError: if there is no such run, or its weights are not kept.
    """
    from cct_utils.models import create_model

    record = load_record(name)
    weights = _find_file(name, "best.weights.h5", "Trained weights")
    model = create_model(
        record["model"],
        input_shape=tuple(record["data"]["image_shape"]),
        num_classes=record["data"]["num_classes"],
        **record.get("model_arguments", {}),
    )
    model.load_weights(weights)
    return model
