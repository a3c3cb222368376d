"""Results for the pages: published figures beside the recorded runs.

Our numbers are read from `cct_utils/recorded/*/record.json`, never typed. Runs
that `experiments/*.toml` lists and nobody has recorded yet are counted and
named, and have no row.
"""

import json
import math
import shlex
import statistics
import tomllib
from html import escape
from typing import NamedTuple

from curve_looks import color_style, line_sample, look_of, polyline

EXAMPLE = "https://keras.io/examples/vision/cct/"
AUTHORS = (
    "https://github.com/SHI-Labs/Compact-Transformers/blob/main/examples/"
    "README.md"
)
BEST_OF_FOUR = "https://github.com/SHI-Labs/Compact-Transformers/issues/3"
MEASURED = "measured here"
NAMES = {"article": "example's CCT", "vit_keras": "ViT of 4.7 M"}
OPTIMIZERS = {
    "adamw": "AdamW",
    "muon": "Muon",
    "kernel_muon": "Muon, also for convolutions",
}
ALL_IMAGES = 50_000
PLOT_WIDTH, PLOT_HEIGHT = 640, 300
LOWEST, HIGHEST = 20, 90  # percent, of the axis of accuracy
MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP = 58, 46, 12
EPOCH_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)

# Lists of short trainings, which are compared among themselves alone.
SHORT_LISTS = (
    "build_up",
    "ablations",
    "augmentation",
    "data",
    "quarter",
    "confetti",
)

# Before the command of seeds that are trained together.
WITH_JAX = "KERAS_BACKEND=jax "

# What records say that were written before there were recipes to choose from.
FIRST_SETTINGS = {
    "schedule": "constant",
    "warmup_epochs": 0,
    "cooldown_epochs": 0,
    "final_learning_rate": 0.0,
    "decay": "all",
    "clip_norm": None,
    "ema_momentum": None,
    "mixup_alpha": 0.0,
    "cutmix": False,
    "random_erasing": 0.0,
    "mixing_epochs": None,
    "policy_epochs": None,
    "small_share": 0.0,
    "small_scale": 0.75,
}


class Row(NamedTuple):
    """One line of the comparison; None is what the source does not say."""

    source: str
    model: str
    recipe: str
    parameters: str
    epochs: int
    top1: str
    cpu_minutes: float | None
    note: str


PUBLISHED = {
    "article": Row(
        f'<a href="{EXAMPLE}">keras.io example</a>',
        "example's CCT",
        "its own",
        "416,331",
        30,
        "77.82",
        None,
        "one run",
    ),
    "vit_keras": Row(
        f'<a href="{EXAMPLE}">keras.io example</a>',
        "ViT of 4.7 M",
        "its own",
        "4.7 million",
        100,
        "78.22",
        None,
        "one run",
    ),
    "cct_2_3x2": Row(
        f'<a href="{AUTHORS}">the authors</a>',
        "CCT-2/3x2",
        "their script",
        "283,723",
        200,
        "89.17",
        None,
        f'<a href="{BEST_OF_FOUR}">best of four</a>',
    ),
}

# The columns of the table of results.
RESULTS = (
    "source",
    "model",
    "recipe",
    "top-1 (%)",
    "runs",
    "epochs",
    "CPU minutes",
    "parameters",
)

# Runs whose rows the home page shows, with their other seeds.
AT_A_GLANCE = (
    "article_article_gpu_0",
    "cct_2_3x2_article_gpu_0",
    "cct_2_3x2_fast_0",
    "cct_2_3x2_hour_0",
    "cct_2_3x2_200_gpu_0",
)

# What is known of the settings behind the published figures.
PUBLISHED_SETTINGS = {
    "keras.io example": {
        "optimizer": "AdamW",
        "learning rate": "0.001, constant",
        "weight decay": "0.0001",
        "label smoothing": "0.1",
        "batch size": "128",
        "precision": "float32",
        "augmentation": "flip; its crop does nothing",
        "model changed": "–",
        "epochs": "30",
        "training images": "45,000",
        "pixels": "original",
        "runs": "one, seed not stated",
    },
    "authors, 200 epochs": {
        "optimizer": "AdamW",
        "learning rate": "0.0005, 5 epochs of warm-up, cosine",
        "weight decay": "0.03",
        "label smoothing": "0.1",
        "batch size": "128",
        "precision": "float32",
        "augmentation": "AutoAugment, crop, flip",
        "model changed": "–",
        "epochs": "200",
        "training images": "50,000",
        "pixels": "original",
        "runs": "best of four",
    },
}
SETTING_NAMES = [
    name for name in PUBLISHED_SETTINGS["keras.io example"] if name != "runs"
]
COUNTERPARTS = {
    "article": "keras.io example",
    "cct_2_3x2": "authors, 200 epochs",
}


# --- Reading -----------------------------------------------------------------


def read_records(root):
    """The recorded CIFAR-10 runs by name."""
    records = {}
    for path in sorted(root.glob("cct_utils/recorded/*/record.json")):
        record = json.loads(path.read_text("utf-8"))
        if record["data"]["name"] == "cifar10":
            records[path.parent.name] = record
    return records


def read_lists(root):
    """The lists of runs: (name of the list, its comment, its runs)."""
    lists = []
    for path in sorted(root.glob("experiments/*.toml")):
        text = path.read_text("utf-8")
        comment = " ".join(
            line.removeprefix("#").strip()
            for line in text.partition("[[run]]")[0].splitlines()
        ).strip()
        lists.append((path.stem, comment, tomllib.loads(text)["run"]))
    return lists


def full_runs(root, records):
    """The runs on all training images that follow a recipe as it is.

    What changed a recipe is compared with it in the lists of runs.
    """
    lists = read_lists(root)
    short = {
        folder
        for name, _, runs in lists
        for run in runs
        for folder in folders_of(run)
        if name in SHORT_LISTS
    }
    commands = commands_today(lists, records)
    return {
        name: record
        for name, record in records.items()
        if name not in short
        and sum(record["data"]["images"][:2]) == ALL_IMAGES
        and "--set" not in commands[name]
    }


def commands_today(lists, records):
    """The command that repeats each run today, by the run's name.

    That is the one of its list: a record holds the command that was typed when
    a recipe of the same name may have had other settings, or when settings that
    are a recipe today had no name. Seeds that are
    trained together have one command.
    """
    listed = {
        folder: f"python -m cct_utils train {run['train']} "
        f"--out runs/{run['name']}"
        for _, _, runs in lists
        for run in runs
        for folder in folders_of(run)
    }
    commands = {}
    for name, record in records.items():
        command = listed.get(name, record["command"])
        if seeds_in(command):
            command = WITH_JAX + command
        commands[name] = command
    return commands


def folders_of(run):
    """The names of the records that a line of a list stands for."""
    seeds = seeds_in(run["train"])
    return [f"{run['name']}_{seed}" for seed in seeds] or [run["name"]]


def seeds_in(command):
    """The seeds that a command trains together; none if it trains one."""
    for word in words_of(command):
        if word.startswith("--seeds "):
            return [int(seed) for seed in word.split()[1:]]
    return []


def on_gpu(record):
    """Whether a run was trained on a GPU."""
    return bool(record["hardware"]["accelerators"])


def is_priced(record):
    """Whether the processor time is what this one training costs.

    It is not on a GPU, nor where several trainings share a process.
    """
    return not on_gpu(record) and record.get("together", 1) == 1


def all_settings(record):
    """The settings of a record, old or new, under one set of names."""
    settings = {**FIRST_SETTINGS, **record["settings"]}
    settings["optimizer"] = settings["optimizer"].lower()
    layers = settings.pop("augmentation_layers", [])
    if isinstance(settings["augmentation"], list):
        layers, settings["augmentation"] = settings["augmentation"], "none"
    if layers == ["augmentation_crop", "augmentation_flip"]:
        settings["augmentation"] = "crop_flip"
    return settings


def small_epochs(settings):
    """How many of the first epochs were on smaller images."""
    share = settings.get("small_share", 0.0)
    return math.floor(share * settings["num_epochs"] + 1e-9)


def recipe_of(record):
    """The recipe's name; the first records are all of the example's."""
    return record.get("recipe") or "article"


def groups_of(records):
    """Runs that differ in nothing but the seed: lists, in a fixed order.

    What was trained on another kind of machine stands in another list.
    """
    groups = {}
    for record in records.values():
        settings = {
            # 0 and 0.0 are the same rate, and 1 is not what True is.
            key: float(value) if type(value) is int else value
            for key, value in all_settings(record).items()
            if key in (*FIRST_SETTINGS, *record_keys())
        }
        key = json.dumps(
            [
                record["model"],
                record.get("model_arguments", {}),
                settings,
                record["data"]["images"],
                record["hardware"]["accelerators"],
                is_priced(record),
            ],
            sort_keys=True,
        )
        groups.setdefault(key, []).append(record)
    order = [*PUBLISHED, *sorted({r["model"] for r in records.values()})]
    for group in groups.values():
        group.sort(key=lambda record: record["seed"])
    return sorted(
        groups.values(),
        key=lambda group: (
            order.index(group[0]["model"]),
            mean(100 * r["test"]["accuracy"] for r in group),
        ),
    )


def record_keys():
    """The settings that both kinds of record hold."""
    return (
        "optimizer",
        "learning_rate",
        "weight_decay",
        "label_smoothing",
        "batch_size",
        "num_epochs",
        "augmentation",
        "precision",
    )


# --- The pages ---------------------------------------------------------------


def render_glance(root):
    """The short table of the home page: two models, and what a recipe does."""
    full = full_runs(root, read_records(root))
    shown = [full[name] for name in AT_A_GLANCE if name in full]
    groups = [g for g in groups_of(full) if any(r in shown for r in g)]
    return results_table(
        groups, ("source", "model", "recipe", "epochs", "top-1 (%)", "runs")
    )


def render_page(root):
    """The results: comparison, curves, settings."""
    full = full_runs(root, read_records(root))
    parts = [results_table(groups_of(full), models=PUBLISHED)]
    if full:
        parts += ["## How they learn", curves(groups_of(full))]
    parts += ["## Settings side by side", settings_table(full)]
    if full:
        parts.append(
            '<details class="run">\n<summary>The same for each run, beside '
            f"what is published</summary>\n\n{gaps(full)}\n\n</details>"
        )
    return "\n\n".join(parts)


def render_runs(root):
    """The runs one by one: what each cost, and the lists they belong to."""
    records = read_records(root)
    full = full_runs(root, records)
    parts = ["## What each run cost", *details_of(root, full)]
    parts += ["## The lists of runs", lists_of_runs(root, records)]
    return "\n\n".join(parts)


def results_table(groups, columns=RESULTS, *, models=()):
    """Published figures and ours, each model's rows together.

    Args:
        groups: lists of records, as `groups_of` makes them.
        columns: which of the columns `RESULTS`.
        models: those that come first, whether or not there is a group of them.
    """
    rows = []
    for model in dict.fromkeys((*models, *(g[0]["model"] for g in groups))):
        ours = [group for group in groups if group[0]["model"] == model]
        if model in PUBLISHED:
            rows.append(PUBLISHED[model])
        rows += [measured_row(group) for group in ours]
    body = [
        (row.source == MEASURED, [cells_of(row)[name] for name in columns])
        for row in rows
    ]
    numbers = [
        i
        for i, name in enumerate(columns)
        if name not in ("source", "model", "recipe", "runs")
    ]
    return table(columns, body, numbers=numbers)


def cells_of(row):
    """What the columns `RESULTS` say of a row."""
    minutes = row.cpu_minutes
    cells = (
        row.source,
        row.model,
        row.recipe,
        row.top1,
        row.note,
        str(row.epochs),
        "–" if minutes is None else f"{minutes:.0f}",
        row.parameters,
    )
    return dict(zip(RESULTS, cells, strict=True))


def measured_row(group):
    """What runs reached that differ in their seeds alone."""
    first = group[0]
    minutes = None
    if is_priced(first):
        minutes = mean(cpu_seconds(record) / 60 for record in group)
    single = first["settings"]["precision"] == "float32"
    return Row(
        MEASURED,
        model_name(first["model"]),
        f"<code>{recipe_of(first)}</code>",
        f"{first['parameters']:,}",
        first["settings"]["num_epochs"],
        with_spread([100 * r["test"]["accuracy"] for r in group]),
        minutes,
        runs_of(group) + ", in float32" * single,
    )


def runs_of(group):
    """The seeds of some runs, and whether they are of a GPU."""
    return seeds_of(group) + ", on a GPU" * on_gpu(group[0])


def seeds_of(group):
    """The seeds of some runs, in words."""
    return f"seed{'s' * (len(group) > 1)} {seed_numbers(group)}"


def seed_numbers(group):
    """The seeds of some runs, with commas."""
    return ", ".join(str(record["seed"]) for record in group)


def with_spread(values):
    """The mean, and behind ± the standard deviation of three runs or more.

    Two tell next to nothing of a spread: both are given.
    """
    if len(values) < 3:
        return ", ".join(f"{value:.2f}" for value in values)
    return f"{mean(values):.2f} ±\u00a0{statistics.stdev(values):.2f}"


def mean(values):
    """The mean of some numbers."""
    return statistics.fmean(values)


def cpu_seconds(record):
    """The processor time of a training's process, of all its cores."""
    return sum(record["history"]["cpu_seconds"])


def model_name(key):
    """`cct_2_3x2` as the paper writes it: CCT-2/3x2, ViT-Lite-2/4, CVT-2/4."""
    if key in NAMES:
        return NAMES[key]
    kind, layers, size = key.rsplit("_", 2)
    kind = {"vit_lite": "ViT-Lite"}.get(kind, kind.upper())
    return f"{kind}-{layers}/{size}"


def title_of(record):
    """What a run is called on the page."""
    title = f"{model_name(record['model'])}, {recipe_of(record)}"
    return title + ", on a GPU" * on_gpu(record)


def gaps(records):
    """For each model with a published figure: in what ours differ from it."""
    lines = []
    for group in groups_of(records):
        first = group[0]
        if first["model"] not in COUNTERPARTS:
            continue
        name = COUNTERPARTS[first["model"]]
        theirs, ours = PUBLISHED_SETTINGS[name], own_settings(group)
        differences = ", ".join(
            f"{key} ({ours[key]}; there {theirs[key]})"
            for key in theirs
            if ours[key] != theirs[key]
        )
        top1 = measured_row(group).top1
        lines.append(
            f"<dt>{title_of(first)}: {top1} %, {name}: "
            f"{PUBLISHED[first['model']].top1} %</dt>"
            f"<dd>Differs in {differences}.</dd>"
        )
    return "<dl>\n" + "\n".join(lines) + "\n</dl>"


def settings_table(records):
    """One column for each published recipe and each recipe of ours.

    Where runs of a recipe differ, the value of most runs stands first.
    """
    recipes = {}
    for group in groups_of(records):
        recipes.setdefault(recipe_of(group[0]), []).append(group)
    columns = dict(PUBLISHED_SETTINGS)
    for recipe, groups in sorted(recipes.items()):
        columns[f"here: {recipe}"] = {
            name: usual_value(groups, name) for name in SETTING_NAMES
        }
    rows = [
        (False, (name, *(column[name] for column in columns.values())))
        for name in SETTING_NAMES
    ]
    return table(("setting", *columns), rows)


def usual_value(groups, name):
    """What most of some runs have for a setting, then who has what else."""
    runs = {}
    for group in groups:
        runs.setdefault(own_settings(group)[name], []).append(group)
    usual, *others = sorted(
        runs, key=lambda value: -sum(len(group) for group in runs[value])
    )
    return "; ".join(
        [usual]
        + [
            f"{value} ({model_name(group[0]['model'])}, {runs_of(group)})"
            for value in others
            for group in runs[value]
        ]
    )


def own_settings(group):
    """The same settings as our runs recorded them."""
    record = group[0]
    settings, data = all_settings(record), record["data"]
    changed = record.get("model_arguments", {})
    return {
        "optimizer": OPTIMIZERS[settings["optimizer"]],
        "learning rate": learning_rate(settings),
        "weight decay": f"{settings['weight_decay']:g}"
        + (", kernels only" if settings["decay"] == "kernels" else ""),
        "label smoothing": f"{settings['label_smoothing']:g}",
        "batch size": str(settings["batch_size"]),
        "precision": breakable(settings["precision"]),
        "augmentation": augmentation(settings),
        "model changed": ", ".join(
            f"<code>{breakable(escape(f'{key}={value}'))}</code>"
            for key, value in changed.items()
        )
        or "–",
        "epochs": epochs(settings),
        "training images": f"{data['images'][0]:,}",
        "pixels": escape(data["source"].partition(":")[0]),
        "runs": seeds_of(group),
    }


def breakable(name):
    """A name that may be broken at its underscores in a narrow column."""
    return name.replace("_", "_<wbr>")


def epochs(settings):
    """How many epochs, and how many of them on smaller images."""
    count, small = settings["num_epochs"], small_epochs(settings)
    if not small:
        return str(count)
    return (
        f"{count}, the first {small} on images of "
        f"{settings['small_scale']:g} of the side"
    )


def learning_rate(settings):
    """The learning rate and how it moves, in words."""
    words = [f"{settings['learning_rate']:g}"]
    if settings["warmup_epochs"]:
        number = settings["warmup_epochs"]
        words.append(f"{number:g} epoch{'s' * (number != 1)} of warm-up")
    return ", ".join([*words, settings["schedule"]])


def augmentation(settings):
    """What is done to the images of a batch, in words."""
    words = [f"<code>{settings['augmentation']}</code>"]
    if settings["policy_epochs"] and settings["augmentation"] != "crop_flip":
        words[0] += f" for {settings['policy_epochs']} epochs"
    if settings["mixup_alpha"]:
        words.append(f"MixUp {settings['mixup_alpha']:g}")
    if settings["cutmix"]:
        words.append("CutMix")
    if settings["random_erasing"]:
        words.append(f"random erasing {settings['random_erasing']:g}")
    if settings["ema_momentum"]:
        words.append(f"weights averaged, {settings['ema_momentum']:g}")
    return ", ".join(words)


# --- The lists of runs -------------------------------------------------------


def lists_of_runs(root, records):
    """Each list: what is recorded, what is not, and what it is about."""
    parts = []
    for name, comment, runs in read_lists(root):
        done = [run for run in runs if records.keys() >= {*folders_of(run)}]
        missing = [run["name"] for run in runs if run not in done]
        parts.append(f"### `{name}`\n\n{escape(comment)}")
        if done:
            parts.append(list_table(runs, done, records))
        parts.append(
            f"{len(done)} of {len(runs)} recorded. Not recorded yet: "
            + (", ".join(f"<code>{each}</code>" for each in missing) or "none")
            + "."
        )
        parts.append(command_of_list(name, runs))
    return "\n\n".join(parts)


def command_of_list(name, runs):
    """The command that trains a list, and what some of its runs ask for."""
    groups = [run for run in runs if seeds_in(run["train"])]
    command = f"python -m cct_utils train-list experiments/{name}.toml"
    if len(groups) == len(runs):
        command = WITH_JAX + command
    words = f"```bash\n{command}\n```"
    if 0 < len(groups) < len(runs):
        words += (
            "\n\nSeveral seeds of one run are trained together, on a GPU, with "
            f"`{WITH_JAX.strip()}` before the command. Without it they are "
            "refused, and the other runs trained."
        )
    return words


def list_table(runs, done, records):
    """The recorded runs of a list, each with what sets it apart.

    Seeds that are trained together are one row.
    """
    words = {run["name"]: words_of(run["train"]) for run in runs}
    common = set.intersection(*(set(each) for each in words.values()))
    body = []
    for run in done:
        group = [records[folder] for folder in folders_of(run)]
        first = group[0]
        cost = "GPU" if on_gpu(first) else "–"
        if is_priced(first):
            cost = f"{mean(cpu_seconds(record) for record in group):,.0f}"
        apart = [
            word
            for word in words[run["name"]]
            if word not in common and not word.startswith("--seed")
        ]
        body.append(
            (
                True,
                (
                    breakable(run["name"]),
                    " ".join(f"<code>{escape(word)}</code>" for word in apart)
                    or "–",
                    seed_numbers(group),
                    with_spread([100 * r["test"]["accuracy"] for r in group]),
                    cost,
                    f"{first['parameters']:,}",
                ),
            )
        )
    columns = (
        "run",
        "set apart by",
        "seeds" if any(seeds_in(run["train"]) for run in done) else "seed",
        "top-1 (%)",
        "CPU seconds",
        "parameters",
    )
    return table(columns, body, numbers=(2, 3, 4, 5))


def words_of(command):
    """The words of a command, each option with its value or its seeds."""
    words = []
    for word in shlex.split(command):
        last = words[-1] if words else ""
        more_seeds = last.startswith("--seeds ") and word.isdecimal()
        if last == "--set":
            words[-1] = word
        elif more_seeds or last.startswith("--") and " " not in last:
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def details_of(root, records):
    """What each run took, with the command that repeats it today."""
    commands = commands_today(read_lists(root), records)
    return [
        details(name, record, commands[name])
        for name, record in records.items()
    ]


def price_of_an_epoch(record):
    """Median processor seconds, of small and of whole images apart."""
    small = small_epochs(record["settings"])
    seconds = record["history"]["cpu_seconds"]
    return " and then ".join(
        f"{statistics.median(part):.0f}"
        for part in (seconds[:small], seconds[small:])
        if part
    )


def cost_of(record):
    """The time of a run: the processor's, if it has a price, and the clock's.

    The clock is that of the process, whatever trained in it.
    """
    rows = {}
    if is_priced(record):
        rows["processor time"] = (
            f"{cpu_seconds(record):,.0f} CPU seconds, "
            f"{price_of_an_epoch(record)} an epoch"
        )
    clock = f"{sum(record['history']['seconds']) / 60:.0f} minutes"
    if record.get("together", 1) > 1:
        clock += f", {record['together']} trained together"
    return rows | {"time on the clock": clock}


def machine_of(result):
    """Accelerators, processor and cores of a record or a benchmark.

    How the processor computes with bfloat16 is said where it is known.
    """
    hardware = result["hardware"]
    parts = [*hardware["accelerators"], hardware["processor"]]
    cores = hardware["cores"]
    parts.append(f"{cores} {'core' if cores == 1 else 'cores'}")
    instructions = hardware.get("instructions")
    if instructions:
        kind = "no"
        if "avx512_bf16" in instructions:
            kind = "vector"
        if "amx_bf16" in instructions:
            kind = "matrix"
        parts.append(f"{kind} instructions for bfloat16")
    return ", ".join(parts)


def details(name, record, command):
    """What a run took, and the command that repeats it, folded away."""
    history, data = record["history"], record["data"]
    best = record["best_epoch"]
    versions = ", ".join(f"{k} {v}" for k, v in record["versions"].items())
    test = record["test"]
    summary = f"{title_of(record)}, seed {record['seed']}, "
    summary += f"{100 * test['accuracy']:.2f} %"
    if is_priced(record):
        summary += f", {cpu_seconds(record) / 60:.0f} CPU minutes"
    rows = {
        "test accuracy, top-1": f"{100 * test['accuracy']:.2f} %",
        "test accuracy, top-5": f"{100 * test['top-5-accuracy']:.2f} %",
        "best validation accuracy": (
            f"{100 * history['val_accuracy'][best - 1]:.2f} %, in epoch "
            f"{best} of {len(history['seconds'])}"
        ),
        **cost_of(record),
        "machine": escape(machine_of(record)),
        "versions": escape(versions),
        "commit": f"<code>{record['commit']}</code>",
        "images: training, validation, test": images(data["images"]),
        "data": escape(data["source"]),
        "fingerprint": f"<code>{data['fingerprint'][:16]}</code>",
    }
    label = f"{name}: what it took"
    body = table(
        ("what", "value"), [(False, row) for row in rows.items()], label=label
    )
    return (
        f'<details class="run">\n<summary><code>{name}</code>: '
        f"{summary}</summary>\n\n{body}\n\n"
        f"```bash\n{command}\n```\n\n"
        f"Everything above, epoch by epoch, is in "
        f"`cct_utils/recorded/{name}/record.json`.\n\n</details>"
    )


def images(counts):
    """Three counts, with separators."""
    return ", ".join(f"{count:,}" for count in counts)


def table(columns, rows, numbers=(), label=None):
    """An HTML table in a box of its own; rows are (measured, cells).

    In a narrow window a table of many columns shows each row as a card, whose
    cells name their columns. The roles keep it a table for screen readers.
    """
    head = row_html("th", columns, numbers, "th")
    body = []
    for measured, cells in rows:
        kind = ' class="measured"' if measured else ""
        row = row_html("th", cells, numbers, columns=columns)
        body.append(f'<tr{kind} role="row">{row}</tr>')
    label = label or f"table by {columns[0]}"
    kind = "result-table as-cards" if len(columns) > 3 else "result-table"
    return (
        f'<div class="{kind}" tabindex="0" role="region" '
        f'aria-label="{label}">\n<table role="table">\n'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        '<tbody role="rowgroup">\n'
        + "\n".join(body)
        + "\n</tbody>\n</table>\n</div>"
    )


def row_html(first, cells, numbers, rest="td", columns=()):
    """The cells of one row; the first is its header."""
    parts = []
    for index, cell in enumerate(cells):
        tag = first if index == 0 else rest
        attributes = ' role="cell"'
        if tag == "th":
            axis = "col" if rest == "th" else "row"
            name = "column" if rest == "th" else "row"
            attributes = f' scope="{axis}" role="{name}header"'
        if columns:
            attributes += f' data-label="{escape(columns[index])}"'
        if index in numbers:
            attributes += ' class="number"'
        parts.append(f"<{tag}{attributes}>{cell}</{tag}>")
    return "".join(parts)


# --- Curves ------------------------------------------------------------------


def curves(groups):
    """Accuracy over the epochs as an inline drawing, as in the chapters."""
    records = [group[0] for group in drawn(groups)]
    lines, labels = [], []
    longest = max(len(record["history"]["val_accuracy"]) for record in records)
    for record in records:
        values = record["history"]["val_accuracy"]
        points = " ".join(
            f"{x_position(epoch, longest):.1f},{y_position(value):.1f}"
            for epoch, value in enumerate(values, start=1)
        )
        look = look_of(record["model"], recipe_of(record))
        lines.append(
            f'<g style="{color_style(look)}">{polyline(points, look[-1])}</g>'
        )
        labels.append(f"{title_of(record)} ends at {100 * values[-1]:.1f} %")
    description = (
        "Accuracy on the validation images over the epochs. "
        + "; ".join(labels)
        + "."
    )
    legend = "".join(curve_key(record) for record in records)
    note = "epochs by equal factors; of several seeds the first."
    if any(small_epochs(record["settings"]) for record in records):
        note += " Where a recipe begins with smaller images, so does its "
        note += "validation."
    return (
        '<figure class="curves">\n'
        f'<svg viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" role="img" '
        f'aria-label="{escape(description)}">\n'
        + axes(longest)
        + "\n".join(lines)
        + f"\n</svg>\n<figcaption>{legend}<br>\n"
        f"Accuracy on the validation images; {note}</figcaption>\n</figure>"
    )


def drawn(groups):
    """One group for each model and recipe, as the legend names them.

    That is one of a processor, where there is one, and the one with the first
    seed.
    """

    def way(group):
        return model_name(group[0]["model"]), recipe_of(group[0])

    chosen = {}
    for group in sorted(
        groups, key=lambda each: (on_gpu(each[0]), each[0]["seed"])
    ):
        chosen.setdefault(way(group), group)
    return [each for each in groups if each is chosen[way(each)]]


def curve_key(record):
    """The name of a run in the legend, behind a piece of its line."""
    look = look_of(record["model"], recipe_of(record))
    return (
        f'<span class="curve-key" style="{color_style(look)}">'
        f"{line_sample(look)}{escape(title_of(record))}</span>"
    )


def x_position(epoch, longest):
    """Horizontal place of an epoch: equal factors are equal steps."""
    width = PLOT_WIDTH - MARGIN_LEFT - 10
    return MARGIN_LEFT + width * math.log(epoch) / math.log(max(2, longest))


def y_position(share):
    """Vertical place of an accuracy between 0 and 1; below the axis on it."""
    height = PLOT_HEIGHT - MARGIN_BOTTOM - MARGIN_TOP
    percent = max(LOWEST, 100 * share)
    return MARGIN_TOP + height * (HIGHEST - percent) / (HIGHEST - LOWEST)


def axes(longest):
    """Grid lines with their percentages, and the epochs below."""
    parts = []
    for percent in range(LOWEST, HIGHEST + 1, 10):
        y = y_position(percent / 100)
        parts.append(
            f'<line class="grid" x1="{MARGIN_LEFT}" x2="{PLOT_WIDTH - 10}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{MARGIN_LEFT - 8}" y="{y + 4:.1f}" '
            f'text-anchor="end">{percent} %</text>'
        )
    for epoch in EPOCH_TICKS:
        if epoch > longest:
            break
        x = x_position(epoch, longest)
        # At the right edge there is no room for half of a number.
        anchor = "middle" if x < PLOT_WIDTH - 20 else "end"
        parts.append(
            f'<text x="{x:.1f}" y="{PLOT_HEIGHT - 26}" '
            f'text-anchor="{anchor}">{epoch}</text>'
        )
    parts.append(
        f'<text x="{PLOT_WIDTH - 10}" y="{PLOT_HEIGHT - 6}" '
        'text-anchor="end">epoch</text>'
    )
    return "\n".join(parts) + "\n"
