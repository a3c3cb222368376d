"""Measures how fast the models train and answer, and writes the result.

    python benchmarks/speed.py --out benchmarks/results/speed.json

See `benchmarks/README.md` for what the columns mean.
"""

import itertools
import os
import pathlib
import shlex
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import plan
import summary
from options import measuring_parser, parse_measuring
from rounds import measure_group

from cct_utils._environment import describe_environment
from cct_utils._files import write_json


def main(arguments=None):
    """Measures what the command line asks for; returns the exit status."""
    options = parse(arguments)
    environment = describe_environment()
    pythons = {"keras": sys.executable, "pytorch": options.peer_python}
    groups = plan.plan(
        options.groups,
        options.models,
        options.precisions,
        batch=options.batch,
        peer=options.peer_python is not None,
        peer_compile=options.peer_compile,
        product_size=options.product_size,
    )
    for case in itertools.chain(*groups.values()):
        summary.gigaflop(case)  # an unknown model is refused here
    begin = time.monotonic()
    rows, failed, peer = [], [], {}
    for name, cases in groups.items():
        print(f"\n{name}: {len(cases)} cases", flush=True)
        measured, lost = measure_group(
            cases,
            pythons,
            rounds=options.rounds,
            seconds=options.seconds,
            at_once=options.at_once,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        for case, facts, _ in measured:
            if case.framework != "keras":
                peer = facts["versions"]
        here = summary.summarize(measured)
        print(summary.text_table(summary.COLUMNS, map(summary.cells, here)))
        rows += here
        failed += [
            {**case._asdict(), "setting": case.setting, "error": error}
            for case, error in lost
        ]
    points = summary.acceptance(rows)
    print()
    for point in points:
        print(summary.acceptance_line(point))
    if options.out:
        write_json(
            options.out,
            {
                "schema": 1,
                "kind": "speed",
                "command": command(
                    sys.argv[1:] if arguments is None else arguments
                ),
                **environment,
                "peer_versions": peer,
                "settings": {
                    "rounds": options.rounds,
                    "seconds": options.seconds,
                    "quick": options.quick,
                },
                "minutes": (time.monotonic() - begin) / 60,
                "rows": rows,
                "failed": failed,
                "acceptance": points,
            },
        )
        print(f"\nwritten: {options.out}")
    for case in failed:
        print(
            f"failed: {case['group']}, {summary.words(case)}: {case['error']}",
            file=sys.stderr,
        )
    return 1 if failed else 0


def parse(arguments):
    """Returns the options of the command line."""
    parser = measuring_parser(
        __doc__, "batches of 8, two short rounds, no growth"
    )
    parser.add_argument("--models", nargs="+", default=list(plan.MODELS))
    parser.add_argument(
        "--precisions",
        nargs="+",
        default=list(plan.USUAL_PRECISIONS),
        choices=plan.PRECISIONS,
    )
    parser.add_argument(
        "--groups",
        nargs="+",
        help="training, settings, 'inference 256', 'inference 1', batch, "
        "'image size', depth; all of them where none is named. Besides them "
        "accelerator, for KERAS_BACKEND=jax and a GPU",
    )
    parser.add_argument(
        "--at-once",
        action="store_true",
        help="let all processes of a group get ready at once",
    )
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument(
        "--product-size",
        type=int,
        default=2048,
        help="side of the matrices whose product is the machine's peak",
    )
    parser.add_argument(
        "--peer-python",
        type=pathlib.Path,
        help="interpreter of an environment with torch and vit-pytorch; "
        "without it the PyTorch network is not measured",
    )
    parser.add_argument(
        "--peer-compile",
        action="store_true",
        help="measure the PyTorch network with torch.compile as well",
    )
    options = parse_measuring(parser, arguments)
    if options.peer_python and not options.peer_python.exists():
        parser.error(
            "--peer-python must be an interpreter. "
            f"Received: --peer-python {options.peer_python}"
        )
    if options.quick:
        options.batch, options.product_size = 8, 256
        options.groups = options.groups or ["training"]
    return options


def command(words):
    """Returns the shell command that repeats this benchmark elsewhere."""
    words = [str(word) for word in words]
    if "--peer-python" in words:
        # Where the environment lies here says nothing to a reader.
        words[words.index("--peer-python") + 1] = "peer/bin/python"
    # What of the environment changes the numbers.
    names = ("XLA_FLAGS", "KERAS_BACKEND")
    given = "".join(
        f"{name}={shlex.quote(os.environ[name])} "
        for name in names
        if name in os.environ
    )
    return given + shlex.join(["python", "benchmarks/speed.py", *words])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        sys.exit(f"speed: {error}")
