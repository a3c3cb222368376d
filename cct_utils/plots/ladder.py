"""Figures of the way from ViT to CCT: its steps, its tokens, its price."""

from typing import NamedTuple

import numpy as np
from matplotlib.patches import FancyBboxPatch

from cct_utils.plots.style import (
    COLORS,
    Diagram,
    draw_arrow,
    model_look,
    new_figure,
    write_beside,
)


class Rung(NamedTuple):
    """One architecture of the ladder: its parts, in the order of the data."""

    name: str
    note: str  # what it costs
    parts: tuple  # a short text for each part


def plot_ladder(rungs, part_names):
    """Draws architectures as rows of blocks; what is new stands out.

    A part is new if its text differs from that of the row above.

    Args:
        rungs: list of `Rung`, all with as many parts as there are names.
        part_names: the heading of each column.

    Returns:
        The axes.

    Raises:
        ValueError: if a rung has another number of parts.
    """
    columns = len(part_names)
    for rung in rungs:
        if len(rung.parts) != columns:
            raise ValueError(
                f"Each rung must have {columns} parts, one for each of "
                f"{', '.join(part_names)}. "
                f"Received: {rung.name!r} with {len(rung.parts)}"
            )
    height = 0.35 + 0.95 * len(rungs)
    _, ax = new_figure("column", height, FigureClass=Diagram)
    ax.set(xlim=(0, columns), ylim=(-len(rungs), 0.34))
    ax.axis("off")
    for column, name in enumerate(part_names):
        ax.text(
            column + 0.5, 0.16, name,
            ha="center", va="center", color=COLORS["muted"], size=9,
        )  # fmt: skip
    for row, rung in enumerate(rungs):
        ax.text(0.04, -0.18 - row, rung.name, va="center", weight="bold")
        ax.text(
            columns - 0.04, -0.18 - row, rung.note,
            ha="right", va="center", size=9,
        )  # fmt: skip
        for column, part in enumerate(rung.parts):
            is_new = row > 0 and part != rungs[row - 1].parts[column]
            _draw_part(ax, column, -0.62 - row, part, is_new)
            if column:
                draw_arrow(
                    ax,
                    (column - 0.045, -0.62 - row),
                    (column + 0.045, -0.62 - row),
                    COLORS["muted"],
                    1,
                    head=10,
                )
    return ax


def _draw_part(ax, column, y, text, is_new):
    """Draws the block of one part, in color if it is new."""
    ax.add_patch(
        FancyBboxPatch(
            (column + 0.05, y - 0.26),
            0.9,
            0.52,
            boxstyle="round,pad=0,rounding_size=0.05",
            facecolor="#FFF3C4" if is_new else "#EDF0F3",
            edgecolor=COLORS["highlight"] if is_new else "none",
            linewidth=1.6,
        )
    )
    ax.text(
        column + 0.5, y, text,
        ha="center", va="center", size=9, linespacing=1.15,
        weight="bold" if is_new else "normal",
    )  # fmt: skip


def plot_moved_tokens(images, changes):
    """Draws an image, the image moved, and how much each token changed.

    All maps share one scale, that of the largest change, so that they can be
    compared by eye.

    Args:
        images: dict from a title to a uint8 image `(height, width, 3)`.
        changes: dict from a title to a map `(rows, columns)`, from 0 up.

    Returns:
        The figure.
    """
    count = len(images) + len(changes)
    fig, axes = new_figure("column", 4.4, columns=-(-count // 2), rows=2)
    axes = axes.ravel()
    for ax in axes:
        ax.axis("off")
    for ax, (title, image) in zip(axes, images.items(), strict=False):
        ax.imshow(image)
        ax.set_title(title)
    largest = max(np.max(change) for change in changes.values())
    maps = axes[len(images) : count]
    for ax, (title, change) in zip(maps, changes.items(), strict=True):
        drawn = ax.imshow(change, vmin=0, vmax=largest)
        ax.set_title(title)
    fig.colorbar(
        drawn,
        ax=list(maps),
        location="bottom",
        shrink=0.5,
        aspect=30,
        pad=0.03,
        label="change of the token",
    )
    return fig


def plot_runs_by_cost(runs, *, ylabel="validation accuracy (%)"):
    """Draws runs twice: against epochs, and against processor time.

    Args:
        runs: dict from the name of a model to a list of histories, one for
            each seed: dicts with `val_accuracy` (shares of 1) and
            `cpu_seconds` for each epoch. Names begin with ViT, CVT, CCT or
            article.
        ylabel: what is drawn.

    Returns:
        The figure. In the lower panel a dotted line marks the time in which
        the first model's first run has finished.

    Raises:
        ValueError: if a name begins with none of these.
    """
    fig, axes = new_figure("column", 5.4, rows=2, sharey=True)
    for name, histories in runs.items():
        style = model_look(name)
        for i, history in enumerate(histories):
            accuracy = 100 * np.asarray(history["val_accuracy"])
            minutes = np.cumsum(history["cpu_seconds"]) / 60
            label = name if i == 0 else None
            every = max(1, len(accuracy) // 10)
            for ax, x in zip(
                axes, (np.arange(1, len(accuracy) + 1), minutes), strict=True
            ):
                ax.plot(
                    x,
                    accuracy,
                    markersize=4.5,
                    markevery=every,
                    linewidth=1.6,
                    label=label,
                    **style,
                )
    for ax, label in zip(
        axes, ("epoch", "processor time (CPU minutes)"), strict=True
    ):
        ax.set(xlabel=label, ylabel=ylabel)
        ax.set_xlim(0)
        ax.grid(axis="y")
    axes[0].legend(loc="lower right")
    first, histories = next(iter(runs.items()))
    end = sum(histories[0]["cpu_seconds"]) / 60
    axes[1].axvline(end, color=COLORS["muted"], linestyle=":", zorder=0)
    axes[1].annotate(
        f"{first}\nhas finished",
        (end, 0.04),
        (5, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        color=COLORS["muted"],
    )
    return fig


def plot_pairs(pairs, conditions, *, ylabel="test accuracy (%)"):
    """Draws what each model reaches under two conditions.

    Args:
        pairs: dict from the name of a model, as for `plot_runs_by_cost`, to
            two lists: what each seed reaches under either condition.
        conditions: names of the two conditions.
        ylabel: what is drawn.

    Returns:
        The axes: for each model a line from mean to mean, with its name and
        the means at its ends, and a point for each seed.

    Raises:
        ValueError: if a name begins with none of the known ones.
    """
    _, ax = new_figure("column", 2.8)
    for name, pair in pairs.items():
        style = model_look(name)
        means = [np.mean(seeds) for seeds in pair]
        ax.plot([0, 1], means, **style)
        for x, seeds in enumerate(pair):
            ax.plot([x] * len(seeds), seeds, "o", ms=3, color=style["color"])
        for x, mean, words, side in (
            (0, means[0], f"{name}\n{means[0]:.1f}", -1),
            (1, means[1], f"{means[1]:.1f}", 1),
        ):
            ax.annotate(
                words,
                (x, mean),
                (10 * side, 0),
                textcoords="offset points",
                ha="right" if side < 0 else "left",
                va="center",
                color=style["color"],
            )
    ax.set(xlim=(-0.6, 1.3), ylabel=ylabel)
    ax.locator_params(axis="y", nbins=5, integer=True)
    ax.set_xticks([0, 1], conditions)
    ax.grid(axis="y")
    return ax


def plot_data_efficiency(accuracies, *, ax=None):
    """Draws accuracy against the number of training images.

    Args:
        accuracies: dict from the name of a model to a dict from a number of
            images to a list, the accuracy of each seed in percent. Names are
            those of `plot_runs_by_cost`. Where the first two models have both
            been trained, the distance of their means is written beside it.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes: a mark for each seed, a line through the means.

    Raises:
        ValueError: if a name begins with none of the known ones.
    """
    if ax is None:
        _, ax = new_figure("column", 3.0)
    means = []
    for name, by_images in accuracies.items():
        means.append({n: np.mean(seeds) for n, seeds in by_images.items()})
        style = model_look(name)
        line = {**style, "marker": "none"}
        ax.plot(*zip(*sorted(means[-1].items()), strict=True), **line)
        ax.plot(
            [n for n, seeds in by_images.items() for _ in seeds],
            [each for seeds in by_images.values() for each in seeds],
            color=style["color"],
            marker=style["marker"],
            linestyle="none",
            label=name,
        )
    images = sorted(set().union(*means))
    for n in images:
        if len(means) > 1 and n in means[0] and n in means[1]:
            low, high = sorted((means[0][n], means[1][n]))
            ax.plot([n, n], [low, high], ":", color=COLORS["muted"], zorder=0)
            write_beside(
                ax,
                f"{high - low:.1f}",
                (n, (low + high) / 2),
                gap=5,
                color=COLORS["ink"],
            )
    ax.set(
        xlabel="training images",
        ylabel="test accuracy (%)",
        xscale="log",
        xlim=(images[0] / 1.15, images[-1] * 1.3),
    )
    ax.set_xticks(images, [f"{n:,}" for n in images])
    ax.set_xticks([], minor=True)
    ax.grid(axis="y")
    ax.legend(loc="lower right")
    return ax
