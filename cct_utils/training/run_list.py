"""A list of runs, trained one after another, as often stopped as needed."""

import pathlib
import shlex
import subprocess
import sys
import tomllib
from typing import NamedTuple

from cct_utils.results import recorded_runs


class Run(NamedTuple):
    """One line of a list of runs."""

    name: str
    arguments: tuple  # of the command `python -m cct_utils train`

    def command(self, folder):
        """Returns the words of the command that trains it in a folder."""
        out = pathlib.PurePosixPath(folder, self.name)
        return (
            *("python", "-m", "cct_utils", "train"),
            *self.arguments,
            *("--out", str(out)),
        )


def load_run_list(path):
    """Reads a list of runs from a TOML file.

    Each table `[[run]]` holds `name`, the run's folder, and `train`, the
    arguments of `python -m cct_utils train` without `--out`.

    Args:
        path: the file.

    Returns:
        A list of `Run`.

    Raises:
        ValueError: if a run lacks one of the two, or two have one name.
    """
    content = tomllib.loads(pathlib.Path(path).read_text("utf-8"))
    runs = []
    for table in content.get("run", []):
        if table.keys() != {"name", "train"}:
            raise ValueError(
                f"Each [[run]] of {path} must hold `name` and `train`. "
                f"Received: {table}"
            )
        runs.append(Run(table["name"], tuple(shlex.split(table["train"]))))
    names = [run.name for run in runs]
    if not runs or len(set(names)) < len(names):
        raise ValueError(
            f"The runs of {path} must have names, all of them different. "
            f"Received: {', '.join(names) or 'no run'}"
        )
    return runs


def is_done(run, folder):
    """Whether a run is recorded, in the package or in its own folder."""
    finished = pathlib.Path(folder, run.name, "record.json").exists()
    return finished or run.name in recorded_runs()


def train_run_list(runs, folder="runs", *, report=print):
    """Trains the runs that are not recorded yet, in their order.

    Each is a process of its own, so that it begins as its command would begin
    by hand. Wherever this is stopped, calling it again goes on with the epoch
    that was being trained. Several may work on one list: a run whose folder
    is in use by another process is left to that one.

    Args:
        runs: list of `Run`.
        folder: where the runs' folders are.
        report: function that is given a line for each run.

    Returns:
        The names of the runs that did not end well; the others are recorded.
    """
    failed = []
    for run in runs:
        if is_done(run, folder):
            report(f"{run.name}: recorded")
            continue
        command = run.command(folder)
        report(f"{run.name}: {shlex.join(command)}")
        ended = subprocess.run((sys.executable, *command[1:]))
        if ended.returncode:
            report(f"{run.name}: ended with exit status {ended.returncode}")
            failed.append(run.name)
    return failed
