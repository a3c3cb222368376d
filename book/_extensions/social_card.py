"""The picture that is shown where somebody links to the book, drawn by code."""

from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

PATH = "_static/social-card.png"
WIDTH, HEIGHT = 1200, 630
ALT = (
    "Compact Convolutional Transformers: windows that overlap on an image, "
    "the tokens they become, and the few that count most."
)
GROUND, INK, SOFT = "#10282c", "#f4f7f7", "#a9c4c8"
COOL, WARM = (79, 183, 194), (232, 131, 88)
TITLE = ("Compact", "Convolutional", "Transformers")
LINES = ("An executable book in Keras 3:", "build it, train it, measure it.")
SCALE = 2  # drawn larger and made smaller, so that edges are smooth


def write(path):
    """Write the card as a PNG; the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw().save(path, optimize=True)


def draw():
    """The card as an image of WIDTH by HEIGHT pixels in a few colors."""
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), GROUND)
    pen = ImageDraw.Draw(image)
    for row, word in enumerate(TITLE):
        write_text(pen, (80, 108 + 96 * row), word, "DejaVuSerif-Bold", 78, INK)
    for row, line in enumerate(LINES):
        write_text(pen, (82, 440 + 46 * row), line, "DejaVuSans", 32, SOFT)
    draw_windows(pen, 820, 108)
    draw_tokens(pen, 820, 470)
    small = image.resize((WIDTH, HEIGHT), Image.LANCZOS)
    return small.quantize(64, Image.Quantize.MEDIANCUT, dither=0)


def write_text(pen, place, text, font, size, color):
    """One line of text in a font that comes with matplotlib."""
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    face = ImageFont.truetype(str(fonts / f"{font}.ttf"), size * SCALE)
    pen.text([SCALE * x for x in place], text, font=face, fill=color)


def draw_windows(pen, x, y):
    """A grid of pixels, and three windows that overlap on it."""
    for i in range(8):
        for j in range(8):
            inside = (i - 3.4) ** 2 + (j - 3.8) ** 2 < 7.2
            shade = 0.28 + 0.07 * ((3 * i + 5 * j) % 4) + 0.25 * inside
            box(
                pen, x + 38 * i, y + 38 * j, 34, WARM if inside else COOL, shade
            )
    for i in range(3):
        start = [SCALE * (at - 4 + 76 * i) for at in (x, y)]
        pen.rounded_rectangle(
            [*start, *(at + SCALE * 152 for at in start)],
            radius=14 * SCALE,
            outline=INK,
            width=5 * SCALE,
        )


def draw_tokens(pen, x, y):
    """The tokens, each as tall as it counts in the pooling."""
    weights = (0.2, 0.35, 0.9, 1.0, 0.5, 0.75, 0.3, 0.15)
    for i, weight in enumerate(weights):
        height = 70 * weight
        color = WARM if weight > 0.7 else COOL
        box(pen, x + 38 * i, y + 70 - height, 34, color, 0.9, height)


def box(pen, x, y, side, color, opacity, height=None):
    """A rounded rectangle, its color mixed with the ground."""
    ground = [int(GROUND[i : i + 2], 16) for i in (1, 3, 5)]
    mixed = tuple(
        round(opacity * c + (1 - opacity) * g)
        for c, g in zip(color, ground, strict=True)
    )
    corners = (x, y, x + side, y + (height or side))
    pen.rounded_rectangle(
        [SCALE * at for at in corners], radius=5 * SCALE, fill=mixed
    )
