"""Figures of chapter 2: tables of positions, similarities, what leaks."""

import numpy as np
from matplotlib.collections import LineCollection

from cct_utils.plots.style import (
    COLORS,
    DIVERGING,
    SEQUENTIAL,
    WIDTHS,
    new_figure,
)
from cct_utils.plots.tokens import draw_by_tokenizer


def plot_position_tables(tables):
    """Draws tables of positions, one row of numbers for each token.

    Args:
        tables: dict from a name to an array `(tokens, dim)`.

    Returns:
        The figure.
    """
    fig, axes = new_figure("column", 2.4, columns=len(tables), squeeze=False)
    for ax, (name, table) in zip(axes[0], tables.items(), strict=True):
        table = np.asarray(table)
        limit = np.abs(table).max()
        drawn = ax.imshow(
            table,
            cmap=DIVERGING,
            vmin=-limit,
            vmax=limit,
            aspect="auto",
        )
        ax.set_title(name)
        ax.set_xlabel("channel")
        ax.set_yticks(np.arange(0, len(table), 16))
        fig.colorbar(drawn, ax=ax, shrink=0.9)
    axes[0, 0].set_ylabel("position of the token")
    return fig


def plot_similarity_maps(similarities, grid):
    """Draws, for each token of the grid, how near all positions are to it.

    Args:
        similarities: dict from a name to an array `(tokens, tokens)` of
            cosine similarities.
        grid: `(rows, columns)` of the tokens.

    Returns:
        The figure: one mosaic for each name; its tile at row r, column c is
        the map of the token there.

    Raises:
        ValueError: if the grid does not have as many places as an array.
    """
    rows, columns = grid
    fig, axes = new_figure(
        "column", 3.4, columns=len(similarities), squeeze=False
    )
    for ax, (name, table) in zip(axes[0], similarities.items(), strict=True):
        table = np.asarray(table, "float64").copy()
        if len(table) != rows * columns:
            raise ValueError(
                f"A grid of {rows} x {columns} must have as many places as "
                f"there are tokens. Received: {len(table)} tokens"
            )
        np.fill_diagonal(table, np.nan)  # 1 by definition: it hides the rest
        drawn = ax.imshow(
            _mosaic(table, rows, columns), cmap=DIVERGING, vmin=-1, vmax=1
        )
        ax.set_title(name)
        middle = (columns - 1) / 2
        ax.set_xticks(np.arange(columns) * (columns + 1) + middle)
        ax.set_xticklabels(range(columns))
        middle = (rows - 1) / 2
        ax.set_yticks(np.arange(rows) * (rows + 1) + middle)
        ax.set_yticklabels(range(rows))
        ax.tick_params(length=0)
        ax.set_xlabel("column of the token")
        ax.spines[:].set_visible(False)
    axes[0, 0].set_ylabel("row of the token")
    fig.colorbar(
        drawn,
        ax=list(axes[0]),
        location="bottom",
        label="cosine similarity",
        shrink=0.6,
        aspect=35,
        ticks=[-1, -0.5, 0, 0.5, 1],
    )
    return fig


def _mosaic(table, rows, columns):
    """Returns the maps of all tokens side by side, with gaps of NaN."""
    mosaic = np.full(
        (rows * (rows + 1) - 1, columns * (columns + 1) - 1), np.nan
    )
    for index, similarity in enumerate(table):
        top = index // columns * (rows + 1)
        left = index % columns * (columns + 1)
        mosaic[top : top + rows, left : left + columns] = similarity.reshape(
            rows, columns
        )
    return mosaic


def plot_similarity_by_distance(similarities):
    """Draws how similar positions are that lie some steps apart.

    Args:
        similarities: dict from a table's name to a dict from a direction
            ("along the row", "along the column") to the mean similarities at
            distances 1, 2, …

    Returns:
        The figure.
    """
    fig, axes = new_figure(
        "column", 2.8, columns=len(similarities), sharey=True, squeeze=False
    )
    for ax, (name, lines) in zip(axes[0], similarities.items(), strict=True):
        for (direction, values), style in zip(
            lines.items(), ("-o", "--s"), strict=True
        ):
            ax.plot(
                np.arange(1, len(values) + 1),
                values,
                style,
                markersize=4.5,
                label=direction,
            )
        ax.axhline(0, color=COLORS["muted"], linewidth=0.8)
        ax.set_title(name)
        ax.set_xticks(np.arange(1, len(values) + 1))
        ax.set_xlabel("distance (tokens)")
    axes[0, 0].set_ylabel("cosine similarity")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=2)
    return fig


def plot_token_kinds(kinds):
    """Draws which tokens of a grid are equal, and how many they are.

    Tokens of one kind form a block, set off from all others by white lines
    and colored by its size.

    Args:
        kinds: dict from a name to an integer array `(rows, columns)`: equal
            tokens have equal numbers.

    Returns:
        The figure: on each kind, once, the number of its tokens.
    """
    fig, axes = new_figure("column", 2.9, columns=len(kinds), squeeze=False)
    for ax, (name, labels) in zip(axes[0], kinds.items(), strict=True):
        labels = np.asarray(labels)
        values, inverse, counts = np.unique(
            labels, return_inverse=True, return_counts=True
        )
        # From a single token to a whole grid, by equal factors.
        size = np.log2(counts) / max(1, np.log2(labels.size))
        ax.imshow(
            size[inverse].reshape(labels.shape),
            cmap=SEQUENTIAL,
            vmin=0,
            vmax=1,
        )
        _draw_borders(ax, labels)
        for value, count, share in zip(values, counts, size, strict=True):
            row, column = _middle(np.argwhere(labels == value))
            ax.text(
                column,
                row,
                count,
                ha="center",
                va="center_baseline",
                size=13,
                color="white" if share < 0.55 else COLORS["ink"],
            )
        noun = "kind" if len(values) == 1 else "kinds"
        ax.set_title(f"{name}: {len(values)} {noun}")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
    return fig


def _draw_borders(ax, labels):
    """Draws lines between cells: faint within a kind, strong between two."""
    rows, columns = labels.shape
    within, between = [], []
    for (row, column), kind in np.ndenumerate(labels):
        y, x = row + 0.5, column + 0.5
        if row + 1 < rows:
            is_same = labels[row + 1, column] == kind
            edge = (x - 1, y), (x, y)
            (within if is_same else between).append(edge)
        if column + 1 < columns:
            is_same = labels[row, column + 1] == kind
            edge = (x, y - 1), (x, y)
            (within if is_same else between).append(edge)
    style = {"color": "white", "capstyle": "projecting"}
    ax.add_collection(LineCollection(within, lw=0.6, alpha=0.4, **style))
    ax.add_collection(LineCollection(between, lw=4, **style))


def _middle(places):
    """Returns the middle of a rectangle of cells, else the middle cell."""
    middle = places.mean(axis=0)
    if len(places) == np.prod(np.ptp(places, axis=0) + 1):
        return middle
    return places[np.argmin(np.linalg.norm(places - middle, axis=1))]


def plot_probe(predictions, *, ax=None):
    """Draws where a probe believes tokens to be, against where they are.

    Args:
        predictions: dict from a name to the mean predicted row for each true
            row. Names that begin with "patches" have the color of ViT, all
            others that of CCT.
        ax: the axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("column", 3.2)
    draw_by_tokenizer(ax, predictions)
    last = len(next(iter(predictions.values()))) - 1
    ends = (0, last)
    ax.plot(ends, ends, color=COLORS["muted"], linewidth=1, label="perfect")
    ax.set_yticks(np.arange(last + 1))
    ax.set_xlabel("row of the token")
    ax.set_ylabel("row that the probe reads")
    ax.legend()
    return ax


def plot_resized_table(tables):
    """Draws the main directions of position embeddings on their grids.

    Args:
        tables: dict from a title to an array `(rows, columns, components)` of
            signed numbers; all with as many components.

    Returns:
        The figure: a row for each component, a column for each table.
    """
    maps = [np.asarray(table) for table in tables.values()]
    components = maps[0].shape[-1]
    cell = WIDTHS["column"] / len(maps)
    fig, axes = new_figure(
        "column",
        components * cell * 0.92 + 0.25,
        columns=len(maps),
        rows=components,
        squeeze=False,
    )
    for i, row in enumerate(axes):
        limit = max(np.abs(table[..., i]).max() for table in maps)
        for ax, title, table in zip(row, tables, maps, strict=True):
            ax.imshow(table[..., i], cmap=DIVERGING, vmin=-limit, vmax=limit)
            ax.set_xticks([])
            ax.set_yticks([])
            if i == 0:
                ax.set_title(title)
    return fig
