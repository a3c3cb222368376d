"""Results for the pages: published figures beside the recorded runs.

Our numbers are read from `cct_utils/recorded/*/record.json`, never typed; a
run that is not recorded yet is not mentioned.
"""

import json
from html import escape
from typing import NamedTuple

EXAMPLE = "https://keras.io/examples/vision/cct/"
AUTHORS = (
    "https://github.com/SHI-Labs/Compact-Transformers/blob/main/examples/"
    "README.md"
)
BEST_OF_FOUR = "https://github.com/SHI-Labs/Compact-Transformers/issues/3"
MEASURED = "measured here"
NAMES = {"article": "example's CCT"}
PLOT_WIDTH, PLOT_HEIGHT = 640, 260
MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP = 46, 34, 12


class Row(NamedTuple):
    """One line of the comparison; None is what the source does not say."""

    source: str
    model: str
    parameters: int
    epochs: int
    top1: float
    top5: float | None
    note: str


PUBLISHED = {
    "article": Row(
        f'<a href="{EXAMPLE}">keras.io example</a>',
        "example's CCT",
        416_331,
        30,
        77.82,
        98.42,
        "one run",
    ),
    "cct_2_3x2": Row(
        f'<a href="{AUTHORS}">the authors</a>',
        "CCT-2/3x2",
        283_723,
        200,
        89.17,
        None,
        f'<a href="{BEST_OF_FOUR}">best of four</a>',
    ),
}


def read_records(root):
    """The recorded CIFAR-10 runs by name, the article's model first."""
    records = {}
    for path in sorted(root.glob("cct_utils/recorded/*/record.json")):
        record = json.loads(path.read_text("utf-8"))
        if record["data"]["name"] == "cifar10":
            records[path.parent.name] = record
    return records


def render_glance(root):
    """The short table of the home page."""
    return results_table(read_records(root))


def render_page(root):
    """The results page: table, curves, settings and cost of each run."""
    records = read_records(root)
    parts = [results_table(records)]
    if records:
        parts += ["## How they learn", curves(records)]
    parts += ["## Settings side by side", settings_table(records)]
    for name, record in records.items():
        parts.append(details(name, record))
    return "\n\n".join(parts)


def results_table(records):
    """Published figures and ours, each model's rows together."""
    rows = []
    for model, published in PUBLISHED.items():
        rows.append(published)
        rows += [
            measured_row(record)
            for record in records.values()
            if record["model"] == model
        ]
    rows += [
        measured_row(record)
        for record in records.values()
        if record["model"] not in PUBLISHED
    ]
    columns = (
        "source",
        "model",
        "parameters",
        "epochs",
        "top-1 (%)",
        "top-5 (%)",
        "runs",
    )
    body = []
    for row in rows:
        cells = (
            row.source,
            row.model,
            f"{row.parameters:,}",
            str(row.epochs),
            f"{row.top1:.2f}",
            "–" if row.top5 is None else f"{row.top5:.2f}",
            row.note,
        )
        body.append((row.source == MEASURED, cells))
    return table(columns, body, numbers=(2, 3, 4, 5))


def measured_row(record):
    """What one of our runs reached."""
    return Row(
        MEASURED,
        model_name(record["model"]),
        record["parameters"],
        record["settings"]["num_epochs"],
        100 * record["test"]["accuracy"],
        100 * record["test"]["top-5-accuracy"],
        f"seed {record['seed']}",
    )


def model_name(key):
    """`cct_2_3x2` as the paper writes it: CCT-2/3x2, ViT-Lite-2/4, CVT-2/4."""
    if key in NAMES:
        return NAMES[key]
    kind, layers, size = key.rsplit("_", 2)
    kind = {"vit_lite": "ViT-Lite"}.get(kind, kind.upper())
    return f"{kind}-{layers}/{size}"


def settings_table(records):
    """One column for each published recipe and each recorded run."""
    columns = {
        "keras.io example": {
            "optimizer": "AdamW",
            "learning rate": "0.001, constant",
            "weight decay": "0.0001",
            "label smoothing": "0.1",
            "batch size": "128",
            "precision": "float32",
            "augmentation": "flip; its crop does nothing",
            "epochs": "30",
            "training images": "45,000",
            "pixels": "original",
            "seed": "not stated",
        },
        "authors, 200 epochs": {
            "optimizer": "AdamW",
            "learning rate": "0.0005, 5 epochs of warm-up, cosine",
            "weight decay": "0.03",
            "label smoothing": "0.1",
            "batch size": "128",
            "precision": "float32",
            "augmentation": "AutoAugment, crop, flip",
            "epochs": "200",
            "training images": "50,000",
            "pixels": "original",
            "seed": "not stated",
        },
    }
    for record in records.values():
        columns[f"here: {model_name(record['model'])}"] = own_settings(record)
    names = list(columns["keras.io example"])
    rows = [
        (False, (name, *(column[name] for column in columns.values())))
        for name in names
    ]
    return table(("setting", *columns), rows)


def own_settings(record):
    """The same settings as a run recorded them."""
    settings, data = record["settings"], record["data"]
    words = record["command"].split()
    recipe = "crop_flip"
    if "--augmentation" in words:
        recipe = words[words.index("--augmentation") + 1]
    return {
        "optimizer": settings["optimizer"],
        "learning rate": f"{settings['learning_rate']:g}, constant",
        "weight decay": f"{settings['weight_decay']:g}",
        "label smoothing": f"{settings['label_smoothing']:g}",
        "batch size": str(settings["batch_size"]),
        "precision": settings["precision"],
        "augmentation": f"<code>{recipe}</code>",
        "epochs": str(settings["num_epochs"]),
        "training images": f"{data['images'][0]:,}",
        "pixels": escape(data["source"]),
        "seed": str(record["seed"]),
    }


def details(name, record):
    """What it took, and the command that repeats it."""
    history, data = record["history"], record["data"]
    seconds = history["seconds"]
    hardware = record["hardware"]
    machine = f"{hardware['processor']}, {hardware['cores']} cores"
    if hardware["accelerators"]:
        machine = ", ".join([*hardware["accelerators"], machine])
    versions = ", ".join(f"{k} {v}" for k, v in record["versions"].items())
    test = record["test"]
    rows = {
        "test accuracy, top-1": f"{100 * test['accuracy']:.2f} %",
        "test accuracy, top-5": f"{100 * test['top-5-accuracy']:.2f} %",
        "best validation accuracy": (
            f"{100 * max(history['val_accuracy']):.2f} %, in epoch "
            f"{record['best_epoch']} of {len(seconds)}"
        ),
        "time": (
            f"{sum(seconds) / 60:.0f} minutes, {middle(seconds):.0f} s an epoch"
        ),
        "machine": escape(machine),
        "versions": escape(versions),
        "commit": f"<code>{record['commit']}</code>",
        "images: training, validation, test": images(data["images"]),
        "data": escape(data["source"]),
        "fingerprint": f"<code>{data['fingerprint'][:16]}</code>",
    }
    body = table(("what", "value"), [(False, row) for row in rows.items()])
    return (
        f"## Our run of {model_name(record['model'])}\n\n{body}\n\n"
        f"```bash\n{record['command']}\n```\n\n"
        f"Everything above, epoch by epoch, is in "
        f"`cct_utils/recorded/{name}/record.json`."
    )


def images(counts):
    """Three counts, with separators."""
    return ", ".join(f"{count:,}" for count in counts)


def middle(values):
    """The median."""
    return sorted(values)[len(values) // 2]


def table(columns, rows, numbers=()):
    """An HTML table in a box of its own; rows are (measured, cells)."""
    head = row_html("th", columns, numbers, "th")
    body = []
    for measured, cells in rows:
        kind = ' class="measured"' if measured else ""
        body.append(f"<tr{kind}>{row_html('th', cells, numbers)}</tr>")
    return (
        '<div class="result-table" tabindex="0" role="region" '
        f'aria-label="table by {columns[0]}">\n<table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(body)
        + "\n</tbody>\n</table>\n</div>"
    )


def row_html(first, cells, numbers, rest="td"):
    """The cells of one row; the first is its header."""
    parts = []
    for index, cell in enumerate(cells):
        tag = first if index == 0 else rest
        scope = ""
        if tag == "th":
            scope = ' scope="col"' if rest == "th" else ' scope="row"'
        kind = ' class="number"' if index in numbers else ""
        parts.append(f"<{tag}{scope}{kind}>{cell}</{tag}>")
    return "".join(parts)


def curves(records):
    """Accuracy over the epochs as an inline drawing in the page's colors."""
    lines, labels = [], []
    longest = max(len(r["history"]["accuracy"]) for r in records.values())
    for record in records.values():
        label = model_name(record["model"])
        history = record["history"]
        for key, style in (("accuracy", "train"), ("val_accuracy", "val")):
            points = " ".join(
                f"{x_position(epoch, longest):.1f},{y_position(value):.1f}"
                for epoch, value in enumerate(history[key], start=1)
            )
            lines.append(
                f'<polyline class="curve {curve_class(record)} {style}" '
                f'points="{points}"/>'
            )
        final = 100 * history["val_accuracy"][-1]
        labels.append(f"{label} ends at {final:.1f} %")
    description = (
        "Accuracy on training and validation images over the epochs. On the "
        "validation images " + "; ".join(labels) + "."
    )
    legend = "".join(
        f'<span class="curve-key {curve_class(record)}">'
        f"{escape(model_name(record['model']))}</span>"
        for record in records.values()
    )
    return (
        '<figure class="curves">\n'
        f'<svg viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" role="img" '
        f'aria-label="{escape(description)}">\n'
        + axes(longest)
        + "\n".join(lines)
        + f"\n</svg>\n<figcaption>{legend} Accuracy on the validation images "
        "(solid) and on the augmented training images (dashed).</figcaption>\n"
        "</figure>"
    )


def curve_class(record):
    """The class that gives a model the color it has in the chapters."""
    return "run-article" if record["model"] == "article" else "run-cct"


def x_position(epoch, longest):
    """Horizontal place of an epoch."""
    width = PLOT_WIDTH - MARGIN_LEFT - 10
    return MARGIN_LEFT + width * (epoch - 1) / max(1, longest - 1)


def y_position(share):
    """Vertical place of an accuracy between 0 and 1."""
    height = PLOT_HEIGHT - MARGIN_BOTTOM - MARGIN_TOP
    return MARGIN_TOP + height * (1 - share)


def axes(longest):
    """Grid lines with their percentages, and the epochs below."""
    parts = []
    for percent in range(0, 101, 20):
        y = y_position(percent / 100)
        parts.append(
            f'<line class="grid" x1="{MARGIN_LEFT}" x2="{PLOT_WIDTH - 10}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{MARGIN_LEFT - 8}" y="{y + 4:.1f}" '
            f'text-anchor="end">{percent} %</text>'
        )
    step = max(1, longest // 6)
    for epoch in [1, *range(step, longest + 1, step)]:
        x = x_position(epoch, longest)
        parts.append(
            f'<text x="{x:.1f}" y="{PLOT_HEIGHT - 14}" '
            f'text-anchor="middle">{epoch}</text>'
        )
    parts.append(
        f'<text x="{PLOT_WIDTH - 10}" y="{PLOT_HEIGHT - 1}" '
        'text-anchor="end">epoch</text>'
    )
    return "\n".join(parts) + "\n"
