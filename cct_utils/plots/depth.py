"""Figures of stochastic depth: coins, rates and the depths they make."""

from itertools import cycle

import numpy as np
from matplotlib.colors import ListedColormap

from cct_utils.plots.style import COLORS, new_figure

KEPT_OR_NOT = ListedColormap([COLORS["dropped"], COLORS["kept"]])


def plot_drop_patterns(patterns):
    """Draws which values of a batch survive, for several kinds of dropping.

    Args:
        patterns: dict from a title to an array `(samples, values)`; what is
            not zero was kept.

    Returns:
        The figure: one panel for each pattern.
    """
    fig, axes = new_figure(
        "column", 2.2, columns=len(patterns), sharey=True, squeeze=False
    )
    for ax, (title, values) in zip(axes.flat, patterns.items(), strict=True):
        _draw_kept(ax, np.asarray(values) != 0)
        ax.set_title(title, loc="center")
        ax.set_xlabel("values")
        ax.set_xticks([])
    axes[0, 0].set_ylabel("samples")
    axes[0, 0].set_yticks([])
    return fig


def _draw_kept(ax, kept):
    """Draws a grid of separate cells, colored where `kept` is true."""
    rows, columns = kept.shape
    ax.pcolormesh(
        np.arange(columns + 1),
        np.arange(rows + 1),
        kept,
        cmap=KEPT_OR_NOT,
        vmin=0,
        vmax=1,
        edgecolors="white",
        linewidth=1,
    )
    ax.set_ylim(rows, 0)  # the first sample on top
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def plot_running_means(draws, expected, *, ax=None):
    """Draws how the mean of random draws settles, with its standard error.

    Args:
        draws: dict from a label to an array of draws.
        expected: the value without any dropping.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes: a line for each array, its band two standard errors wide on
        either side.
    """
    if ax is None:
        _, ax = new_figure("column", 3.0)
    ax.axhline(
        expected, color=COLORS["ink"], lw=1.2, ls=":", label="without dropping"
    )
    colors = (COLORS["kept"], COLORS["highlight"])
    for (label, values), color in zip(
        draws.items(), cycle(colors), strict=False
    ):
        values = np.asarray(values, "float64")
        count = np.arange(1, len(values) + 1)
        mean = np.cumsum(values) / count
        square = np.cumsum(values**2) / count
        error = np.sqrt(np.maximum(square - mean**2, 0) / count)
        # Ten draws are the first worth a mean; more points would not be seen.
        shown = np.geomspace(9, len(values) - 1, 250).astype(int)
        ax.plot(count[shown], mean[shown], color=color, label=label)
        ax.fill_between(
            count[shown],
            (mean - 2 * error)[shown],
            (mean + 2 * error)[shown],
            color=color,
            alpha=0.18,
            lw=0,
        )
    ax.set_xscale("log")
    ax.set_xlabel("draws")
    ax.set_ylabel("mean so far")
    ax.legend(loc="lower right")
    return ax


def plot_depth_rates(rates, *, ax=None):
    """Draws the drop probability of each block for one or more rules.

    Args:
        rates: dict from a label to the drop probabilities, block by block.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("column", 2.8)
    styles = (
        {"color": COLORS["kept"], "marker": "o"},
        {"color": COLORS["muted"], "marker": "s", "linestyle": "--"},
    )
    for (label, values), style in zip(
        rates.items(), cycle(styles), strict=False
    ):
        blocks = np.arange(1, len(values) + 1)
        ax.plot(blocks, 100 * np.asarray(values), label=label, **style)
    ax.set_xticks(blocks)
    ax.set_ylim(0, None)
    ax.set_xlabel("block")
    ax.set_ylabel("dropped (% of samples)")
    ax.legend(loc="upper left")
    return ax


def plot_passed_branches(passed, images=None):
    """Draws which residual branches each sample of a batch passes.

    Args:
        passed: dict from a title to a boolean array `(samples, branches)`, in
            which each block has two columns: attention and MLP.
        images: the samples, `(samples, height, width, 3)`, drawn as small
            pictures before their rows; None for none.

    Returns:
        The figure: one panel for each array.

    Raises:
        ValueError: if the number of branches is odd.
    """
    shapes = {np.shape(values) for values in passed.values()}
    samples, branches = shapes.pop()
    if branches % 2 or shapes:
        raise ValueError(
            "All arrays must have one shape, (samples, branches), with two "
            f"branches for each block. Received: {samples} x {branches}"
        )
    row_height = 0.2 if images is None else 0.31
    fig, axes = new_figure(
        "column",
        row_height * samples + 0.75,
        columns=len(passed),
        sharey=True,
        squeeze=False,
    )
    for ax, (title, values) in zip(axes.flat, passed.items(), strict=True):
        _draw_kept(ax, np.asarray(values) != 0)
        for x in range(2, branches, 2):
            ax.axvline(x, color="white", lw=4)
        ax.set_title(title)
        ax.set_xlabel("block (attention, MLP)")
        ax.set_xticks(range(1, branches, 2), range(1, branches // 2 + 1))
        ax.set_yticks([])
    first = axes[0, 0]
    if images is None:
        first.set_ylabel("samples")
    else:
        for row, image in enumerate(images):
            place = first.inset_axes(
                [-2, row + 0.04, 1.8, 0.92], transform=first.transData
            )
            place.imshow(image)
            place.set_anchor("E")
            place.set_axis_off()
    return fig


def plot_depth_distribution(depths, num_branches):
    """Draws how many branches the samples pass: a histogram for each case.

    Args:
        depths: dict from a title to an array with one number for each sample.
        num_branches: the largest possible depth.

    Returns:
        The figure: one panel for each case, with mean and standard deviation.
    """
    fig, axes = new_figure(
        "column", 2.7, columns=len(depths), sharey=True, squeeze=False
    )
    places = np.arange(num_branches + 1)
    for ax, (title, values) in zip(axes.flat, depths.items(), strict=True):
        counts = np.bincount(values, minlength=num_branches + 1)
        ax.bar(places, 100 * counts / len(values), 0.8, color=COLORS["kept"])
        ax.axvline(np.mean(values), color=COLORS["highlight"], ls="--")
        ax.set_title(
            f"{title}\n{np.mean(values):.2f} ± {np.std(values):.2f}",
            loc="center",
        )
        ax.set_xlabel("branches passed")
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylabel("samples (%)")
    return fig


def plot_subnetworks(accuracies, errors, highlighted=(), *, ax=None):
    """Draws the accuracy of sub-networks with its standard error.

    Args:
        accuracies: dict from the name of a sub-network to its accuracy, 0..1.
        errors: standard errors, in the same order.
        highlighted: names to be drawn in another color.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes: one row for each sub-network, the first on top.
    """
    if ax is None:
        _, ax = new_figure("column", 0.34 * len(accuracies) + 0.8)
    for row, (name, accuracy) in enumerate(accuracies.items()):
        chosen = name in highlighted
        ax.errorbar(
            100 * accuracy,
            row,
            xerr=200 * errors[row],
            color=COLORS["highlight" if chosen else "kept"],
            marker="s" if chosen else "o",
            ms=7,
            capsize=3,
        )
        ax.text(
            100 * accuracy + 200 * errors[row] + 1.5,
            row,
            f"{100 * accuracy:.1f} %",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    ax.axvline(
        100 * next(iter(accuracies.values())), color=COLORS["dropped"], zorder=0
    )
    ax.set_yticks(range(len(accuracies)), accuracies)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel("accuracy (%), ± 2 standard errors")
    return ax
