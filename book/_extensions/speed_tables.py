"""The speed page: tables from the results that `benchmarks/speed.py` wrote.

Every number is read from `benchmarks/results/*.json`, one file for each
machine.
"""

import json
import sys
from html import escape
from pathlib import Path

from growth_figure import growth_figure
from result_tables import machine_of, model_name, table

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import summary

PATTERN = "benchmarks/results/*.json"
TITLES = {
    "training": "A training step of each model",
    "settings": "Ways to train, and who else does it",
    "inference 256": "Answers, 256 images at once",
    "inference 1": "Answers, one image at a time",
    "batch": "A training step over the batch size",
    "image size": "A training step over the image size",
    "depth": "A training step over the number of layers",
    "accelerator": "Ways to keep a GPU busy",
}
AXES = {
    "batch": ("batch", "images in a batch"),
    "image size": ("image_size", "pixels a side"),
    "depth": ("layers", "encoder layers"),
}
GROUP_COLUMNS = (
    "model",
    "how",
    "batch",
    "pixels",
    "layers",
    "ms",
    "CPU ms",
    "images/s",
    "GFLOP/s",
    "peak",
    "MB",
)
TEXT_COLUMNS = 2  # model, how; numbers follow


def render_page(root):
    """All tables: of each machine, then of the input pipeline."""
    parts = []
    for path, result in read_results(root):
        name = path.relative_to(root).as_posix()
        render = {"speed": speed_parts, "pipeline": pipeline_parts}
        parts += render[result["kind"]](result)
        parts += [
            f"```bash\n{result['command']}\n```",
            f"Every burst of every round is in `{name}`.",
        ]
    return "\n\n".join(parts)


def read_results(root):
    """Pairs of a path and its result; an error if there is none to show."""
    results = [
        (path, json.loads(path.read_text("utf-8")))
        for path in sorted(root.glob(PATTERN))
    ]
    for path, result in results:
        if result["settings"]["quick"]:
            raise ValueError(
                f"{path} was written by a run with --quick, whose numbers "
                "mean nothing: run the benchmark without it"
            )
    if not any(result["kind"] == "speed" for _, result in results):
        raise FileNotFoundError(
            f"The speed page shows {PATTERN}, and there is no result: run "
            "python benchmarks/speed.py --out benchmarks/results/NAME.json"
        )
    return sorted(results, key=lambda pair: pair[1]["kind"] != "speed")


def speed_parts(result):
    """What was measured on one machine."""
    machine = machine_of(result)
    parts = [f"## On {machine}"]
    if result["acceptance"]:
        parts.append(acceptance_table(result["acceptance"]))
    for group, title in TITLES.items():
        rows = [row for row in result["rows"] if row["group"] == group]
        if not rows:
            continue
        parts.append(f"### {title}")
        if group in AXES:
            parts.append(growth_figure(rows, *AXES[group]))
        parts.append(group_table(rows))
    return [*parts, "### How it was measured", details(result, machine)]


def pipeline_parts(result):
    """How fast each recipe makes its batches."""
    settings = result["settings"]
    body = [
        (False, [escape(cell) for cell in summary.pipeline_cells(row)])
        for row in result["rows"]
    ]
    return [
        "## The input pipeline",
        f"Images a second that each recipe augments, and that a training step "
        f"of {model_name(settings['model'])} takes "
        f"({settings['precision']}), on {machine_of(result)}.",
        table(summary.PIPELINE_COLUMNS, body, numbers=(3, 4, 5, 6)),
        details(result, machine_of(result)),
    ]


def acceptance_table(points):
    """How CCT-2/3x2 compares with its model in the example, and in PyTorch."""
    rows = [
        (
            False,
            (
                escape(point["what"]),
                f"{point['cpu_ratio']['median']:.2f}",
                f"{point['cpu_ratio']['low']:.2f}–"
                f"{point['cpu_ratio']['high']:.2f}",
                f"{point['ratio']['median']:.2f}",
            ),
        )
        for point in points
    ]
    columns = (
        "CCT-2/3x2 against",
        "CPU time, ratio",
        "quartiles",
        "wall time, ratio",
    )
    return table(columns, rows, numbers=(1, 2, 3))


def group_table(rows):
    """The rows of one group, without the columns that say nothing here."""
    lines = [group_cells(row) for row in rows]
    on_gpu = rows[0]["group"] == "accelerator"
    kept = [
        i
        for i, column in enumerate(GROUP_COLUMNS)
        # What all cases share, or none has, is no column.
        if (
            column not in ("batch", "pixels", "layers")
            or len({line[i] for line in lines if line[i]}) > 1
        )
        # A GPU has a memory of its own, which is not what was measured.
        and not (on_gpu and column == "MB")
    ]
    body = [
        (
            row["model"] == "cct_2_3x2" and not is_peer(row),
            [line[i] for i in kept],
        )
        for row, line in zip(rows, lines, strict=True)
    ]
    numbers = [n for n, i in enumerate(kept) if i >= TEXT_COLUMNS]
    return table([GROUP_COLUMNS[i] for i in kept], body, numbers=numbers)


def group_cells(row):
    """The cells of a row by `GROUP_COLUMNS`; quartiles below their median."""
    line = dict(zip(summary.COLUMNS, summary.cells(row), strict=True))
    name = row["model"]
    if row["task"] != "product":
        name = model_name(name) + (" in PyTorch" if is_peer(row) else "")
    words = (row["precision"].replace("_", " "), row["setting"])
    return (
        escape(name),
        escape(", ".join(filter(None, words))),
        *(line[column] for column in ("batch", "pixels", "layers")),
        over_quartiles(row["ms"]),
        over_quartiles(row["cpu_ms"]),
        *(line[column] for column in ("images/s", "GFLOP/s", "peak", "MB")),
    )


def over_quartiles(spread):
    """A median, and in small print below it the quartiles."""
    return (
        f"{summary.number(spread['median'])}<br>"
        f"<small>{summary.quartiles(spread)}</small>"
    )


def is_peer(row):
    """Whether a row is that of another framework."""
    return row["framework"] != "keras"


def details(result, machine):
    """Machine, versions, rounds, and what could not be measured."""
    versions = {**result["versions"], **result.get("peer_versions", {})}
    settings = result["settings"]
    rows = {
        "machine": escape(machine),
        "versions": escape(", ".join(f"{k} {v}" for k, v in versions.items())),
        "commit": f"<code>{result['commit']}</code>",
        "rounds": f"{settings['rounds']}, bursts of about "
        f"{settings['seconds']:g} s",
    }
    for case in result.get("failed", ()):
        rows[f"failed: {escape(summary.words(case))}"] = escape(
            case["error"].splitlines()[-1]
        )
    return table(("what", "value"), [(False, row) for row in rows.items()])
