"""From bursts to numbers: medians and spread, operations, ratios, tables."""

import statistics

# A multiply-add is two operations. A training step takes three times the
# operations of an answer: forward, the gradients by the inputs of each layer,
# and those by its weights. The optimizer, norms, softmax and other operations
# on single numbers are not counted.
OPERATIONS_PER_MAC = 2
PASSES = {"train": 3, "infer": 1}

# What the book promises, as bounds on ratios of processor time.
BOUND_ARTICLE = 0.55
BOUND_PEER = 1.0


def spread(values):
    """Returns the median of some numbers and the quartiles around it.

    Args:
        values: at least one number.

    Returns:
        A dict with `median`, `low` and `high`; the quartiles are those of the
        numbers themselves, interpolated (numpy's default rule).
    """
    if len(values) == 1:
        return dict.fromkeys(("median", "low", "high"), float(values[0]))
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def gigaflop(case):
    """Returns the operations of one step of a case, in units of 10^9.

    Args:
        case: a `plan.Case`.

    Returns:
        A number; see `OPERATIONS_PER_MAC` and `PASSES` for what counts.
    """
    if case.task == "product":
        return OPERATIONS_PER_MAC * case.size**3 / 1e9
    # Here, so that tables can be made from results without Keras.
    from cct_utils.inspection import count_macs, variant_sizes

    sizes = variant_sizes(case.model, case.image_size)
    if case.layers is not None:
        sizes["transformer_layers"] = case.layers
    images = case.batch * max(1, case.members)
    macs = sum(count_macs(**sizes).values()) * images
    return OPERATIONS_PER_MAC * PASSES[case.task] * macs / 1e9


def summarize(measured):
    """Returns the rows of one group.

    Args:
        measured: list of `(case, facts, bursts)` of `rounds.measure_group`.

    Returns:
        A list of dicts for JSON: what was measured, and every number that the
        tables show. The share of the peak is that of the best burst of the
        matrix product in the same group and precision.
    """
    rows = []
    for case, facts, bursts in measured:
        ms = [1000 * b["seconds"] / b["steps"] for b in bursts]
        cpu_ms = [1000 * b["cpu_seconds"] / b["steps"] for b in bursts]
        row = {
            **case._asdict(),
            "setting": case.setting,
            "parameters": facts.get("parameters"),
            "gigaflop": gigaflop(case),
            "steps": bursts[0]["steps"],
            "ms": spread(ms),
            "cpu_ms": spread(cpu_ms),
            "memory_mb": max(b["memory_mb"] for b in bursts),
            "bursts": {"ms": ms, "cpu_ms": cpu_ms},
        }
        row["gflops"] = 1000 * row["gigaflop"] / row["ms"]["median"]
        if case.task != "product":
            seconds = row["ms"]["median"] / 1000
            images = case.batch * max(1, case.members)
            row["images_per_second"] = images / seconds
        rows.append(row)
    peaks = {
        row["precision"]: 1000 * row["gigaflop"] / min(row["bursts"]["ms"])
        for row in rows
        if row["task"] == "product"
    }
    for row in rows:
        peak = peaks.get(row["precision"].removeprefix("mixed_"))
        row["peak_share"] = row["gflops"] / peak if peak else None
    return rows


def best(rows):
    """Returns the row of the least processor time, or None without rows."""
    return min(rows, key=lambda row: row["cpu_ms"]["median"], default=None)


def ratio(ours, other, key="cpu_ms"):
    """Returns the spread of the ratio of two rows over the rounds.

    Bursts of one round were measured shortly after each other, so that their
    ratio is steadier than that of two medians.
    """
    pairs = zip(ours["bursts"][key], other["bursts"][key], strict=True)
    return spread([a / b for a, b in pairs])


def acceptance(rows):
    """Returns how the book's CCT-2/3x2 stands against its two yardsticks.

    The article's model is this book's repaired equivalent, in float32 as the
    article has it; the peer is the authors' network in PyTorch, in its best
    setting.

    Args:
        rows: all rows of a benchmark.

    Returns:
        A list of dicts with `what`, `ours` and `other` (settings in words),
        `cpu_ratio`, `ratio` (wall time; both with quartiles), `bound` and
        `holds`. What was not measured is not mentioned.
    """
    points = []

    def add(what, ours, other, bound):
        if ours is None or other is None:
            return
        cpu = ratio(ours, other)
        points.append(
            {
                "what": what,
                "ours": words(ours),
                "other": words(other),
                "cpu_ratio": cpu,
                "ratio": ratio(ours, other, "ms"),
                "bound": bound,
                "holds": cpu["median"] <= bound,
            }
        )

    for group, task in (
        ("settings", "training step"),
        ("inference 256", "inference, batch 256"),
        ("inference 1", "inference, batch 1"),
    ):
        here = [row for row in rows if row["group"] == group]
        # Augmentation inside the step on both sides, and on neither.
        for augmentation in ("crop_flip", "none"):
            alike = [r for r in here if r["augmentation"] == augmentation]
            title = task
            if augmentation != "none":
                title += f", {augmentation} in both"
            ours = find(alike, model="cct_2_3x2", framework="keras")
            article = find(alike, model="article")
            add(
                f"{title}: best setting / article, float32",
                best(ours),
                best(find(article, precision="float32")),
                BOUND_ARTICLE,
            )
            for precision in ("float32", "mixed_bfloat16"):
                plain = {"precision": precision, "setting": ""}
                if augmentation != "none":
                    plain["setting"] = augmentation
                add(
                    f"{title}: same setting, {precision}",
                    best(find(ours, **plain)),
                    best(find(article, **plain)),
                    BOUND_ARTICLE,
                )
            add(
                f"{title}: best setting / PyTorch's best",
                best(ours),
                best(find(alike, framework="pytorch")),
                BOUND_PEER,
            )
    return points


def find(rows, **values):
    """Returns the rows that have all these values."""
    return [
        row
        for row in rows
        if all(row[key] == value for key, value in values.items())
    ]


def words(row):
    """Returns model, framework, precision and setting of a row."""
    parts = [row["model"]]
    if row["framework"] != "keras":
        parts.append(row["framework"])
    parts.append(row["precision"])
    if row["setting"]:
        parts.append(row["setting"])
    return ", ".join(parts)


def acceptance_line(point):
    """Returns one acceptance point as a line of text."""
    cpu, wall = point["cpu_ratio"], point["ratio"]
    verdict = "holds" if point["holds"] else "MISSED"
    return (
        f"{point['what']}: {cpu['median']:.3f} x the CPU time "
        f"({cpu['low']:.3f} to {cpu['high']:.3f}; wall "
        f"{wall['median']:.3f}), bound {point['bound']:.2f}: {verdict} "
        f"[{point['ours']} / {point['other']}]"
    )


COLUMNS = (
    "model",
    "precision",
    "setting",
    "batch",
    "pixels",
    "layers",
    "ms",
    "quartiles",
    "CPU ms",
    "quartiles",
    "images/s",
    "GFLOP/s",
    "peak",
    "MB",
)


def cells(row):
    """Returns the cells of a row of results, in the order of `COLUMNS`."""
    product = row["task"] == "product"
    peer = row["framework"] != "keras"
    return (
        row["model"] + (f" ({row['framework']})" if peer else ""),
        row["precision"],
        row["setting"],
        "" if product else str(row["batch"]),
        "" if product else str(row["image_size"]),
        "" if row["layers"] is None else str(row["layers"]),
        number(row["ms"]["median"]),
        quartiles(row["ms"]),
        number(row["cpu_ms"]["median"]),
        quartiles(row["cpu_ms"]),
        "" if product else number(row["images_per_second"]),
        number(row["gflops"]),
        "–" if row["peak_share"] is None else f"{row['peak_share']:.0%}",
        f"{row['memory_mb']:,.0f}",
    )


PIPELINE_COLUMNS = (
    "recipe",
    "augmentation",
    "optimizer",
    "pipeline images/s",
    "step images/s",
    "times as fast",
    "quartiles",
    "aim",
)


def pipeline_cells(row):
    """Returns the cells of a row of `pipeline.py`, by `PIPELINE_COLUMNS`."""
    rates, times = row["images_per_second"], row["ratio"]
    return (
        row["recipe"],
        row["augmentation"],
        row["optimizer"],
        number(rates["pipeline"]["median"]),
        number(rates["step"]["median"]),
        f"{times['median']:.2f}",
        f"{times['low']:.2f}–{times['high']:.2f}",
        f"at least {row['bound']:g}: {'holds' if row['holds'] else 'MISSED'}",
    )


def number(value):
    """Returns a number with three digits that count, or all before a point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def quartiles(values):
    """Returns the two quartiles of a spread as a range."""
    return f"{number(values['low'])}–{number(values['high'])}"


def text_table(columns, rows):
    """Returns a table as lines of text, its columns aligned.

    Args:
        columns: titles.
        rows: tuples of as many strings.
    """
    lines = [tuple(columns), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            # Words to the left, numbers to the right.
            cell.rjust(width) if i > 2 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
