"""Prints what recorded runs paid until they first reached an accuracy.

python benchmarks/time_to_accuracy.py --level 75 --level 80
python benchmarks/time_to_accuracy.py --level 75 RUN --against BASELINE
"""

import argparse
import itertools
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from summary import text_table

from cct_utils import results

COLUMNS = (
    "run",
    "model",
    "level",
    "epoch",
    "CPU s",
    "wall s",
    "times cheaper",
    "test",
)


def main(arguments=None):
    """Prints the table that the command line asks for."""
    options = parse(arguments)
    baseline = options.against and results.load_record(options.against)
    names = options.runs or results.recorded_runs()
    records = {name: results.load_record(name) for name in names}
    # The time of runs that were trained together is that of all of them.
    asked = {options.against: baseline} if baseline else {}
    asked |= records if options.runs else {}
    shared = [name for name, record in asked.items() if "together" in record]
    if shared:
        raise ValueError(
            "A run must have been trained alone to have a price of its own. "
            f"Received: {', '.join(shared)}"
        )
    records = {n: r for n, r in records.items() if "together" not in r}
    rows = []
    for level in options.level:
        paid = baseline and reached(baseline, level / 100)
        for name, record in records.items():
            rows.append(row(name, record, level, paid))
    print(text_table(COLUMNS, rows))
    print(
        "Counted are whole epochs, validation included, to the end of the "
        "first whose validation\naccuracy is at least the level. "
        "Best test accuracy: of the epoch that validation chose."
    )


def parse(arguments):
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "runs",
        nargs="*",
        help="recorded runs or run folders; all that were trained alone if "
        "none",
    )
    parser.add_argument(
        "--level",
        type=float,
        action="append",
        required=True,
        help="validation accuracy in percent; may be given several times",
    )
    parser.add_argument("--against", help="the run to compare the cost with")
    options = parser.parse_args(arguments)
    for level in options.level:
        if not 1 < level <= 100:
            parser.error(
                "a level is in percent, above 1 and up to 100. "
                f"Received: --level {level:g}"
            )
    return options


def reached(record, level):
    """Returns what a run paid until it first reached an accuracy.

    Epochs on smaller images do not count: they are validated on such.

    Args:
        record: a run's record.
        level: validation accuracy between 0 and 1.

    Returns:
        A dict with `epoch` (counted from 1), `cpu_seconds` and `seconds` from
        the beginning to the end of that epoch; None if it never did.
    """
    history = record["history"]
    small = results.small_epochs(record["settings"])
    totals = zip(
        itertools.accumulate(history["cpu_seconds"]),
        itertools.accumulate(history["seconds"]),
        history["val_accuracy"],
        strict=True,
    )
    for epoch, (cpu_seconds, seconds, accuracy) in enumerate(totals, start=1):
        if epoch > small and accuracy >= level:
            return {
                "epoch": epoch,
                "cpu_seconds": cpu_seconds,
                "seconds": seconds,
            }
    return None


def row(name, record, level, baseline):
    """Returns the cells of one run and level, in the order of `COLUMNS`."""
    paid = reached(record, level / 100)
    cheaper = "–"
    if paid and baseline:
        cheaper = f"{baseline['cpu_seconds'] / paid['cpu_seconds']:.2f}"
    cost = (
        (
            str(paid["epoch"]),
            f"{paid['cpu_seconds']:,.0f}",
            f"{paid['seconds']:,.0f}",
        )
        if paid
        else ("never", "–", "–")
    )
    return (
        name,
        record["model"],
        f"{level:g} %",
        *cost,
        cheaper,
        f"{100 * record['test']['accuracy']:.2f} %",
    )


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"time_to_accuracy: {error}")
