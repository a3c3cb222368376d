"""Figures of whole models: what flows through them, and what they cost."""

from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.patches import FancyBboxPatch

from cct_utils._choices import check_choice
from cct_utils.plots.style import (
    COLORS,
    DIVERGING,
    WIDTHS,
    Diagram,
    model_colors,
    new_figure,
)

# What a box of the diagram stands for: its color, and that of its text.
KIND_COLORS = {
    "conv": (COLORS["conv"], "white"),
    "position": (COLORS["position"], "white"),
    "block": (COLORS["attention"], "white"),
    "norm": (COLORS["dropped"], COLORS["ink"]),
    "pool": (COLORS["pool"], COLORS["ink"]),
    "logits": (COLORS["ink"], "white"),
}


class ModelStep(NamedTuple):
    """One box of the diagram, and the array that leaves it."""

    label: str
    kind: str  # a key of KIND_COLORS
    parameters: int
    output: np.ndarray  # for one image: without the batch axis


def plot_model(image, steps, class_names):
    """Draws a model as a column of boxes, and one image on its way through.

    Between two boxes stands the shape of what flows there, and beside it a
    picture of the array itself.

    Args:
        image: uint8 array `(height, width, 3)`.
        steps: list of `ModelStep`; the last one's output are the logits.
        class_names: names of the logits.

    Returns:
        The figure.

    Raises:
        ValueError: if the kind of a step is unknown.
    """
    arrays = [image, *(step.output for step in steps)]
    fig, ax = new_figure("column", 0.84 * len(arrays), FigureClass=Diagram)
    ax.set(xlim=(0, 10), ylim=(0.5 - len(arrays), 0.5))
    ax.axis("off")
    for i, array in enumerate(arrays):
        top, bottom = (0.26 - i, -0.26 - i)
        if i == 0:
            top = 0.1
        arrow = {"arrowstyle": "-|>", "color": COLORS["ink"]}
        ax.annotate("", (1.8, bottom), (1.8, top), arrowprops=arrow)
        shape = " × ".join(str(size) for size in np.shape(array))
        ax.text(2.1, -i, shape, va="center", weight="bold")
        picture = ax.inset_axes(
            (4.9, -0.42 - i, 5.1, 0.84), transform=ax.transData
        )
        _draw_array(picture, array, class_names)
    for i, step in enumerate(steps):
        _draw_box(ax, -0.5 - i, step)
    return fig


def plot_parts(counts, *, highlight=None, unit="parameters", ax=None):
    """Draws what each part of one or more models has, as bars.

    Args:
        counts: dict from a model's name to a dict from each part to a number;
            all with the same parts. The first is drawn in the color of CCT,
            the second in that of the article's model.
        highlight: a part to be marked, or None.
        unit: what is counted.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.

    Raises:
        ValueError: if the models do not have the same parts.
    """
    models = list(counts)
    parts = list(counts[models[0]])
    for model in models:
        if list(counts[model]) != parts:
            raise ValueError(
                f"All models must have the parts {', '.join(parts)}. "
                f"Received: {model!r} with {', '.join(counts[model])}"
            )
    if ax is None:
        height = 0.7 + len(parts) * (0.18 + 0.22 * len(models))
        _, ax = new_figure("column", height)
    thickness = 0.8 / len(models)
    colors = model_colors(models)
    largest = max(max(count.values()) for count in counts.values())
    for i, model in enumerate(models):
        values = [counts[model][part] for part in parts]
        places = np.arange(len(parts)) + (i - (len(models) - 1) / 2) * thickness
        bars = ax.barh(
            places,
            values,
            thickness * 0.92,
            color=colors[model],
            label=f"{model}: {sum(values):,}",
        )
        ax.bar_label(bars, [f"{value:,}" for value in values], padding=3)
    ax.set_yticks(range(len(parts)), parts)
    ax.tick_params(axis="y", length=0, labelcolor=COLORS["ink"])
    if highlight is not None:
        place = parts.index(highlight)
        ax.axhspan(place - 0.48, place + 0.48, color="#FFF3C4", zorder=0)
    ax.set(xlabel=unit, xlim=(0, 1.24 * largest))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.locator_params(axis="x", nbins=5)
    ax.invert_yaxis()
    ax.legend(loc="lower right")
    return ax


class Published(NamedTuple):
    """One row of a table of published results."""

    name: str
    tokens: int
    accuracy: float  # in percent
    parameters: int
    macs: int


def plot_accuracy_cost(rows):
    """Draws accuracy against parameters and against multiply-adds.

    Args:
        rows: list of `Published`; a marker for each number of tokens.

    Returns:
        The figure.
    """
    fig, axes = new_figure("column", 5.6, rows=2)
    counts = sorted({row.tokens for row in rows})
    for ax, field, label in (
        (axes[0], "parameters", "millions of parameters"),
        (axes[1], "macs", "millions of multiply-adds per image"),
    ):
        places = [getattr(row, field) / 1e6 for row in rows]
        for number, tokens in enumerate(counts):
            own = [i for i, row in enumerate(rows) if row.tokens == tokens]
            ax.scatter(
                [places[i] for i in own],
                [rows[i].accuracy for i in own],
                s=46,
                marker="os^D"[number % 4],
                facecolor=("white" if number else COLORS["cct"]),
                edgecolor=COLORS["cct"],
                linewidth=1.8,
                label=f"{tokens} tokens",
            )
        for i in range(len(rows)):
            _name_point(ax, i, places, rows)
        ax.set_xscale("log")
        ax.margins(x=0.22, y=0.12)
        ticks = [t for t in _LOG_TICKS if min(places) / 2 < t < max(places) * 3]
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        ax.set(xlabel=label, ylabel="accuracy (%)")
        ax.grid(axis="y")
    axes[0].legend(loc="lower right")
    return fig


_LOG_TICKS = tuple(d * 10**e for e in range(-3, 6) for d in (1, 2, 5))


def _name_point(ax, i, places, rows):
    """Writes a point's name to its right, or left of it where it is crowded."""
    crowded = any(
        0 < place / places[i] - 1 < 0.9
        and abs(row.accuracy - rows[i].accuracy) < 0.6
        for place, row in zip(places, rows, strict=True)
    )
    ax.annotate(
        rows[i].name,
        (places[i], rows[i].accuracy),
        (-7 if crowded else 7, 0),
        textcoords="offset points",
        ha="right" if crowded else "left",
        va="center",
        size=9,
    )


def plot_class_probabilities(
    images, probabilities, class_names, labels, *, top=3, columns=4
):
    """Draws images with the classes that a model finds most probable.

    The true class has the color of CCT, the others are gray.

    Args:
        images: uint8 array `(n, height, width, 3)`.
        probabilities: array `(n, classes)`, rows from 0 to 1.
        class_names: one name for each class.
        labels: the true class of each image.
        top: number of classes shown.
        columns: images side by side.

    Returns:
        The figure.

    Raises:
        ValueError: if the numbers of images and probabilities differ.
    """
    probabilities = np.asarray(probabilities)
    if len(images) != len(probabilities):
        raise ValueError(
            "There must be one row of probabilities for each of the "
            f"{len(images)} images. Received: {len(probabilities)} rows"
        )
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    side, below = WIDTHS["column"] / columns, 0.36 * top
    fig, axes = new_figure(
        "column",
        rows * (side + below + 0.15),
        columns=columns,
        rows=2 * rows,
        height_ratios=[side, below] * rows,
        squeeze=False,
    )
    for ax in axes.flat:
        ax.axis("off")
    for i, row in enumerate(probabilities):
        upper, column = 2 * (i // columns), i % columns
        axes[upper, column].imshow(images[i])
        ax = axes[upper + 1, column]
        best = np.argsort(row)[::-1][:top]
        hues = [COLORS["cct" if c == labels[i] else "dropped"] for c in best]
        for place, (c, hue) in enumerate(zip(best, hues, strict=True)):
            ax.barh(place, row[c], 0.26, color=hue)
            ax.text(0, place - 0.22, class_names[c], size=9)
            ax.text(1, place - 0.22, f"{row[c]:.0%}", size=9, ha="right")
        ax.set(xlim=(0, 1), ylim=(top - 0.6, -0.85))
    return fig


def _draw_box(ax, y, step):
    """Draws the box of one step: its name, and its parameters."""
    check_choice("kind", step.kind, KIND_COLORS)
    color, ink = KIND_COLORS[step.kind]
    ax.add_patch(
        FancyBboxPatch(
            (0.1, y - 0.22),
            4.3,
            0.44,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=color,
            edgecolor="none",
            mutation_aspect=0.3,
        )
    )
    text = {"va": "center", "ha": "center", "color": ink}
    if step.parameters:
        ax.text(2.25, y + 0.09, step.label, weight="bold", **text)
        count = f"{step.parameters:,} parameters"
        ax.text(2.25, y - 0.11, count, size=9, **text)
    else:
        ax.text(2.25, y, step.label, weight="bold", **text)


def _draw_array(ax, array, class_names):
    """Draws one array as what it is: image, maps, tokens, vector or logits."""
    array = np.asarray(array)
    ax.set_anchor("W")
    ax.axis("off")
    if array.ndim == 3 and array.shape[-1] == 3:
        ax.imshow(array)
    elif array.ndim == 3:
        ax.imshow(_montage(array), cmap="gray")
    elif array.ndim == 2:
        _draw_signed(ax, array)
    elif len(array) == len(class_names):
        ax.bar(range(len(array)), array, color=COLORS["norm"])
        best = int(np.argmax(array))
        ax.patches[best].set_color(COLORS["highlight"])
        ax.axhline(0, color=COLORS["muted"], linewidth=0.8)
        ax.set_xlim(-0.5, 2.1 * len(array))
        ax.text(len(array), 0.5 * array[best], class_names[best], va="center")
    else:
        _draw_signed(ax, np.repeat(array[None], max(1, len(array) // 12), 0))


def _draw_signed(ax, matrix):
    """Draws a matrix of signed numbers, zero in the middle of the colors."""
    bound = np.percentile(np.abs(matrix), 98)
    # Nine shades are enough to see a pattern, and make a small file.
    shades = mpl.colormaps[DIVERGING].resampled(9)
    ax.imshow(matrix, cmap=shades, vmin=-bound, vmax=bound)


def _montage(maps, rows=2, columns=8):
    """Returns the first feature maps side by side, a gap between them."""
    height, width, _ = maps.shape
    gap = max(1, width // 8)
    canvas = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan
    )
    for i in range(min(rows * columns, maps.shape[-1])):
        row, column = divmod(i, columns)
        y, x = row * (height + gap), column * (width + gap)
        top = max(float(maps[..., i].max()), 1e-12)
        canvas[y : y + height, x : x + width] = maps[..., i] / top
    return canvas
