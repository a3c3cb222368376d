"""The book's figure style: the only place for colors, sizes and rcParams."""

import base64
import io
import re
from itertools import cycle

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from cct_utils._choices import check_choice

# What stands for a model, by what its name begins with: color, color on a dark
# page, line, marker. The tokenizer gives it its color, the readout its line.
# The drawings of the site read this and the next as literals.
MODEL_LOOKS = {
    "cct": ("#0072B2", "#6DB7F2", "-", "^"),
    "cvt": ("#A83E7D", "#E58FC0", "--", "s"),
    "vit_keras": ("#A83E7D", "#E58FC0", ":", "v"),
    "vit": ("#A83E7D", "#E58FC0", "-", "o"),
    "article": ("#B3560A", "#F0A07C", "-", "D"),  # the keras.io example's CCT
}

# What stands for a recipe: color, color on a dark page, line.
RECIPE_LOOKS = {
    "article": ("#6B7280", "#AAB6C2", "-"),
    "authors_200": ("#00795C", "#4FCFA8", "-"),
    "authors_300": ("#8A6500", "#F0C04A", "--"),
    "fast": ("#00324E", "#D5E9FB", "-"),
    "hour": ("#00324E", "#D5E9FB", ":"),
    "long": ("#00324E", "#D5E9FB", "--"),
}
# Any other is a variant of `fast`: paler, and told from the next by its line.
_VARIANT_COLOR, _VARIANT_LINES = "#4C6A92", ("-.", ":", "--")

# A color means the same thing in each figure of the book. The colors are those
# of Okabe and Ito, told apart with any kind of color vision, some of them
# darkened so that thin lines and small text read well on white.
COLORS = {
    "train": "#6B7280",
    "val": "#0072B2",
    "test": "#B3560A",
    "cct": MODEL_LOOKS["cct"][0],
    "article": MODEL_LOOKS["article"][0],
    "vit": MODEL_LOOKS["vit"][0],
    "cnn": "#00795C",
    "query": "#D55E00",
    "highlight": "#D55E00",
    "kept": "#0072B2",
    "dropped": "#D7DCE2",
    "conv": "#00795C",
    "pool": "#5B9BD5",
    "attention": "#0072B2",
    "mlp": "#E0A100",
    "norm": "#8A94A3",
    "position": "#7B5EA7",
    "ink": "#1F2933",
    "muted": "#6B7280",
}

SEQUENTIAL = "viridis"  # for weights, from zero up
DIVERGING = "RdBu_r"  # for signed values, centered at zero

# Widths in inches: a third, two thirds and the whole of the text column.
WIDTHS = {"narrow": 3.4, "column": 5.6, "wide": 8.2}


def use_book_style():
    """Sets Matplotlib up for the book, also for a notebook's inline figures."""
    mpl.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.edgecolor": COLORS["muted"],
            "axes.grid": False,
            "axes.labelcolor": COLORS["ink"],
            "axes.labelsize": 10,
            "axes.prop_cycle": mpl.cycler(
                color=[
                    "#0072B2",
                    "#B3560A",
                    "#00795C",
                    "#A83E7D",
                    "#E0A100",
                    "#5B9BD5",
                ]
            ),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": COLORS["ink"],
            "axes.titlelocation": "left",
            "axes.titlesize": 10.5,
            "axes.titleweight": "bold",
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.figsize": (WIDTHS["column"], 3.4),
            "font.family": "sans-serif",
            "font.size": 10,
            "grid.color": "#E5E9EE",
            "image.cmap": SEQUENTIAL,
            "image.interpolation": "nearest",
            "legend.frameon": False,
            "legend.fontsize": 9.5,
            "lines.linewidth": 1.8,
            "savefig.facecolor": "white",
            "text.color": COLORS["ink"],
            "xtick.color": COLORS["muted"],
            "xtick.labelsize": 9,
            "ytick.color": COLORS["muted"],
            "ytick.labelsize": 9,
        }
    )
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # not in a notebook
        return
    set_matplotlib_formats("retina")


class Diagram(Figure):
    """A figure of boxes and arrows, which a notebook also keeps as SVG.

    The site shows the SVG, sharp at any size; what cannot show it shows the
    PNG beside it. Made by `new_figure(..., FigureClass=Diagram)`.
    """

    def _repr_svg_(self):
        """Returns SVG, the same text each time, and its size in pixels."""
        text = io.StringIO()
        with mpl.rc_context({"svg.hashsalt": "diagram"}):
            self.savefig(
                text,
                format="svg",
                bbox_inches="tight",
                metadata={"Date": None, "Creator": None},
            )
        svg = _shrink(text.getvalue())
        points = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
        width, height = (int(float(n) / 72 * self.dpi) for n in points.groups())
        return svg, {"width": width, "height": height}


def _shrink(svg):
    """Returns the same SVG in fewer bytes: short numbers, small images."""

    def encode(match):
        picture = Image.open(io.BytesIO(base64.b64decode(match[1])))
        ground = Image.new("RGBA", picture.size, "white")
        ground.alpha_composite(picture.convert("RGBA"))
        data = io.BytesIO()
        small = ground.convert("RGB").quantize(256, dither=0)
        small.save(data, "PNG", optimize=True)
        return "base64," + base64.b64encode(data.getvalue()).decode()

    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"base64,([\w+/=\s]+)", encode, svg)
    svg = re.sub(r"\b([1-9]\d*\.\d\d)\d+", r"\1", svg)  # of a point
    return re.sub(r"\n\s*", "\n", svg)


def new_figure(width="column", height=3.0, *, columns=1, rows=1, **options):
    """Returns a figure of one of the book's widths, and its axes.

    Args:
        width: a name of `WIDTHS`.
        height: height in inches.
        columns: columns of axes.
        rows: rows of axes.
        **options: passed on to `matplotlib.pyplot.subplots`.

    Returns:
        `(fig, axes)` as `matplotlib.pyplot.subplots` returns them.

    Raises:
        ValueError: if the width is unknown.
    """
    check_choice("width", width, WIDTHS)
    return plt.subplots(
        rows, columns, figsize=(WIDTHS[width], height), **options
    )


def model_look(name):
    """Returns color, line and marker of a model, as properties of a line.

    Args:
        name: for instance `"CCT-2/3x2"`, or `"cct_2_3x2"`.

    Raises:
        ValueError: if the name begins with none of the `MODEL_LOOKS`.
    """
    kind = _kind_of_model(name)
    if kind is None:
        raise ValueError(
            f"A name must begin with one of {', '.join(MODEL_LOOKS)}. "
            f"Received: {name!r}"
        )
    color, _, line, marker = MODEL_LOOKS[kind]
    return {"color": color, "linestyle": line, "marker": marker}


def model_colors(names):
    """Returns a dict from each name to a color.

    Args:
        names: names of models; any others take colors that are left.
    """
    kinds = {name: _kind_of_model(name) for name in names}
    left = cycle(
        COLORS[kind]
        for kind in ("cct", "article", "muted")
        if kind not in kinds.values()
    )
    return {
        name: MODEL_LOOKS[kind][0] if kind else next(left)
        for name, kind in kinds.items()
    }


def _kind_of_model(name):
    """Returns the key of `MODEL_LOOKS` with which a name begins, or None."""
    key = name.lower().replace("-", "_")
    return next((kind for kind in MODEL_LOOKS if key.startswith(kind)), None)


def recipe_looks(names, *, model=None):
    """Returns a dict from each recipe to its color and line.

    Args:
        names: the recipes.
        model: key of `MODEL_LOOKS` if the curves are this model's: by the
            article's recipe, that of most figures, it looks as it always does.
    """
    lines = cycle(_VARIANT_LINES)
    looks = {}
    for name in names:
        if name == "article" and model is not None:
            color, _, line, _ = MODEL_LOOKS[model]
        elif name in RECIPE_LOOKS:
            color, _, line = RECIPE_LOOKS[name]
        else:
            color, line = _VARIANT_COLOR, next(lines)
        looks[name] = {"color": color, "linestyle": line}
    return looks


def write_beside(ax, text, point, *, gap=6, **style):
    """Writes to the right of a point, at its height.

    Args:
        ax: the axes to write on.
        text: what to write.
        point: `(x, y)` in data coordinates.
        gap: from the point to the text, in points.
        **style: other properties of the text, for instance `color`.
    """
    ax.annotate(
        text, point, (gap, 0), textcoords="offset points", va="center", **style
    )


def draw_arrow(ax, start, end, color, width, *, head=14, **style):
    """Draws an arrow in data coordinates, exactly from point to point.

    Args:
        ax: the axes to draw on.
        start: `(x, y)` of its tail.
        end: `(x, y)` of its tip.
        color: its color.
        width: its line width in points.
        head: size of its head in points.
        **style: other properties of the arrow, for instance `linestyle`.
    """
    ax.annotate(
        "",
        end,
        start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": color,
            "lw": width,
            "mutation_scale": head,
            "shrinkA": 0,
            "shrinkB": 0,
            **style,
        },
    )
