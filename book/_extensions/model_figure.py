"""The home page's figure of the whole model: every number by formula.

The figure is a list of steps with inline drawings, so that it follows the
page's colors, can be read aloud, and turns upright on a phone.
"""

import math
from typing import NamedTuple

# CCT-2/3x2 on CIFAR-10: Hassani et al. 2021, arXiv 2104.05704.
IMAGE_SIZE, CHANNELS = 32, (3, 64, 128)
KERNEL, POOLED = 3, 2
NUM_BLOCKS, MLP_DIM, NUM_CLASSES = 2, 128, 10


class Step(NamedTuple):
    """One step of the model: what it is called, what comes out of it."""

    title: str
    shape: str
    text: str
    parameters: int
    chapter: str
    drawing: str


def steps():
    """The model from the image to the logits."""
    dim = CHANNELS[-1]
    sizes = [IMAGE_SIZE // POOLED**stage for stage in range(len(CHANNELS))]
    tokens = sizes[-1] ** 2
    maps = [f"{s}×{s}×{c}" for s, c in zip(sizes, CHANNELS, strict=True)]
    convolutions = [KERNEL**2 * CHANNELS[i] * CHANNELS[i + 1] for i in range(2)]
    attention = dim * 3 * dim + dim * dim + dim
    mlp = (dim * MLP_DIM + MLP_DIM) + (MLP_DIM * dim + dim)
    block = 2 * (2 * dim) + attention + mlp
    return [
        Step("Image", maps[0], "pixels, 0 to 255", 0, "07", pixels()),
        Step(
            "Convolve and pool",
            maps[1],
            "windows that overlap",
            convolutions[0],
            "01",
            windows(4),
        ),
        Step(
            "And again",
            maps[2],
            "edges become parts",
            convolutions[1],
            "01",
            windows(3),
        ),
        Step(
            "Tokens",
            f"{tokens}×{dim}",
            "one row each, plus its position",
            tokens * dim,
            "02",
            rows(),
        ),
        Step(
            f"{NUM_BLOCKS} encoder blocks",
            f"{tokens}×{dim}",
            "attention mixes tokens, an MLP mixes features",
            NUM_BLOCKS * block,
            "03",
            attention_arcs(),
        ),
        Step(
            "Sequence pooling",
            f"{dim}",
            "a weighted average of all tokens",
            2 * dim + dim + 1,
            "05",
            funnel(),
        ),
        Step(
            "Scores",
            f"{NUM_CLASSES}",
            "one for each class",
            dim * NUM_CLASSES + NUM_CLASSES,
            "06",
            bars(),
        ),
    ]


def render(root):
    """The figure as HTML; each step links to the chapter that builds it."""
    chapters = {
        path.name[:2]: path.stem
        for path in sorted(root.glob("notebooks/*.ipynb"))
    }
    items = []
    for step in steps():
        count = f"{step.parameters:,} parameters" if step.parameters else ""
        chapter = chapters.get(step.chapter)
        title = step.title
        if chapter:
            title = f'<a href="../notebooks/{chapter}.html">{title}</a>'
        items.append(
            f"<li>{step.drawing}<strong>{title}</strong>"
            f'<span class="shape">{step.shape}</span>'
            f"<span>{step.text}</span>"
            f'<span class="count">{count}</span></li>'
        )
    total = sum(step.parameters for step in steps())
    return (
        '<figure class="model-figure" id="fig-whole-model">\n<ol>\n'
        + "\n".join(items)
        + "\n</ol>\n<figcaption>The whole of CCT-2/3x2, the smallest model of "
        f"the paper: {total:,} parameters from an image of 32×32 pixels to "
        "ten scores. Each step leads to the chapter that builds it."
        "</figcaption>\n</figure>"
    )


def drawing(label, content):
    """One small picture, 64 by 64, in the page's own colors."""
    return (
        f'<svg viewBox="0 0 64 64" role="img" aria-label="{label}">'
        f"{content}</svg>"
    )


def square(x, y, side, kind, opacity=1.0, radius=2):
    """A square as SVG."""
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{side:g}" '
        f'height="{side:g}" rx="{radius}" opacity="{opacity:.2f}"/>'
    )


def pixels():
    """A tiny picture: a disc on a ground, one square a pixel."""
    cells = []
    for row in range(8):
        for column in range(8):
            inside = math.hypot(row - 3.3, column - 4.1) < 2.5
            shade = 0.25 + 0.08 * ((3 * row + 5 * column) % 4)
            kind = "warm" if inside else "cool"
            cells.append(
                square(4 + 7 * column, 4 + 7 * row, 6, kind, shade + 0.2, 1)
            )
    return drawing("a small image made of pixels", "".join(cells))


def windows(count):
    """A grid on which overlapping windows slide."""
    side, step = 24, 32 / (count - 1)
    grid = "".join(
        square(4 + 14 * i, 4 + 14 * j, 13, "cool", 0.16)
        for i in range(4)
        for j in range(4)
    )
    frames = "".join(
        square(4 + step * i, 4 + step * i, side, "line", 1, 4)
        for i in range(count)
    )
    return drawing("overlapping windows on a grid", grid + frames)


def rows():
    """Tokens: rows of features, each with a mark of its position."""
    lines = []
    for row in range(6):
        y = 6 + 9 * row
        lines.append(square(4, y, 6, "warm", 0.3 + 0.12 * row, 1))
        lines += [
            square(14 + 8 * i, y, 7, "cool", 0.25 + 0.1 * ((i + row) % 5), 1)
            for i in range(6)
        ]
    return drawing("rows of features, each with a position", "".join(lines))


def attention_arcs():
    """Every token looks at the others: arcs between points."""
    points = [8 + 9.6 * i for i in range(6)]
    arcs = "".join(
        f'<path class="line" opacity="{0.25 + 0.55 * (i == 2):.2f}" '
        f'd="M{a:g} 46 Q{(a + b) / 2:g} {46 - abs(b - a):g} {b:g} 46"/>'
        for i, a in enumerate(points)
        for b in points
        if abs(a - b) > 1 and (i == 2 or b > a)
    )
    dots = "".join(
        f'<circle class="{"warm" if i == 2 else "cool"}" cx="{x:g}" cy="46" '
        'r="3.6"/>'
        for i, x in enumerate(points)
    )
    return drawing("one token attends to all the others", arcs + dots)


def funnel():
    """Tokens of different weight flow into one."""
    weights = (0.2, 0.5, 1.0, 0.7, 0.3)
    lines = "".join(
        f'<path class="line" opacity="{w:.2f}" stroke-width="{1 + 3 * w:g}" '
        f'd="M{9 + 11.5 * i:g} 16 L32 48"/>'
        for i, w in enumerate(weights)
    )
    dots = "".join(
        f'<circle class="cool" cx="{9 + 11.5 * i:g}" cy="13" '
        f'r="{2 + 3 * w:g}"/>'
        for i, w in enumerate(weights)
    )
    end = '<circle class="warm" cx="32" cy="52" r="7"/>'
    return drawing("tokens weighted into one", lines + dots + end)


def bars():
    """Ten scores, one of which stands out."""
    heights = (9, 14, 7, 18, 11, 46, 16, 8, 21, 12)
    body = "".join(
        f'<rect class="{"warm" if h == max(heights) else "cool"}" rx="1" '
        f'x="{4 + 5.7 * i:g}" y="{58 - h}" width="4.4" height="{h}"/>'
        for i, h in enumerate(heights)
    )
    return drawing("ten scores, one stands out", body)
