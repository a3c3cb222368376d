"""Figures of chapter 1: patches, windows, receptive fields, feature maps."""

import numpy as np
from matplotlib.patches import Polygon, Rectangle
from matplotlib.patheffects import Normal, Stroke

from cct_utils.plots.style import COLORS, SEQUENTIAL, WIDTHS, new_figure


def plot_patches(image, patch_size, *, gap=2):
    """Draws an image under a grid, and beside it the patches pulled apart.

    Args:
        image: uint8 array `(height, width, 3)`.
        patch_size: side of a patch, a divisor of height and width.
        gap: white pixels between the patches.

    Returns:
        The figure.

    Raises:
        ValueError: if the patches do not fit the image.
    """
    height, width = image.shape[:2]
    if height % patch_size or width % patch_size:
        raise ValueError(
            "`patch_size` must divide the image's height and width. Received: "
            f"patch_size={patch_size}, an image of {height} x {width} pixels"
        )
    rows, columns = height // patch_size, width // patch_size
    step = patch_size + gap
    apart = np.full((rows * step - gap, columns * step - gap, 3), 255, "uint8")
    for i in range(rows):
        for j in range(columns):
            apart[
                i * step : i * step + patch_size,
                j * step : j * step + patch_size,
            ] = image[
                i * patch_size : (i + 1) * patch_size,
                j * patch_size : (j + 1) * patch_size,
            ]
    fig, (left, right) = new_figure("column", 2.95, columns=2)
    left.imshow(image)
    for i in range(1, rows):
        left.axhline(i * patch_size - 0.5, color="white", linewidth=0.8)
    for j in range(1, columns):
        left.axvline(j * patch_size - 0.5, color="white", linewidth=0.8)
    left.set_title(f"{height} × {width} pixels")
    right.imshow(apart)
    right.set_title(f"{rows} × {columns} patches")
    for ax in (left, right):
        ax.axis("off")
    return fig


def plot_shift_change(changes, *, ax=None):
    """Draws how much the tokens change when the image moves.

    Args:
        changes: dict from a name to the changes for shifts of 0, 1, 2, …
            pixels. Names that begin with "patches" have the color of ViT,
            all others that of CCT.
        ax: the axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("column", 3.0)
    draw_by_tokenizer(ax, changes)
    ax.set_xlabel("shift of the image (pixels)")
    ax.set_ylabel("change of the tokens\n(1 − correlation)")
    # Above the lines there is room for their names.
    ax.set_ylim(0, 1.3 * max(map(max, changes.values())))
    ax.grid(axis="y")
    ax.legend(ncols=2, loc="upper left")
    return ax


def draw_by_tokenizer(ax, lines):
    """Draws lines over 0, 1, 2, …, in the color of their tokenizer.

    Args:
        ax: the axes to draw on.
        lines: dict from a name to numbers, all with as many. Names that begin
            with "patches" have the color of ViT, all others that of CCT.
    """
    styles = {"vit": iter(("-", "--", ":")), "cct": iter(("-", "--", ":"))}
    for name, values in lines.items():
        model = "vit" if name.startswith("patches") else "cct"
        ax.plot(
            np.arange(len(values)),
            values,
            next(styles[model]),
            marker="o",
            markersize=5,
            color=COLORS[model],
            label=name,
        )
    ax.set_xticks(np.arange(len(values)))


def plot_windows(levels, windows, *, highlight=None, ax=None):
    """Draws rows of numbers, each made from windows over the row below it.

    Args:
        levels: dict from a row's name to its numbers, the input first.
        windows: `(kernel, stride, padding)` of each row but the first.
        highlight: index in the last row of the number whose receptive field
            is marked down to the input; the middle one if None.
        ax: the axes to draw on; new ones if None.

    Returns:
        The axes.

    Raises:
        ValueError: if there is not one window for each row but the first.
    """
    if len(windows) != len(levels) - 1:
        raise ValueError(
            "There must be one window for each row but the first. Received: "
            f"{len(levels)} rows, {len(windows)} windows"
        )
    if ax is None:
        _, ax = new_figure("column", 0.8 * len(levels))
    rows = [np.asarray(row) for row in levels.values()]
    # A number stands above the middle of its window.
    places = [np.arange(len(rows[0]), dtype=float)]
    for kernel, stride, padding in windows:
        first = places[-1][0] - padding * _pace(places[-1])
        center = first + (kernel - 1) / 2 * _pace(places[-1])
        index = np.arange(len(rows[len(places)]))
        places.append(center + index * stride * _pace(places[-1]))

    last = len(rows[-1]) // 2 if highlight is None else highlight
    marked = _marked_ranges(last, windows)
    for level, (name, row) in enumerate(zip(levels, rows, strict=True)):
        pace = _pace(places[level])
        padding = windows[level][2] if level < len(windows) else 0
        low, high = marked[level]
        for i in range(-padding, len(row) + padding):
            is_zero = not 0 <= i < len(row)
            _draw_number(
                ax,
                places[level][0] + i * pace,
                level,
                "0" if is_zero else f"{row[i]:g}".replace("-", "−"),
                is_zero,
                low <= i <= high,
            )
        ax.text(
            places[0][0] - 1.8,
            level,
            name,
            ha="right",
            va="center",
            color=COLORS["ink"],
        )
        if level:
            _draw_cone(ax, places[level - 1], marked[level - 1], level)
    ax.set_xlim(places[0][0] - 4.4, places[0][-1] + 1.5)
    ax.set_ylim(-0.45, len(rows) - 0.55)
    ax.axis("off")
    return ax


def _pace(places):
    """Returns the distance between neighbors of a row."""
    return places[1] - places[0] if len(places) > 1 else 1.0


def _marked_ranges(index, windows):
    """Returns, from the input up, the range of indices one output sees."""
    ranges = [(index, index)]
    for kernel, stride, padding in reversed(windows):
        low, high = ranges[0]
        ranges.insert(
            0, (low * stride - padding, high * stride - padding + kernel - 1)
        )
    return ranges


def _draw_number(ax, x, y, text, is_zero, is_marked):
    """Draws one number in its square; dashed if it is padding."""
    ax.add_patch(
        Rectangle(
            (x - 0.38, y - 0.27),
            0.76,
            0.54,
            facecolor="#FCE5D6" if is_marked else "white",
            edgecolor=COLORS["highlight"] if is_marked else COLORS["muted"],
            linestyle=(0, (2, 2)) if is_zero else "-",
            linewidth=1.2,
        )
    )
    color = COLORS["muted"] if is_zero else COLORS["ink"]
    ax.text(x, y, text, ha="center", va="center", color=color)


def _draw_cone(ax, below, marked, level):
    """Draws the shadow between a marked number and its window below."""
    low, high = (below[0] + i * _pace(below) for i in marked)
    middle = (low + high) / 2
    ax.add_patch(
        Polygon(
            [
                (low - 0.38, level - 0.73),
                (high + 0.38, level - 0.73),
                (middle + 0.38, level - 0.27),
                (middle - 0.38, level - 0.27),
            ],
            color=COLORS["highlight"],
            alpha=0.12,
            linewidth=0,
        )
    )


def plot_receptive_fields(image, windows, measured):
    """Draws on an image what a token sees after each step, and the proof.

    Args:
        image: uint8 array `(height, width, 3)`.
        windows: dict from a step's name to `(top, left, size)` in pixels.
        measured: array `(height, width)`, how strongly each pixel moves the
            token, zero for those it does not see.

    Returns:
        The figure.
    """
    fig, (left, right) = new_figure("column", 3.0, columns=2)
    left.imshow(image)
    for name, window in windows.items():
        _frame(left, window, "white", 1.4)
        top, start, size = window
        on_right = name.startswith("conv")
        left.text(
            start + size if on_right else start - 1,
            top - 0.4,
            f"{name}: {size}",
            color="white",
            ha="left" if on_right else "right",
            va="center",
            size=9,
            bbox=dict(
                boxstyle="square,pad=0.15",
                facecolor=COLORS["ink"],
                alpha=0.75,
                linewidth=0,
            ),
        )
    left.set_title("by the recurrence")
    shown = np.ma.masked_equal(measured, 0)
    right.imshow(shown, cmap=SEQUENTIAL)
    _frame(right, list(windows.values())[-1], COLORS["highlight"], 2.0)
    right.set_title("by the gradient")
    for ax in (left, right):
        ax.set_xlim(-0.5, image.shape[1] - 0.5)
        ax.set_ylim(image.shape[0] - 0.5, -0.5)
        ax.set_xticks([])
        ax.set_yticks([])
    for side in ("top", "right"):
        right.spines[side].set_visible(True)
    return fig


def _frame(ax, window, color, linewidth):
    """Draws a window's frame around its pixels, seen on any ground."""
    top, left, size = window
    ax.add_patch(
        Rectangle(
            (left - 0.5, top - 0.5),
            size,
            size,
            fill=False,
            edgecolor=color,
            linewidth=linewidth,
            path_effects=[
                Stroke(linewidth=linewidth + 2, foreground=COLORS["ink"]),
                Normal(),
            ],
        )
    )


def plot_feature_maps(image, maps, *, columns=4):
    """Draws an image and some channels of the maps made from it.

    Args:
        image: array `(height, width, 3)`, drawn first.
        maps: dict from a stage's name to its maps `(rows, cols, channels)`;
            the channels that vary most over the image are shown.
        columns: channels for each stage.

    Returns:
        The figure.
    """
    fig, axes = new_figure(
        "column",
        len(maps) * (WIDTHS["column"] / (columns + 1) + 0.2),
        columns=columns + 1,
        rows=len(maps),
        squeeze=False,
    )
    for ax in axes.flat:
        ax.axis("off")
    axes[0, 0].imshow(image)
    axes[0, 0].set_title("image")
    for row, (name, stage) in zip(axes, maps.items(), strict=True):
        stage = np.asarray(stage)
        liveliest = np.argsort(-stage.std((0, 1)))[:columns]
        for ax, channel in zip(row[1:], liveliest, strict=False):
            ax.imshow(stage[..., channel], cmap=SEQUENTIAL, vmin=0)
        row[1].set_title(name)
    return fig


def plot_costs(costs, *, unit=1e6, ax=None):
    """Draws what parts of several models cost, as stacked bars.

    Args:
        costs: dict from a model's name to a dict from a part to its cost;
            the sum of all parts stands beside the bar.
        unit: the cost that is drawn as 1: 1e6 for millions.
        ax: the axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("column", 0.62 * len(costs) + 1.25)
    colors = {
        "tokenizer": COLORS["conv"],
        "attention projections": COLORS["pool"],
        "attention products": COLORS["attention"],
        "mlp": COLORS["mlp"],
    }
    labeled = set()
    for i, parts in enumerate(costs.values()):
        start = 0.0
        for part, color in colors.items():
            ax.barh(
                i,
                parts[part] / unit,
                left=start,
                height=0.62,
                color=color,
                label=None if part in labeled else part.replace("mlp", "MLP"),
            )
            labeled.add(part)
            start += parts[part] / unit
        total = sum(parts.values()) / unit
        ax.text(start, i, f" {total:,.0f}", va="center")
    ax.set_yticks(range(len(costs)), list(costs))
    ax.tick_params(axis="y", length=0, labelcolor=COLORS["ink"])
    ax.invert_yaxis()
    ax.set_xlabel("multiply-adds for one image (millions)")
    ax.margins(x=0.1)
    ax.legend(
        ncols=2, loc="lower center", bbox_to_anchor=(0.45, 1.0), frameon=False
    )
    return ax
