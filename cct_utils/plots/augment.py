"""Figures about data: images in named rows, pixels, shifts, soft labels."""

import matplotlib as mpl
import numpy as np

from cct_utils.plots.style import COLORS, WIDTHS, new_figure, write_beside

CHANNELS = {"red": "#C23B3B", "green": "#2E8B57", "blue": "#3B6FC2"}
GAP = 0.05  # inches between images
LINE = 0.19  # inches for one line of text


def plot_image_rows(rows, titles=None, *, captions=None, width="column"):
    """Draws rows of images, each row under its title.

    Args:
        rows: list of rows, each a list or array of images `(height, width[,
            3])`: pixels 0..255 as integers, or values 0..1, clipped.
        titles: one short text for each row, or None.
        captions: one list of texts for each row, drawn below its images; the
            texts may have several lines. Or None.
        width: a name of `WIDTHS`.

    Returns:
        The figure.

    Raises:
        ValueError: if titles or captions do not fit the rows.
    """
    _check_count("titles", titles, rows)
    _check_count("captions", captions, rows)
    columns = max(len(row) for row in rows)
    cell = (WIDTHS[width] - 0.1) / columns
    above = LINE + 0.06 if titles is not None else 0
    below = [_lines(texts) * LINE for texts in captions or [[]] * len(rows)]
    height = sum(cell + above + room + GAP for room in below)
    fig, ax = new_figure(width, height + 0.05)
    small = mpl.rcParams["xtick.labelsize"]
    y = 0.0
    for i, row in enumerate(rows):
        if titles is not None:
            ax.text(0, y - above / 2, titles[i], va="center", weight="bold")
        y -= above
        for j, image in enumerate(row):
            image = np.asarray(image)
            top = 255 if np.issubdtype(image.dtype, np.integer) else 1
            left, right = j * cell, (j + 1) * cell - GAP
            ax.imshow(
                np.clip(image, 0, top) / top,
                extent=(left, right, y - cell + GAP, y),
                vmin=0,
                vmax=1,
                cmap="gray",
            )
            if captions is not None:
                ax.text(
                    (left + right) / 2,
                    y - cell + GAP / 2,
                    captions[i][j],
                    ha="center",
                    va="top",
                    size=small,
                )
        y -= cell + GAP + below[i]
    ax.set(xlim=(0, columns * cell), ylim=(y, 0), aspect="equal")
    ax.axis("off")
    return fig


def _check_count(name, texts, rows):
    """Raises if there is not one entry for each row."""
    if texts is not None and len(texts) != len(rows):
        raise ValueError(
            f"There must be one entry of `{name}` for each of the "
            f"{len(rows)} rows. Received: {len(texts)}"
        )


def _lines(texts):
    """Returns how many lines the tallest text has."""
    return max((text.count("\n") + 1 for text in texts), default=0)


def plot_classes(images, labels, class_names, *, per_side=3, width="column"):
    """Draws the first images of each class as squares of small images.

    Args:
        images: array `(n, height, width[, 3])`.
        labels: integer array `(n,)`.
        class_names: one name for each class.
        per_side: images along each side of a square.
        width: a name of `WIDTHS`.

    Returns:
        The figure, five classes in a row.
    """
    squares = []
    for label in range(len(class_names)):
        chosen = images[np.flatnonzero(labels == label)[: per_side**2]]
        blank = np.full(images.shape[1:], 255, images.dtype)
        chosen = [*chosen, *[blank] * (per_side**2 - len(chosen))]
        lines = np.split(np.array(chosen), per_side)
        squares.append(np.vstack([np.hstack(line) for line in lines]))
    starts = range(0, len(squares), 5)
    return plot_image_rows(
        [squares[i : i + 5] for i in starts],
        captions=[class_names[i : i + 5] for i in starts],
        width=width,
    )


def plot_pixel_histograms(before, after):
    """Draws how often each value occurs in each color channel.

    Args:
        before: images `(n, height, width, 3)` on one scale.
        after: the same images on another scale.

    Returns:
        The figure, one panel for each scale.
    """
    fig, axes = new_figure("column", 2.5, columns=2)
    titles = ("before: pixels", "after: normalized values")
    for ax, images, title in zip(axes, (before, after), titles, strict=True):
        for channel, (name, color) in enumerate(CHANNELS.items()):
            values = np.asarray(images)[..., channel].ravel()
            share, edges = np.histogram(values, bins=32)
            share = 100 * share / len(values)
            ax.stairs(share, edges, color=color, label=name)
            ax.axvline(values.mean(), color=color, linestyle=":")
        ax.set(title=title, xlabel="value", yticks=[])
        ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    axes[0].set_ylabel("share of pixels")
    axes[0].legend(loc="upper right", handlelength=1, labelspacing=0.2)
    return fig


def plot_shift_shares(shifts, padding, *, ax=None):
    """Draws how often each shift was drawn, along both axes of the image.

    Args:
        shifts: integer array `(n, 2)`, down and right, in pixels.
        padding: the largest shift.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("narrow", 2.4)
    values = np.arange(-padding, padding + 1)
    names = ("down", "to the right")
    colors = (COLORS["cct"], COLORS["pool"])
    for axis, (name, color) in enumerate(zip(names, colors, strict=True)):
        share = [100 * np.mean(shifts[:, axis] == value) for value in values]
        offset = (axis - 0.5) * 0.4
        ax.bar(values + offset, share, 0.38, color=color, label=name)
    even = 100 / len(values)
    ax.axhline(even, color=COLORS["ink"], linestyle="--", linewidth=1)
    ax.annotate(
        f"equal shares: {even:.1f} %",
        (values[-1] + 0.5, even),
        (0, 9),
        textcoords="offset points",
        ha="right",
    )
    ax.set(
        xlabel="shift (pixels)",
        ylabel="share of images (%)",
        xticks=values,
        ylim=(0, 1.75 * even),
    )
    ax.legend(ncols=2, loc="upper left", handlelength=1)
    return ax


def plot_selection_bias(num_models, bias, truth, *, ax=None):
    """Draws how far the best of many equal models seems above the truth.

    Args:
        num_models: array `(k,)`, how many models were compared.
        bias: dict from the number of images used to compare them to an array
            `(k,)` of mean surpluses, in percentage points.
        truth: the accuracy that all of the models have, as a share of 1.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("narrow", 3.0)
    shades = mpl.colormaps["Blues"](np.linspace(0.95, 0.5, len(bias)))
    for (num_images, surplus), color in zip(bias.items(), shades, strict=True):
        ax.plot(num_models, surplus, color=color, marker="o", markersize=4)
        write_beside(
            ax,
            f"{num_images:,} images",
            (num_models[-1], surplus[-1]),
            gap=6,
        )
    ax.axhline(0, color=COLORS["muted"], linewidth=1)
    ax.set(
        xscale="log",
        xlabel="models compared",
        ylabel="surplus of the best (points)",
        title=f"true accuracy of all: {truth:.0%}",
    )
    ticks = [k for k in num_models if str(k)[0] == "1" and k % 10 in (0, 1)]
    ax.set_xticks(ticks, [str(k) for k in ticks])
    ax.minorticks_off()
    ax.set_xlim(num_models[0] * 0.85, num_models[-1] * 9)
    return ax


def plot_smoothed_loss(lead, losses, best_lead, *, ax=None):
    """Draws the loss against the lead of the true class's logit.

    Args:
        lead: array `(n,)`, true logit minus each other logit.
        losses: dict from the share that is smoothed to an array `(n,)`.
        best_lead: lead at which the smoothed loss is smallest.
        ax: axes to draw on; new ones if None.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = new_figure("narrow", 2.6)
    colors = (COLORS["train"], COLORS["highlight"])
    for (share, loss), color in zip(losses.items(), colors, strict=True):
        name = f"label smoothing {share:g}" if share else "hard labels"
        ax.plot(lead, loss, color=color, label=name)
    floor = np.interp(best_lead, lead, loss)
    ax.plot(best_lead, floor, "o", color=colors[1])
    ax.annotate(
        f"{floor:.2f} at {best_lead:.1f}",
        (best_lead, floor),
        (0, -6),
        textcoords="offset points",
        ha="left",
        va="top",
    )
    ax.set(
        xlabel="lead of the true class's logit",
        ylabel="loss (nats)",
        ylim=(0, None),
    )
    ax.legend()
    return ax
