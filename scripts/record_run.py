"""Copies finished runs into the package, where the book reads them.

python scripts/record_run.py runs/cct_2_3x2_fast_0 --weights
"""

import argparse
import pathlib
import shutil

from cct_utils._files import write_json
from cct_utils.results import load_record
from cct_utils.training import evaluate_run

RECORDED = pathlib.Path(__file__).parents[1] / "cct_utils" / "recorded"
WEIGHTS = ("best.weights.h5", "test_logits.npz")


def main(arguments=None):
    """Copies the files of the runs of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    parser.add_argument(
        "--weights",
        action="store_true",
        help="the weights and the test predictions as well, about a megabyte; "
        "without it, those that the package has of the run are deleted",
    )
    parser.add_argument(
        "--two-looks",
        action="store_true",
        help="add what is right with one look at each image and with two, of "
        "the test and of the validation images",
    )
    options = parser.parse_args(arguments)
    try:
        records = [record_of(run) for run in options.runs]
    except ValueError as error:
        parser.error(str(error))
    for run, record in zip(options.runs, records, strict=True):
        if options.two_looks:
            record |= looks_of(run)
        folder = recorded_in(run)
        folder.mkdir(parents=True, exist_ok=True)
        for name in WEIGHTS:
            # Never those of one training beside the record of another.
            (folder / name).unlink(missing_ok=True)
        write_json(folder / "record.json", record)
        if options.weights:
            for name in WEIGHTS:
                shutil.copy(run / name, folder / name)
        print(folder)


def recorded_in(run):
    """Returns the folder of the package for a run."""
    return RECORDED / run.resolve().name


def record_of(run):
    """Returns a run's record, with what was added when it was recorded before.

    Raises:
        ValueError: if the run is not finished, or the package has a record of
            its name that is of another command or seed.
    """
    record = load_record(run)
    if not (recorded_in(run) / "record.json").exists():
        return record
    old = load_record(recorded_in(run))
    for key in ("command", "seed"):
        if record[key] != old[key]:
            raise ValueError(
                f"The package has another run of the name {run.name}: rename "
                f"the run's folder, or delete {recorded_in(run)} first. "
                f"Received: {key} {record[key]}, and there {old[key]}"
            )
    # No other training repeats all numbers to the last digit.
    return old if old.items() >= record.items() else record


def looks_of(run):
    """Returns a run's accuracies with one look at each image and with two."""
    return {
        "two_looks": {
            split: [
                evaluate_run(run, split=split, mirror=mirror)["accuracy"]
                for mirror in (False, True)
            ]
            for split in ("test", "validation")
        }
    }


if __name__ == "__main__":
    main()
