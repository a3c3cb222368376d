"""Copies finished runs into the package, where the book reads them.

python scripts/record_run.py runs/cct_2_3x2_fast_0 --weights
"""

import argparse
import pathlib
import shutil

RECORDED = pathlib.Path(__file__).parents[1] / "cct_utils" / "recorded"


def main():
    """Copies the files of the runs of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    parser.add_argument(
        "--weights",
        action="store_true",
        help="the weights and the test predictions as well, about a megabyte",
    )
    options = parser.parse_args()
    names = ["record.json"]
    if options.weights:
        names += ["best.weights.h5", "test_logits.npz"]
    for run in options.runs:
        if not (run / "record.json").exists():
            parser.error(f"{run} holds no finished run")
        folder = RECORDED / run.resolve().name
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(run / name, folder / name)
        print(folder)


if __name__ == "__main__":
    main()
