"""How the price of an image grows, as an inline drawing.

Both axes count in factors: equal steps are equal ratios, and a price that
grows like a power of the size is a straight line.
"""

import math
from html import escape

from curve_looks import color_style, look_of, polyline
from result_tables import model_name

WIDTH, HEIGHT = 440, 230
LEFT, RIGHT, TOP, BOTTOM = 50, 108, 14, 40
LABEL_HEIGHT = 15


def growth_figure(rows, axis, words):
    """The processor time per image of each model over one of its sizes.

    A model looks as in the figures; the second that looks so is dashed.

    Args:
        rows: the rows of a group of `benchmarks/speed.py`.
        axis: what grows: `"batch"`, `"image_size"` or `"layers"`.
        words: what the axis is called on the page.
    """
    lines = lines_of(rows, axis)
    points = [point for line in lines.values() for point in line]
    sizes = sorted({size for size, _ in points})
    prices = [price for _, price in points]
    marks = round_numbers(min(prices), max(prices))

    def x(size):
        share = math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(price):
        share = math.log(price / marks[0]) / math.log(marks[-1] / marks[0])
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" '
        f'y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">'
        f"{mark:,g}</text>"
        for mark in marks
    ]
    parts += [
        f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" '
        f'text-anchor="middle">{size}</text>'
        for size in sizes
    ]
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" '
        f'text-anchor="middle">{escape(words)}</text>'
    )
    places = apart([y(line[-1][1]) for line in lines.values()])
    looks = []
    for (model, line), place in zip(lines.items(), places, strict=True):
        look = look_of(model)
        style = "--" if look in looks else look[-1]
        looks.append(look)
        corners = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line)
        dots = "".join(
            f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3"/>' for a, b in line
        )
        parts.append(
            f'<g style="{color_style(look)}">{polyline(corners, style)}{dots}'
            f'<text x="{WIDTH - RIGHT + 10}" y="{place + 4:.1f}">'
            f"{escape(model_name(model))}</text></g>"
        )
    factors = ", ".join(
        f"× {factor(line)} for {model_name(model)}"
        for model, line in lines.items()
    )
    finding = f"From {sizes[0]} to {sizes[-1]} {words}: {factors}."
    return (
        '<figure class="curves growth">\n'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(finding)}">\n' + "\n".join(parts) + "\n</svg>\n"
        "<figcaption>CPU milliseconds per image in a training step. Equal "
        "steps of an axis are equal factors, on both axes. "
        f"{escape(finding)}</figcaption>\n</figure>"
    )


def factor(line):
    """By what a price grows from the smallest size to the largest."""
    value = line[-1][1] / line[0][1]
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}"


def lines_of(rows, axis):
    """The points `(size, CPU ms per image)` of each model, in order."""
    lines = {}
    for row in rows:
        if row["task"] == "train":
            price = row["cpu_ms"]["median"] / row["batch"]
            lines.setdefault(row["model"], []).append((row[axis], price))
    return {model: sorted(line) for model, line in lines.items()}


def round_numbers(low, high):
    """Values like 1, 2, 5, 10 around a range; powers of ten in a wide one."""
    steps = (1,) if high / low > 100 else (1, 2, 5)
    powers = range(
        math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    )
    marks = [step * 10.0**power for power in powers for step in steps]
    first = max(i for i, mark in enumerate(marks) if mark <= low)
    last = min(i for i, mark in enumerate(marks) if mark >= high)
    return marks[first : max(last, first + 1) + 1]


def apart(places):
    """Heights of labels, moved down where two would overlap."""
    moved = list(places)
    order = sorted(range(len(moved)), key=moved.__getitem__)
    for above, below in zip(order, order[1:], strict=False):
        moved[below] = max(moved[below], moved[above] + LABEL_HEIGHT)
    return moved
