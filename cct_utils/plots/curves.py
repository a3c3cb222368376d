"""Figures about a training and its result: curves, confusion, calibration."""

import numpy as np

from cct_utils.plots.style import COLORS, model_colors, new_figure


def plot_history(histories):
    """Draws loss and accuracy over the epochs of one or several runs.

    Validation is a solid line, training a dotted one in the same color.

    Args:
        histories: dict from the name of a model, or of a run, to its history,
            a dict of lists: `loss`, `val_loss`, `accuracy`, `val_accuracy`
            (shares of 1).

    Returns:
        The figure, accuracy above loss.
    """
    fig, axes = new_figure("column", 5.2, rows=2, sharex=True)
    colors = model_colors(histories)
    panels = (("accuracy", 100, "accuracy (%)"), ("loss", 1, "loss (nats)"))
    for ax, (metric, scale, label) in zip(axes, panels, strict=True):
        for name, history in histories.items():
            for prefix, part, line in (
                ("", "training", ":"),
                ("val_", "validation", "-"),
            ):
                values = scale * np.asarray(history[prefix + metric])
                ax.plot(
                    np.arange(1, len(values) + 1),
                    values,
                    line,
                    color=colors[name],
                    marker="." if len(values) < 5 else None,
                    label=f"{name}, {part}",
                )
        ax.set(ylabel=label)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(axis="y")
    axes[0].legend(loc="lower right")
    axes[1].set_xlabel("epoch")
    return fig


def plot_gaps(histories):
    """Draws how far training runs ahead of validation, one panel per run.

    Args:
        histories: dict from the name of a run to its history, a dict with the
            lists `accuracy` and `val_accuracy` (shares of 1).

    Returns:
        The figure: up to three panels side by side, more in two columns, with
        the same axes; at the end of the curves their last values in percent.
    """
    count = len(histories)
    columns = count if count <= 3 else 2
    rows = -(-count // columns)
    fig, axes = new_figure(
        "column",
        2.7 if rows == 1 else 2.3 * rows,
        columns=columns,
        rows=rows,
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for ax in axes.flat[count:]:
        ax.axis("off")
    for ax, (name, history) in zip(axes.flat, histories.items(), strict=False):
        curves = {
            "training": (history["accuracy"], ":", COLORS["train"]),
            "validation": (history["val_accuracy"], "-", COLORS["val"]),
        }
        ends = {}
        for label, (values, line, color) in curves.items():
            values = 100 * np.asarray(values)
            epochs = np.arange(1, len(values) + 1)
            ax.plot(epochs, values, line, color=color, label=label)
            ends[label] = values[-1]
        upper = max(ends, key=ends.get)
        for label, end in ends.items():
            ax.annotate(
                f"{end:.0f} %",
                (epochs[-1], end),
                (0, 5 if label == upper else -5),
                textcoords="offset points",
                ha="right",
                va="bottom" if label == upper else "top",
                color=curves[label][2],
                weight="bold",
            )
        ax.set(title=name, ylim=(0, 112), yticks=range(0, 101, 25))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(axis="y")
    for column in axes.T:
        lowest = [ax for ax in column if ax.axison][-1]
        lowest.set_xlabel("epoch")
        lowest.tick_params(labelbottom=True)
    for ax in axes[:, 0]:
        ax.set_ylabel("accuracy (%)")
    axes[0, 0].legend(loc="lower right")
    return fig


def plot_confusion(matrix, class_names, *, ax=None):
    """Draws a confusion matrix in percent of each true class.

    Args:
        matrix: integer array `(classes, classes)`, true classes in rows.
        class_names: one name for each class.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.

    Raises:
        ValueError: if the matrix has not one row and one column for each class.
    """
    matrix = np.asarray(matrix)
    if matrix.shape != (len(class_names),) * 2:
        raise ValueError(
            "`matrix` must have one row and one column for each of the "
            f"{len(class_names)} classes. Received: shape {matrix.shape}"
        )
    if ax is None:
        _, ax = new_figure("column", 5.0)
    share = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    # The diagonal is so much larger that it would hide the mistakes.
    mistakes = np.where(np.eye(len(share), dtype=bool), np.nan, share)
    highest = np.nanmax(mistakes)
    ax.imshow(mistakes, cmap="Oranges", vmin=0, vmax=highest)
    for (row, column), value in np.ndenumerate(share):
        if row == column:
            ax.text(
                column, row, f"{value:.0f}",
                ha="center", va="center", weight="bold",
            )  # fmt: skip
        elif value >= 0.95:
            ax.text(
                column, row, f"{value:.0f}",
                ha="center", va="center",
                color="white" if value > 0.6 * highest else COLORS["ink"],
            )  # fmt: skip
    ticks = np.arange(len(class_names))
    ax.set_xticks(ticks, class_names, rotation=45, ha="right")
    ax.set_yticks(ticks, class_names)
    ax.set(xlabel="answer of the model", ylabel="true class")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def plot_class_accuracy(correct, labels, class_names, *, ax=None):
    """Draws the accuracy of each class, best at the top, for several models.

    The bars reach one binomial standard error to both sides.

    Args:
        correct: dict from the name of a model to a boolean array `(n,)`, its
            first one sorts the classes.
        labels: integer array `(n,)`.
        class_names: one name for each class.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("narrow", 3.6)
    labels = np.asarray(labels)
    members = [labels == label for label in range(len(class_names))]
    accuracy = {
        name: np.array([np.mean(hits[member]) for member in members])
        for name, hits in correct.items()
    }
    order = np.argsort(next(iter(accuracy.values())), kind="stable")
    counts = np.array([member.sum() for member in members])[order]
    rows = np.arange(len(order))
    colors = model_colors(accuracy)
    for i, (name, values) in enumerate(accuracy.items()):
        share = values[order]
        error = np.sqrt(share * (1 - share) / counts)
        ax.errorbar(
            100 * share,
            rows + 0.24 * (len(accuracy) - 1) * (0.5 - i),
            xerr=100 * error,
            fmt="os"[i % 2],
            markersize=5,
            linewidth=1.4,
            color=colors[name],
            label=name,
        )
    ax.set_yticks(rows, [class_names[label] for label in order])
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="accuracy (%)")
    ax.grid(axis="both")
    if len(accuracy) > 1:
        ax.legend(loc="lower right", handlelength=1)
    return ax


def plot_reliability(bins, *, title=None, ax=None):
    """Draws how often answers of each confidence are right.

    Args:
        bins: `(confidence, accuracy, count)`, arrays `(num_bins,)`, as
            `cct_utils.calibration_bins` returns them; empty bins are NaN.
        title: short text, or None.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("narrow", 3.4)
    confidence, accuracy, count = map(np.asarray, bins)
    edges = np.linspace(0, 100, len(count) + 1)
    ax.stairs(
        100 * count / count.sum(),
        edges,
        fill=True,
        color=COLORS["dropped"],
        label="share of answers",
    )
    ax.plot([0, 100], [0, 100], "--", color=COLORS["muted"], linewidth=1)
    used = count > 0
    ax.plot(
        100 * confidence[used],
        100 * accuracy[used],
        "o-",
        color=COLORS["ink"],
        clip_on=False,
        label="right answers",
    )
    ax.set(
        xlabel="confidence (%)",
        ylabel="share (%)",
        xlim=(0, 100),
        ylim=(0, 100),
        title=title,
    )
    ax.legend(loc="upper left", handlelength=1, borderaxespad=0.1)
    return ax


def plot_calibration(panels):
    """Draws one reliability diagram for each model, side by side.

    Args:
        panels: dict from a title to the bins of `plot_reliability`.

    Returns:
        The figure.
    """
    fig, axes = new_figure("column", 3.1, columns=len(panels), squeeze=False)
    for i, (title, bins) in enumerate(panels.items()):
        ax = plot_reliability(bins, title=title, ax=axes[0, i])
        if i:
            ax.get_legend().remove()
            ax.set_ylabel("")
    return fig
