"""The options that `speed.py` and `pipeline.py` share."""

import argparse
import pathlib


def measuring_parser(documentation, quick):
    """Returns a parser of the options that every measurement has.

    Args:
        documentation: the docstring of a script; its first line describes it.
        quick: what `--quick` leaves of the measurement, in words.
    """
    parser = argparse.ArgumentParser(
        description=documentation.split("\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--out", type=pathlib.Path, help="JSON file to write the result to"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"see that it works: {quick}; its numbers mean nothing",
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--seconds", type=float, default=1.5, help="length of a burst, about"
    )
    return parser


def parse_measuring(parser, arguments):
    """Returns the options of a command line, before anything is measured.

    Args:
        parser: a `measuring_parser`.
        arguments: the words; those of this process if None.

    Raises:
        SystemExit: if an option is not valid.
    """
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds <= 0:
        parser.error(
            "--rounds must be at least 1 and --seconds above 0. Received: "
            f"--rounds {options.rounds} --seconds {options.seconds:g}"
        )
    if options.out and not options.out.parent.is_dir():
        parser.error(
            f"the folder of --out must exist. Received: --out {options.out}"
        )
    if options.quick:
        options.rounds, options.seconds = 2, 0.05
    return options
