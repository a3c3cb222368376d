"""Figures of recipes: schedules, steps, what each buys, what it costs."""

import numpy as np

from cct_utils.plots.style import (
    COLORS,
    new_figure,
    recipe_looks,
    write_beside,
)

LINES = ("-", "--", "-.", ":")


def plot_schedules(schedules, *, ax=None):
    """Draws learning rates over the course of a training.

    Args:
        schedules: dict from a recipe's name to an array `(n,)`, the rate of
            each of `n` steps, however many there are.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("column", 2.6)
    looks = recipe_looks(schedules)
    for name, rates in schedules.items():
        share = 100 * np.arange(len(rates)) / len(rates)
        ax.plot(share, 1000 * np.asarray(rates), label=name, **looks[name])
    ax.set(
        xlabel="share of the training (%)",
        ylabel="learning rate (1/1000)",
        ylim=(0, None),
        xlim=(0, 100),
    )
    ax.grid(axis="y")
    ax.legend()
    return ax


def plot_descents(paths, *, ax=None):
    """Draws how far from the minimum several ways of descent are.

    Args:
        paths: dict from a name to an array `(steps,)`, the mean distance.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes, with a logarithmic distance.
    """
    if ax is None:
        _, ax = new_figure("column", 2.6)
    for i, (name, distance) in enumerate(paths.items()):
        ax.plot(distance, LINES[i % 4], label=name)
    ax.set(xlabel="step", ylabel="distance to the minimum", yscale="log")
    ax.grid(axis="y")
    ax.legend()
    return ax


def plot_learning_rates(searches, *, ax=None):
    """Draws the loss against the rising rate of learning-rate searches.

    Args:
        searches: dict from a name to `(rates, losses)`, two arrays `(n,)`, as
            `cct_utils.find_learning_rate` returns them.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes: single losses as points, their running mean as a line.
    """
    if ax is None:
        _, ax = new_figure("column", 2.8)
    for name, (rates, losses) in searches.items():
        (line,) = ax.plot(rates, _running_mean(losses), label=name)
        ax.plot(rates, losses, ".", color=line.get_color(), alpha=0.35)
    # What explodes at the end must not decide the scale.
    top = 1.2 * max(losses[0] for _, losses in searches.values())
    low = min(np.min(losses) for _, losses in searches.values())
    ax.set(
        xscale="log",
        xlabel="learning rate",
        ylabel="loss (nats)",
        ylim=(low - 0.3 * (top - low), top),
    )
    ax.grid(axis="y")
    ax.legend(loc="lower left")
    return ax


def _running_mean(values, reach=2):
    """Returns means over up to `reach` neighbors on both sides."""
    values = np.asarray(values, float)
    return np.array(
        [
            values[max(0, i - reach) : i + reach + 1].mean()
            for i in range(len(values))
        ]
    )


def plot_newton_schulz(panels):
    """Draws the singular values of a matrix over the steps of an iteration.

    Args:
        panels: dict from a title to an array `(steps + 1, k)`, the `k`
            singular values before each step and after the last.

    Returns:
        The figure, one panel for each iteration, on one logarithmic scale.
    """
    fig, axes = new_figure(
        "column", 2.5, columns=len(panels), sharey=True, squeeze=False
    )
    for ax, (title, values) in zip(axes[0], panels.items(), strict=True):
        ax.axhspan(0.7, 1.3, color=COLORS["dropped"], linewidth=0)
        ax.plot(values, "o-", markersize=4, color=COLORS["cct"])
        ax.set(title=title, xlabel="step", yscale="log")
        ax.set_xticks(range(len(values)))
    axes[0, 0].set_ylabel("singular values")
    ticks = (0.01, 0.1, 1)
    axes[0, 0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[0, 0].minorticks_off()
    return fig


def plot_spectra(spectra, *, ax=None):
    """Draws the singular values of matrices, the largest of each set to 1.

    Args:
        spectra: dict from a name to an array `(k,)`, falling.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes, with a logarithmic size.
    """
    if ax is None:
        _, ax = new_figure("column", 2.5)
    colors = (COLORS["train"], COLORS["cct"])
    for i, (name, values) in enumerate(spectra.items()):
        values = np.asarray(values) / np.max(values)
        rank = np.arange(1, len(values) + 1)
        ax.plot(rank, values, LINES[i % 4], color=colors[i % 2], label=name)
    ax.set(
        xlabel="direction, by size",
        ylabel="size (largest: 1)",
        yscale="log",
        ylim=(1e-4, 1.6),
    )
    ax.grid(axis="y")
    ax.legend(loc="lower left")
    return ax


def plot_build_up(names, accuracy, cost, noise):
    """Draws what each step of a recipe adds, and what it costs.

    Args:
        names: one short name for each state of the recipe, the first one
            before any step.
        accuracy: array `(n,)`, in percent.
        cost: array `(n,)`, processor seconds per epoch.
        noise: distance in points below which a step says nothing.

    Returns:
        The figure: gains as bars from the step before, prices beside them.

    Raises:
        ValueError: if there is not one name and one cost for each accuracy.
    """
    if not len(names) == len(accuracy) == len(cost):
        raise ValueError(
            "There must be one name, one accuracy and one cost for each "
            f"state. Received: {len(names)}, {len(accuracy)} and {len(cost)}"
        )
    fig, (left, right) = new_figure(
        "column",
        0.38 * len(names) + 0.9,
        columns=2,
        sharey=True,
        gridspec_kw={"width_ratios": (2.6, 1)},
    )
    rows = np.arange(len(names))
    steps = np.diff(accuracy, prepend=accuracy[0])
    for row, step in zip(rows, steps, strict=True):
        clear = abs(step) > noise
        sign = "cct" if step > 0 else "highlight"
        color = COLORS[sign if clear else "norm"]
        if row:
            left.barh(row, step, 0.6, accuracy[row] - step, color=color)
        left.plot([accuracy[row]] * 2, [row - 0.3, row + 0.7], color="k", lw=1)
        label = _signed(step) if row else f"{accuracy[0]:.1f}"
        write_beside(
            left,
            label,
            (max(accuracy[row], accuracy[row] - step), row),
            gap=5,
            weight="bold" if clear and row else "normal",
        )
    span = np.ptp(accuracy) or 1
    left.set(
        xlabel="test accuracy (%)",
        xlim=(min(accuracy) - 0.08 * span, max(accuracy) + 0.22 * span),
    )
    left.set_yticks(rows, names)
    left.invert_yaxis()
    left.tick_params(axis="y", length=0, labelcolor=COLORS["ink"])
    right.barh(rows, cost, 0.6, color=COLORS["dropped"])
    for row, seconds in zip(rows, cost, strict=True):
        write_beside(
            right,
            f"{seconds:.0f}",
            (0, row),
            gap=4,
        )
    right.set(xlabel="CPU s per epoch")
    right.tick_params(axis="y", length=0)
    return fig


def _signed(points):
    """Returns a difference as text, with a true minus sign."""
    text = f"{points:+.1f}".replace("-", "\N{MINUS SIGN}")
    return "±0.0" if text.endswith("0.0") and abs(points) < 1 else text


def plot_image_sizes(price, accuracy, *, ax=None):
    """Draws what smaller images cost a model, and what it makes of them.

    Args:
        price: dict from a side in pixels to the million multiply-adds of an
            image of that size.
        accuracy: dict from the same sides to an accuracy in percent.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes. The largest side is filled, the others are rings.
    """
    if ax is None:
        _, ax = new_figure("column", 2.8)
    sides = sorted(price)
    points = np.array([(price[side], accuracy[side]) for side in sides])
    ax.plot(*points.T, "o-", markerfacecolor="white", color=COLORS["cct"])
    ax.plot(*points[-1], "o", color=COLORS["cct"])
    for side, (x, y) in zip(sides, points, strict=True):
        ax.annotate(
            f"{side} × {side}", (x, y), (8, -12), textcoords="offset points"
        )
    ax.set(
        xlabel="multiply-adds of an image (millions)",
        ylabel="accuracy (%)",
        xlim=(0, 1.18 * points[-1, 0]),
        ylim=(points[:, 1].min() - 6, points[:, 1].max() + 4),
    )
    ax.grid(axis="y")
    return ax


def plot_cost_of_accuracy(runs, level, *, xlabel, ax=None):
    """Draws accuracy against what it cost, and when a level is reached.

    Args:
        runs: dict from a name to `(cost, accuracy)`: two arrays `(n,)`, the
            cost up to the end of each epoch, and percent. A name is that of
            a recipe of CCT, or begins with "article's", for its model.
        level: accuracy in percent; a ring marks where a run first reaches it.
        xlabel: what the cost is counted in.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes: each curve with its name at its end.
    """
    if ax is None:
        _, ax = new_figure("column", 3.2)
    end = max(cost[-1] for cost, _ in runs.values())
    ax.plot([0, end], [level] * 2, "--", color=COLORS["muted"], linewidth=1)
    ours = [name for name in runs if not name.startswith("article's")]
    looks = recipe_looks(ours, model="cct")
    # What is far below the level, and below each end, is nothing to compare.
    ends = [accuracy[-1] for _, accuracy in runs.values()]
    low = max(0, min(level - 25, *ends) - 2)
    heights = _spread(ends, 0.075 * (max(*ends, level) - low))
    for height, (name, (cost, accuracy)) in zip(
        heights, runs.items(), strict=True
    ):
        cost, accuracy = np.asarray(cost), np.asarray(accuracy)
        look = looks.get(name, {"color": COLORS["article"]})
        ax.plot(cost, accuracy, label=name, **look)
        reached = np.flatnonzero(accuracy >= level)[:1]
        ax.plot(
            cost[reached],
            accuracy[reached],
            "o",
            color=look["color"],
            markerfacecolor="white",
            markersize=8,
        )
        write_beside(
            ax,
            name,
            (cost[-1], height),
            gap=6,
            color=look["color"],
        )
    ax.set(
        xlabel=xlabel,
        ylabel="validation accuracy (%)",
        # To the right there is room for the names.
        xlim=(0, 1.35 * end),
        ylim=(low, max(*ends, *heights, level) + 2),
    )
    ax.grid(axis="y")
    return ax


def _spread(heights, gap):
    """Returns the heights moved apart until all are `gap` from the next."""
    moved = np.asarray(heights, float)
    order = np.argsort(moved, kind="stable")
    moved = moved[order]
    for _ in range(200):
        for i in range(1, len(moved)):
            missing = gap - (moved[i] - moved[i - 1])
            if missing > 0:
                moved[i - 1] -= missing / 2
                moved[i] += missing / 2
    return moved[np.argsort(order)]


def plot_seeds(ends, *, ax=None):
    """Draws what each seed of several recipes has reached.

    Args:
        ends: dict from a recipe of CCT to a list of accuracies in percent,
            one for each seed.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes: a line of dots for each name, with their mean at its end.
    """
    if ax is None:
        _, ax = new_figure("column", 0.3 * len(ends) + 0.7)
    looks = recipe_looks(ends, model="cct")
    for row, (name, values) in enumerate(ends.items()):
        color = looks[name]["color"]
        ax.plot(values, [row] * len(values), "o", color=color)
        write_beside(
            ax,
            f"{np.mean(values):.1f}",
            (max(values), row),
            gap=8,
        )
    ax.set_yticks(range(len(ends)), ends)
    ax.tick_params(axis="y", length=0, labelcolor=COLORS["ink"])
    low, high = (end(map(end, ends.values())) for end in (min, max))
    ax.set(
        xlabel="test accuracy (%)",
        xlim=(low - 0.5, high + 1),
        ylim=(len(ends) - 0.4, -0.6),
    )
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    return ax


def plot_policy_end(histories, policy_epochs, *, policy="policy", ax=None):
    """Draws how training and validation go on when a policy ends.

    Args:
        histories: list of the histories of several seeds, dicts with the lists
            `accuracy` and `val_accuracy` (shares of 1), all of one length.
        policy_epochs: epochs after which the policy ends.
        policy: its name.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes: the means as lines, and each seed's validation as a thin one.
    """
    if ax is None:
        _, ax = new_figure("column", 3.0)
    curves = {
        name: 100 * np.array([history[key] for history in histories])
        for name, key in (
            ("training", "accuracy"),
            ("validation", "val_accuracy"),
        )
    }
    epochs = 1 + np.arange(curves["training"].shape[1])
    for each in curves["validation"]:
        ax.plot(epochs, each, color=COLORS["val"], linewidth=0.6, alpha=0.5)
    for (name, values), color in zip(
        curves.items(), (COLORS["train"], COLORS["val"]), strict=True
    ):
        mean = values.mean(axis=0)
        ax.plot(epochs, mean, ":" if name == "training" else "-", color=color)
        write_beside(
            ax,
            f"{name}\n{mean[-1]:.1f} %",
            (epochs[-1], mean[-1]),
            gap=6,
            color=color,
        )
    # The steep rise at the beginning would flatten all the rest.
    low = curves["validation"].mean(axis=0)[len(epochs) // 20] - 5
    ax.axvline(policy_epochs + 0.5, color=COLORS["muted"], linewidth=1)
    ax.annotate(
        f"{policy} ends",
        (policy_epochs, low),
        (-4, 6),
        textcoords="offset points",
        ha="right",
        color=COLORS["muted"],
    )
    ax.set(
        xlabel="epoch",
        ylabel="accuracy (%)",
        # To the right there is room for the names.
        xlim=(0, 1.2 * len(epochs)),
        ylim=(low, 100),
    )
    ax.grid(axis="y")
    return ax


def plot_orthogonalization(matrices):
    """Draws what matrices of two by two make of a circle.

    Args:
        matrices: dict from a title to an array `(2, 2)`. The directions of the
            first one, those it stretches most and least, are drawn in all
            panels.

    Returns:
        The figure: a panel for each matrix, scaled to its largest stretch.
    """
    fig, axes = new_figure(
        "column",
        2.4,
        columns=len(matrices),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.array([np.cos(angle), np.sin(angle)])
    directions = np.linalg.svd(next(iter(matrices.values())))[2]
    colors = (COLORS["article"], COLORS["conv"])
    for ax, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        most, least = np.linalg.svd(matrix)[1]
        matrix = np.asarray(matrix) / most
        ax.plot(*circle, color=COLORS["dropped"])
        ax.plot(*(matrix @ circle), color=COLORS["cct"])
        for direction, color in zip(directions, colors, strict=True):
            x, y = matrix @ direction
            ax.plot([-x, x], [-y, y], color=color, linewidth=2.5)
        ax.set(title=title, aspect="equal", xticks=[], yticks=[])
        ax.set_xlabel(f"half axes 1 and {least / most:.1f}")
        ax.spines[:].set_visible(False)
    return fig
