"""A list of runs, trained one after another, as often stopped as needed."""

import argparse
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

    @property
    def folders(self):
        """Names of the run folders: its own, or one for each of `--seeds`."""
        seeds = _options(self.arguments).seeds
        return tuple(member_folder(self.name, seed) for seed in seeds) or (
            self.name,
        )


def add_seed_arguments(parser):
    """Adds the arguments by which one command trains several runs.

    Args:
        parser: an `argparse.ArgumentParser`.
    """
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        action="extend",
        default=[],
        help="train these seeds together, on a GPU and with KERAS_BACKEND=jax; "
        "their folders are OUT_<seed>",
    )
    parser.add_argument(
        "--sweep",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE,VALUE",
        help="with --seeds: train each seed with each of these values of a "
        "number of the recipe; the folders are OUT_<value>_<seed>",
    )


def member_folder(out, seed, values=()):
    """Returns the folder of one of the runs that a command trains together.

    Args:
        out: what the folders' names begin with.
        seed: the run's seed.
        values: the run's values of a sweep.
    """
    return "_".join(map(str, (out, *values, seed)))


def _options(arguments):
    """Returns what the arguments of a run say about its folders."""
    parser = argparse.ArgumentParser(
        add_help=False, allow_abbrev=False, exit_on_error=False
    )
    add_seed_arguments(parser)
    try:
        return parser.parse_known_args(arguments)[0]
    except argparse.ArgumentError as error:
        raise ValueError(
            "--seeds takes whole numbers. "
            f"Received: {shlex.join(arguments)} ({error})"
        ) from error


def load_run_list(path):
    """Reads a list of runs from a TOML file.

    Each table `[[run]]` holds `name`, the run's folder, and `train`, the
    arguments of `python -m cct_utils train` without `--out`. With `--seeds 0 1`
    among them, the table stands for the folders `name_0` and `name_1`, whose
    runs are trained together: on a GPU, and with `KERAS_BACKEND=jax`.

    Args:
        path: the file.

    Returns:
        A list of `Run`.

    Raises:
        ValueError: if it is no such file, a run lacks one of the two, two have
            one name or folder, or a run repeats a seed or has a `--sweep`.
    """
    try:
        content = tomllib.loads(pathlib.Path(path).read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} must be a TOML file: {error}") from error
    tables = content.get("run", [])
    runs = []
    for table in tables if isinstance(tables, list) else [tables]:
        if not (
            table.keys() == {"name", "train"}
            and all(isinstance(text, str) for text in table.values())
        ):
            raise ValueError(
                f"Each [[run]] of {path} must hold `name` and `train`, two "
                f"texts. Received: {table}"
            )
        try:
            words = shlex.split(table["train"])
        except ValueError as error:
            raise ValueError(
                f"`train` of {table['name']!r} in {path} must be words of a "
                f"command line ({error}). Received: {table['train']}"
            ) from error
        run = Run(table["name"], tuple(words))
        _check_seeds(run, path)
        runs.append(run)
    names = [run.name for run in runs]
    if not runs or len(set(names)) < len(names):
        raise ValueError(
            f"The runs of {path} must have names, all of them different. "
            f"Received: {', '.join(names) or 'no run'}"
        )
    folders = [name for run in runs for name in run.folders]
    twice = {name for name in folders if folders.count(name) > 1}
    if twice:
        raise ValueError(
            f"The runs of {path} must have folders of their own, NAME_SEED "
            f"with --seeds. Received twice: {', '.join(sorted(twice))}"
        )
    return runs


def _check_seeds(run, path):
    """Raises if the runs that one line stands for have no names."""
    options = _options(run.arguments)
    if options.sweep:
        raise ValueError(
            f"A list has no --sweep, but a [[run]] for each value. Received: "
            f"--sweep {shlex.join(options.sweep)} in {run.name!r} of {path}"
        )
    if len(set(options.seeds)) < len(options.seeds):
        raise ValueError(
            "The seeds of a run must be different. Received: --seeds "
            f"{' '.join(map(str, options.seeds))} in {run.name!r} of {path}"
        )


def is_done(run, folder):
    """Whether a run is recorded, in the package or in its own folder.

    Of several seeds all must be.
    """
    recorded = recorded_runs()
    return all(
        name in recorded or pathlib.Path(folder, name, "record.json").exists()
        for name in run.folders
    )


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
