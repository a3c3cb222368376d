"""Figures of sequence pooling: who speaks, how loudly, and for what."""

import math

import numpy as np

from cct_utils._choices import check_choice
from cct_utils.plots.style import (
    COLORS,
    DIVERGING,
    SEQUENTIAL,
    WIDTHS,
    Diagram,
    draw_arrow,
    new_figure,
)


def plot_speakers(names, weights):
    """Draws three ways from tokens to one vector: who speaks for the image.

    Args:
        names: a short name for each token.
        weights: for sequence pooling, one weight from 0 to 1 for each token;
            an arrow is as thick as its token is loud.

    Returns:
        The figure: class token, average, sequence pooling.

    Raises:
        ValueError: if there is not one weight for each token.
    """
    _check_count("weights", weights, len(names))
    fig, axes = new_figure("column", 2.9, columns=3, FigureClass=Diagram)
    titles = ("Class token", "Average", "Sequence pooling")
    for ax, title in zip(axes, titles, strict=True):
        ax.set(xlim=(-0.6, 3.6), ylim=(-1.6, 3.4), title=title)
        ax.set_axis_off()
        _rounded_box(ax, 1.5, 3, "z", COLORS["pool"], "white")
    first, *others = axes
    places = np.linspace(0.25, 2.75, len(names))
    for ax, shares in zip(
        others, ([1 / len(names)] * len(names), weights), strict=True
    ):
        for x, name, share in zip(places, names, shares, strict=True):
            _rounded_box(ax, x, 0, name, COLORS["dropped"], COLORS["ink"])
            _voice(ax, (x, 0.36), (1.5 + 0.3 * (x - 1.5), 2.6), 7 * share)
            ax.text(x, -0.85, f"{share:.2f}", ha="center", size=11)
    places = np.linspace(1.05, 3.35, len(names))
    for x, name in zip(places, names, strict=True):
        _rounded_box(first, x, 0, name, COLORS["dropped"], COLORS["ink"])
        draw_arrow(
            first,
            (x, -0.36),
            (-0.2, -0.36),
            COLORS["attention"],
            1.2,
            head=10,
            connectionstyle="arc3,rad=-0.4",
            linestyle="--",
        )
    _rounded_box(first, -0.2, 0, "class", COLORS["attention"], "white")
    _voice(first, (-0.2, 0.36), (1.1, 2.6), 7)
    first.text(1.4, -1.45, "listens, in each block", ha="center", size=11)
    return fig


def _rounded_box(ax, x, y, text, color, ink):
    """Draws a small box with a word in it, centered at a point."""
    ax.text(
        x,
        y,
        text,
        color=ink,
        size=11,
        ha="center",
        va="center",
        bbox={
            "boxstyle": "round,pad=0.35",
            "facecolor": color,
            "edgecolor": "none",
        },
    )


def _voice(ax, start, end, width):
    """Draws what a token says: an arrow, its head in keeping with its width."""
    draw_arrow(ax, start, end, COLORS["pool"], width, head=8 + 1.5 * width)


def plot_weight_scale(weights, titles):
    """Draws the pooling weights of a few tokens, one panel for each kernel.

    Args:
        weights: array `(panels, tokens)` of weights from 0 to 1.
        titles: one title for each panel.

    Returns:
        The figure.

    Raises:
        ValueError: if there are not as many titles as rows of weights.
    """
    weights = np.asarray(weights)
    _check_count("titles", titles, len(weights))
    fig, axes = new_figure(
        "column", 2.1, columns=len(weights), sharey=True, squeeze=False
    )
    names = [str(i + 1) for i in range(weights.shape[1])]
    for ax, row, title in zip(axes.flat, weights, titles, strict=True):
        bars = ax.bar(names, row, color=COLORS["pool"], width=0.7)
        ax.bar_label(bars, fmt="%.2f", padding=2)
        ax.set_title(title)
        ax.set(xlabel="token", ylim=(0, 1.15), yticks=[0, 0.5, 1])
    axes.flat[0].set_ylabel("pooling weight")
    return fig


def plot_pooling_weights(images, weights, titles=None, *, columns=4):
    """Draws images, and under each the weights that its tokens get.

    The weights of all images share one color bar, in units of the weight that
    an average would give to each token.

    Args:
        images: uint8 array `(n, height, width, 3)`.
        weights: array `(n, tokens)`; each row sums to 1 and belongs to a
            square grid of tokens.
        titles: one short text for each image, or None.
        columns: images side by side.

    Returns:
        The figure.

    Raises:
        ValueError: if the numbers of images, weights and titles differ or
            the tokens form no square grid.
    """
    weights = np.asarray(weights)
    _check_count("images", images, len(weights))
    if titles is not None:
        _check_count("titles", titles, len(weights))
    loudness = weights * weights.shape[1]  # 1 is what an average would give
    height, width = images[0].shape[:2]
    columns = min(columns, len(weights))
    rows = -(-len(weights) // columns)
    fig, axes = new_figure(
        "column",
        rows * (2 * WIDTHS["column"] / columns + 0.15) + 0.5,
        columns=columns,
        rows=2 * rows,
        squeeze=False,
    )
    for ax in axes.flat:
        ax.axis("off")
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        above, below = axes[2 * row, column], axes[2 * row + 1, column]
        above.imshow(image)
        if titles is not None:
            above.set_title(titles[i], loc="center", weight="normal")
        gray = np.asarray(image).mean(axis=-1)
        below.imshow(gray, cmap="gray", vmin=0, vmax=255)
        overlay = below.imshow(
            _grid(loudness[i]),
            cmap=SEQUENTIAL,
            vmin=0,
            vmax=loudness.max(),
            alpha=0.72,
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        )
    bar = fig.colorbar(overlay, ax=axes, location="bottom", aspect=40)
    bar.set_label(f"weight, in units of an average's 1/{weights.shape[1]}")
    return fig


def plot_votes(image, weights, votes, name):
    """Draws how weights and votes make one logit: image, two factors, product.

    Args:
        image: uint8 array `(height, width, 3)`.
        weights: array `(tokens,)`, the pooling weights.
        votes: array `(tokens,)`, what each token alone would answer for the
            class.
        name: the name of the class.

    Returns:
        The figure.
    """
    weights, votes = np.asarray(weights), np.asarray(votes)
    product = weights * votes
    fig, axes = new_figure("column", 5.2, columns=2, rows=2)
    axes = axes.flatten()
    axes[0].imshow(image)
    axes[0].set_title("image")
    _map(axes[1], weights, "pooling weight", limits=(0, weights.max()))
    _map(axes[2], votes, f"vote for “{name}”", cmap=DIVERGING)
    _map(axes[3], product, f"product, sum {product.sum():.2f}", cmap=DIVERGING)
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return fig


def plot_gradient_maps(maps, columns, rows):
    """Draws the strength of the gradient at each token.

    Args:
        maps: array `(rows, columns, tokens)` of norms, from 0 up; each panel
            is shown as shares of its row's largest value.
        columns: one title for each column.
        rows: one label for each row.

    Returns:
        The figure.

    Raises:
        ValueError: if there are not as many titles and labels as maps.
    """
    maps = np.asarray(maps)
    _check_count("rows", rows, len(maps))
    _check_count("columns", columns, maps.shape[1])
    height = len(maps) * (WIDTHS["column"] / maps.shape[1] + 0.3) + 0.8
    fig, axes = new_figure(
        "column", height, columns=maps.shape[1], rows=len(maps), squeeze=False
    )
    for i, j in np.ndindex(maps.shape[:2]):
        ax, norms = axes[i, j], maps[i, j]
        shown = ax.imshow(
            _grid(norms / max(maps[i].max(), 1e-12)),
            cmap=SEQUENTIAL,
            vmin=0,
            vmax=1,
        )
        reached = np.count_nonzero(norms > 1e-3 * max(norms.max(), 1e-12))
        ax.set_xlabel(f"reaches {reached} of {norms.size}")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        if i == 0:
            ax.set_title(columns[j], loc="center")
        if j == 0:
            ax.set_ylabel(rows[i])
    bar = fig.colorbar(
        shown, ax=axes, location="bottom", aspect=40, ticks=[0, 0.5, 1]
    )
    bar.set_label("norm of the gradient, as a share of the row's largest")
    return fig


def plot_weights_and_skill(weights, accuracies):
    """Draws how loud each token is beside how often it is right alone.

    Args:
        weights: array `(tokens,)`, mean pooling weights, summing to 1.
        accuracies: array `(tokens,)`, from 0 to 1: how often the vote of one
            token alone names the right class.

    Returns:
        The figure.
    """
    fig, axes = new_figure("column", 2.7, columns=2)
    loudness = np.asarray(weights) * len(weights)
    _map(axes[0], loudness, "mean weight × tokens", limits=(0, loudness.max()))
    percent = 100 * np.asarray(accuracies)
    limits = (percent.min(), percent.max())
    _map(axes[1], percent, "right when alone (%)", limits=limits)
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return fig


def plot_readouts(accuracies, *, highlight, chance=None, ax=None):
    """Draws the accuracy of several ways to read the tokens out.

    Args:
        accuracies: dict from a label to an accuracy from 0 to 1.
        highlight: the label of the bar to be marked.
        chance: accuracy of guessing, or None.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.

    Raises:
        ValueError: if no bar has the label to be marked.
    """
    labels = list(accuracies)
    check_choice("highlight", highlight, labels)
    if ax is None:
        _, ax = new_figure("column", 0.7 + 0.38 * len(labels))
    percent = 100 * np.array([accuracies[label] for label in labels])
    colors = [
        COLORS["pool" if label == highlight else "dropped"] for label in labels
    ]
    bars = ax.barh(labels, percent, color=colors, height=0.7)
    ax.bar_label(bars, fmt="%.1f", padding=4)
    ax.invert_yaxis()
    ax.set(xlabel="accuracy (%)", xlim=(0, max(1.0, 1.15 * percent.max())))
    if chance is not None:
        ax.axvline(100 * chance, color=COLORS["ink"], linestyle=":")
    ax.tick_params(axis="y", length=0, labelcolor=COLORS["ink"])
    return ax


def _map(ax, values, title, cmap=SEQUENTIAL, limits=None):
    """Draws one value for each token, with its own small color bar."""
    if limits is None:  # signed values: zero is the middle of the colors
        bound = np.abs(values).max()
        limits = (-bound, bound)
    shown = ax.imshow(_grid(values), cmap=cmap, vmin=limits[0], vmax=limits[1])
    ax.set_title(title)
    ax.figure.colorbar(shown, ax=ax, shrink=0.9)


def _grid(values):
    """Returns the values of the tokens as the square image they came from."""
    side = math.isqrt(len(values))
    if side * side != len(values):
        raise ValueError(
            "The tokens must form a square grid to be drawn as one. "
            f"Received: {len(values)} tokens"
        )
    return np.reshape(values, (side, side))


def _check_count(name, items, expected):
    """Raises if there are not as many items as there should be."""
    if len(items) != expected:
        raise ValueError(
            f"`{name}` must have one entry for each of the {expected}. "
            f"Received: {len(items)}"
        )
