"""Figures about differences: how large luck is, and what a change was worth."""

from typing import NamedTuple

import numpy as np

from cct_utils.plots.style import COLORS, new_figure

_SAMPLE_COLORS = (COLORS["dropped"], COLORS["cct"], COLORS["article"])
_LINE = 0.25  # inches


class Change(NamedTuple):
    """One line of an ablation.

    Attributes:
        group: what was changed, for instance `"layers"`.
        label: to what, for instance `"4"`.
        accuracies: test accuracies in percent, one for each seed, or their
            differences from the base's.
        prices: one short text for each of the figure's price columns.
    """

    group: str
    label: str
    accuracies: tuple
    prices: tuple = ()


def plot_differences(samples, *, unit="points", ax=None):
    """Draws how differences are spread that could be luck.

    Args:
        samples: dict from a name to an array of differences; the first is
            drawn as a gray area, the others (two at most) as lines.
        unit: of the differences.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.

    Raises:
        ValueError: if there are more than three samples, or none.
    """
    if not 1 <= len(samples) <= len(_SAMPLE_COLORS):
        raise ValueError(
            f"`samples` must hold 1 to {len(_SAMPLE_COLORS)} arrays. "
            f"Received: {len(samples)}"
        )
    if ax is None:
        _, ax = new_figure("column", 2.8)
    samples = {name: np.ravel(values) for name, values in samples.items()}
    ends = np.quantile(np.concatenate([*samples.values(), [0]]), (0.001, 0.999))
    edges = np.linspace(*ends, 32)
    for i, (name, values) in enumerate(samples.items()):
        counts, _ = np.histogram(values, edges)
        ax.stairs(
            100 * counts / len(values),
            edges,
            fill=i == 0,
            color=_SAMPLE_COLORS[i],
            linewidth=1.8,
            label=name,
        )
    ax.axvline(0, color=COLORS["ink"], linewidth=1)
    ax.set(xlabel=f"difference ({unit})", ylabel="share (%)")
    ax.legend(loc="upper left", handlelength=1)
    return ax


def plot_ablation(
    base,
    changes,
    band,
    *,
    bounds=(),
    price_titles=(),
    xlabel="test accuracy (%)",
):
    """Draws what each change made of the accuracy, and what it cost.

    Dots are seeds, a tick is their mean: above the band in blue, below it in
    orange, within it in gray.

    Args:
        base: test accuracies of the base in percent, one for each seed; or
            zero, where the changes hold differences from it.
        changes: list of `Change`, those of one group together.
        band: `(low, high)` in percent: where another seed of the base would
            be expected.
        bounds: numbers in percent where dotted lines are drawn.
        price_titles: titles of the columns of prices.
        xlabel: what the numbers are.

    Returns:
        The figure.

    Raises:
        ValueError: if there is no change, or one has not a price for each
            column.
    """
    if not changes:
        raise ValueError("`changes` must hold at least one. Received: none")
    for change in changes:
        if len(change.prices) != len(price_titles):
            raise ValueError(
                f"{change.group} {change.label} must have a price for each of "
                f"the {len(price_titles)} columns. "
                f"Received: {len(change.prices)}"
            )
    heights, names = _heights(changes)
    bottom = heights[-1] + 1
    fig, (ax, side) = new_figure(
        "column",
        _LINE * bottom + 0.8,
        columns=2,
        sharey=True,
        width_ratios=(5, 0.1 + 1.1 * len(price_titles)),
    )
    low, high = band
    ax.axvspan(low, high, color=COLORS["dropped"], alpha=0.6, linewidth=0)
    for bound in bounds:
        ax.axvline(bound, color=COLORS["muted"], linewidth=1, linestyle=":")
    ax.axvline(np.mean(base), color=COLORS["muted"], linewidth=1)
    _dots(ax, base, 0, COLORS["ink"])
    for change, height in zip(changes, heights, strict=True):
        mean = np.mean(change.accuracies)
        beyond = "cct" if mean > high else "highlight"
        color = COLORS["muted" if low <= mean <= high else beyond]
        ax.plot([np.mean(base), mean], [height] * 2, color=color, linewidth=1)
        _dots(ax, change.accuracies, height, color)
        ax.plot(mean, height, "|", markersize=13, mew=2, color=color)
        _write(side, change.prices, height)
    _write(side, price_titles, 0, color=COLORS["muted"])
    ax.set_yticks([0, *names, *heights])
    ax.set_yticklabels(["base", *names.values(), *(c.label for c in changes)])
    for label in ax.get_yticklabels()[1 : len(names) + 1]:
        label.set_weight("bold")
    ax.tick_params(axis="y", length=0, labelcolor=COLORS["ink"])
    ax.set(ylim=(bottom, -0.8), xlabel=xlabel)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    side.set(xlim=(0, max(1, len(price_titles))))
    side.axis("off")
    return fig


def _heights(changes):
    """Returns the line of each change, and the groups' names by their line."""
    heights, names, line, group = [], {}, 0, None
    for change in changes:
        line += 1
        if change.group != group:
            group = change.group
            names[line] = group
            line += 1
        heights.append(line)
    return heights, names


def _dots(ax, values, height, color):
    """Draws one dot for each seed."""
    ax.plot(values, [height] * len(values), "o", markersize=5.5, color=color)


def _write(ax, texts, height, **options):
    """Writes one text into each column of a line."""
    for column, text in enumerate(texts):
        ax.text(
            column + 1, height, text,
            ha="right", va="center", fontsize=9, **options,
        )  # fmt: skip
