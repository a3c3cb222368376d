"""Figures of the encoder block: attention, its cost, the residual stream."""

from itertools import cycle

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.patches import FancyBboxPatch, Rectangle

from cct_utils.plots.style import (
    COLORS,
    WIDTHS,
    Diagram,
    draw_arrow,
    new_figure,
)


def plot_matrices(matrices, labels, *, width="column"):
    """Draws small matrices side by side with a number in each cell.

    Args:
        matrices: dict from a title to an array `(rows, columns)`.
        labels: names of the rows and columns: the tokens.
        width: a name of `WIDTHS`.

    Returns:
        The figure.

    Raises:
        ValueError: if a matrix has not a row and a column for each label.
    """
    size = WIDTHS[width] / len(matrices)
    fig, axes = new_figure(
        width, size + 0.25, columns=len(matrices), squeeze=False
    )
    ticks = range(len(labels))
    for ax, (title, matrix) in zip(axes.flat, matrices.items(), strict=True):
        matrix = np.asarray(matrix)
        if matrix.shape != (len(labels), len(labels)):
            raise ValueError(
                f"Each matrix must have {len(labels)} rows and columns, one "
                f"for each label. Received: {title!r} of shape {matrix.shape}"
            )
        ax.imshow(matrix, vmin=0, vmax=matrix.max() or 1)
        for row, column in np.ndindex(matrix.shape):
            value = matrix[row, column]
            is_bright = value > 0.6 * matrix.max()
            ax.text(
                column,
                row,
                f"{value:.3g}" if value == round(value) else f"{value:.2f}",
                color=COLORS["ink"] if is_bright else "white",
                ha="center",
                va="center",
            )
        ax.set_title(title, loc="center")
        ax.set_xticks(ticks, labels)
        ax.set_yticks(ticks, labels if ax is axes.flat[0] else [])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    axes.flat[0].set_ylabel("this token asks …")
    fig.supxlabel("… these tokens", fontsize="medium")
    return fig


def plot_saturation(key_dims, spread, largest, num_tokens):
    """Draws what happens to scores and weights as the keys grow wider.

    Args:
        key_dims: widths of the keys.
        spread: dict from a label to the standard deviation of the scores at
            each width.
        largest: dict from the same labels to the mean of the largest weight.
        num_tokens: how many tokens share the weights.

    Returns:
        The figure: two panels over the width.
    """
    fig, (left, right) = new_figure("column", 2.9, columns=2)
    colors = (COLORS["highlight"], COLORS["attention"])
    markers = ("s", "o")
    for label, color, marker in zip(spread, colors, markers, strict=True):
        left.plot(key_dims, spread[label], marker=marker, color=color)
        right.plot(
            key_dims, largest[label], marker=marker, color=color, label=label
        )
    left.set_title("Spread of the scores")
    left.set_ylabel("standard deviation")
    left.set_yscale("log", base=2)
    left.yaxis.set_major_formatter("{x:.0f}")
    right.set_title("Largest weight")
    right.set_ylabel(f"mean over queries ({num_tokens} tokens)")
    right.set_ylim(0, 1)
    right.axhline(1 / num_tokens, color=COLORS["muted"], lw=1, ls=":")
    right.text(
        key_dims[-1],
        1 / num_tokens + 0.02,
        f"equal shares, 1/{num_tokens}",
        color=COLORS["muted"],
        ha="right",
        size=9,
    )
    right.legend(loc="center right", bbox_to_anchor=(1, 0.62))
    for ax in (left, right):
        ax.set_xscale("log", base=2)
        ax.set_xticks(key_dims, key_dims)
        ax.minorticks_off()
        ax.set_xlabel("key_dim")
    return fig


def plot_heads(image, weights, queries, titles):
    """Draws where chosen tokens of an image look, one column for each head.

    Args:
        image: array `(height, width, 3)`, pixels 0..255.
        weights: array `(heads, tokens, tokens)` of attention weights; the
            tokens form a square.
        queries: indices of the tokens that look, one row each.
        titles: a text for each head.

    Returns:
        The figure.

    Raises:
        ValueError: if there are not as many titles as heads.
    """
    weights = np.asarray(weights)
    if len(titles) != len(weights):
        raise ValueError(
            f"There must be one title for each of the {len(weights)} heads. "
            f"Received: {len(titles)} titles"
        )
    side = round(weights.shape[-1] ** 0.5)
    columns = len(titles) + 1
    height = len(queries) * (WIDTHS["column"] / columns + 0.05) + 0.55
    fig, axes = new_figure(
        "column", height, columns=columns, rows=len(queries), squeeze=False
    )
    rows, cols = image.shape[0] / side, image.shape[1] / side
    # The root of the weight, so that small ones are still told apart.
    norm = PowerNorm(0.5, vmin=0, vmax=weights[:, list(queries)].max())
    for query, row in zip(queries, axes, strict=True):
        row[0].imshow(image)
        for ax, head in zip(row[1:], weights, strict=True):
            shown = ax.imshow(head[query].reshape(side, side), norm=norm)
        y, x = divmod(query, side)
        for ax in row:
            scale = (cols, rows) if ax is row[0] else (1, 1)
            _mark(ax, (x * scale[0] - 0.5, y * scale[1] - 0.5), *scale)
            ax.set_axis_off()
    for ax, title in zip(axes[0], ["asking token", *titles], strict=True):
        ax.set_title(title, loc="center", size=9, weight="normal")
    fig.colorbar(
        shown,
        ax=axes[:, 1:],
        location="bottom",
        shrink=0.6,
        aspect=30,
        label="attention weight",
        ticks=norm.vmax * np.linspace(0, 1, 5) ** 2,
        format="{x:.2f}",
    )
    return fig


def _mark(ax, corner, width, height):
    """Outlines one token's place so that it is seen on any color."""
    for color, line in (("white", 3.2), (COLORS["query"], 1.8)):
        ax.add_patch(
            Rectangle(
                corner, width, height, fill=False, edgecolor=color, lw=line
            )
        )


def plot_attention_cost(num_tokens, costs, image_sizes, *, ax=None):
    """Draws what one encoder block costs as the number of tokens grows.

    Args:
        num_tokens: numbers of tokens.
        costs: dict from a part's name to its multiply-adds at each number.
        image_sizes: dict from a number of tokens to the side of the image, in
            pixels, that gives so many.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("column", 3.4)
    styles = (
        {"color": COLORS["highlight"], "marker": "o"},
        {"color": COLORS["attention"], "marker": "s"},
        {"color": COLORS["mlp"], "marker": "^"},
    )
    for (label, cost), style in zip(costs.items(), cycle(styles), strict=False):
        ax.loglog(num_tokens, cost, label=label, **style)
    ax.set_xticks(
        list(image_sizes),
        [f"{n:,}\n{side} px" for n, side in image_sizes.items()],
    )
    ax.minorticks_off()
    ax.set_xlabel("tokens, and the image they come from")
    ax.set_ylabel("multiply-adds of one block")
    ax.legend(loc="upper left")
    return ax


def plot_activations(x, curves, *, ax=None):
    """Draws activation functions over one axis.

    Args:
        x: array of inputs.
        curves: dict from a name to the outputs.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("narrow", 2.7)
    ax.axhline(0, color=COLORS["dropped"], lw=1)
    ax.axvline(0, color=COLORS["dropped"], lw=1)
    styles = (
        {"color": COLORS["mlp"]},
        {"color": COLORS["muted"], "linestyle": "--"},
    )
    for (label, y), style in zip(curves.items(), cycle(styles), strict=False):
        ax.plot(x, y, label=label, **style)
    ax.set_xlabel("input")
    ax.set_ylabel("output")
    ax.legend(loc="upper left")
    return ax


def plot_encoder_blocks():
    """Draws the usual pre-norm block beside the one of CCT's authors.

    Returns:
        The figure: the residual stream runs upwards, its branches leave it to
        the right and come back to be added.
    """
    fig, (left, right) = new_figure(
        "column", 4.3, columns=2, FigureClass=Diagram
    )
    for ax, title in ((left, "Pre-norm"), (right, "CCT's authors")):
        ax.set(xlim=(0, 10), ylim=(0, 20.5), title=title)
        ax.set_axis_off()
        draw_arrow(ax, (2.4, 0), (2.4, 20.2), COLORS["ink"], 3)
    _branch(left, 1.2, ("norm 1", "attention"), 8.4)
    _branch(left, 10.6, ("norm 2", "MLP"), 17.8)
    _branch(right, 1.2, ("norm 1", "attention"), 8.4)
    _box(right, 2.4, 11.3, "norm 2", edge=COLORS["highlight"])
    _branch(right, 13.2, ("MLP",), 17.8)
    right.annotate(
        "overwrites\nthe stream",
        (4.4, 11.3),
        (5.2, 11.3),
        color=COLORS["highlight"],
        va="center",
    )
    left.text(2.0, 9.5, "stream", rotation=90, ha="right", va="center")
    return fig


BOX_COLORS = {"norm": "norm", "attention": "attention", "MLP": "mlp"}


def _branch(ax, start, names, end):
    """Draws a branch: out of the stream, through boxes, added back."""
    line = {"color": COLORS["muted"], "lw": 1.6, "solid_capstyle": "round"}
    ax.plot([2.4, 7, 7], [start, start, end], zorder=1, **line)
    draw_arrow(ax, (7, end), (2.95, end), COLORS["muted"], 1.6)
    steps = np.linspace(start, end, len(names) + 2)[1:-1]
    for y, name in zip(steps, names, strict=True):
        _box(ax, 7, y, name)
    ax.plot(
        2.4, end, "o", ms=15, mfc="white", mec=COLORS["ink"], mew=1.4, zorder=4
    )
    ax.text(2.4, end - 0.05, "+", ha="center", va="center", size=13, zorder=5)


def _box(ax, x, y, name, edge="none"):
    """Draws a named box centered at a point."""
    color = COLORS[BOX_COLORS[name.split()[0]]]
    ax.add_patch(
        FancyBboxPatch(
            (x - 1.75, y - 0.75),
            3.5,
            1.5,
            boxstyle="round,pad=0.1,rounding_size=0.4",
            facecolor=color,
            edgecolor=edge,
            linewidth=2.2,
            zorder=3,
        )
    )
    dark = name == "MLP"
    ax.text(
        x,
        y - 0.05,
        name,
        color=COLORS["ink"] if dark else "white",
        ha="center",
        va="center",
        weight="bold",
        zorder=4,
    )


def plot_stream(steps, *, ax=None):
    """Draws the residual stream's length, and what each step does to it.

    Args:
        steps: list of `(name, length, added)` in the order of computation:
            the stream's length after the step, and the length of what was
            added, or None where nothing was.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes: one row for each step, the first on top.
    """
    if ax is None:
        _, ax = new_figure("column", 0.36 * len(steps) + 0.9)
    names, lengths, added = zip(*steps, strict=True)
    y = np.arange(len(steps))
    for row, name, size in zip(y, names, added, strict=True):
        if size is not None:
            kind = "attention" if "attention" in name else "mlp"
            ax.barh(row, size, 0.6, color=COLORS[kind])
            ax.text(
                size,
                row,
                f"+{size:.1f} ",
                color="white" if kind == "attention" else COLORS["ink"],
                ha="right",
                va="center",
            )
    ax.plot(lengths, y, color=COLORS["ink"], marker="o", label="stream")
    gap = 0.03 * max(lengths)
    for row, length in zip(y, lengths, strict=True):
        # A line that leaves the dot far to the right would cross the label.
        reach = max(lengths[max(0, row - 1) : row + 2]) - length
        side = -1 if reach > 5 * gap else 1
        ax.text(
            length + side * gap,
            row,
            f"{length:.1f}",
            ha="left" if side > 0 else "right",
            va="center",
        )
    ax.barh(0, 0, color=COLORS["attention"], label="added by attention")
    ax.barh(0, 0, color=COLORS["mlp"], label="added by the MLP")
    ax.set_yticks(y, names)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.15 * max(lengths))
    ax.set_xlabel("mean length of a token's vector")
    ax.figure.legend(loc="outside upper center", ncols=3)
    return ax
