"""How a model or a recipe looks in a drawing of the site: as in the figures.

The looks are those of `cct_utils.plots.style`, read as literals. On a dark page
a color gives way to its lighter relative.
"""

import ast
import functools
from pathlib import Path

STYLE = "cct_utils/plots/style.py"
ROOT = Path(__file__).resolve().parents[2]
# The lines of Matplotlib as dashes of a drawing, and as borders of a box.
DASHES = {"-": "none", "--": "7 4", ":": "2 4"}
BORDERS = {"-": "solid", "--": "dashed", ":": "dotted"}


def look_of(model, recipe="article"):
    """Color, color on a dark page, and line of a model by a recipe.

    CCT-2/3x2 is the model by which recipes are compared: with any but the
    article's it has the recipe's look, all others always have their own.
    """
    looks = read_looks()
    recipes = looks["RECIPE_LOOKS"]
    if model == "cct_2_3x2" and recipe != "article" and recipe in recipes:
        return recipes[recipe]
    kinds = looks["MODEL_LOOKS"]
    kind = next((kind for kind in kinds if model.startswith(kind)), None)
    if kind is None:
        raise ValueError(
            f"{STYLE} must say how {model!r} looks: its name begins with none "
            f"of {', '.join(kinds)}"
        )
    return kinds[kind][:3]


@functools.cache  # once for all curves of a build
def read_looks():
    """The assignments of names that end with `_LOOKS`."""
    tree = ast.parse((ROOT / STYLE).read_text("utf-8"))
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and getattr(node.targets[0], "id", "").endswith("_LOOKS")
    }


def color_style(look):
    """A color that follows the page's theme, where the browser knows how."""
    light, dark, _ = look
    return f"color: {light}; color: light-dark({light}, {dark})"


def polyline(points, line):
    """A curve in the color of what is around it."""
    return (
        '<polyline class="curve" stroke="currentcolor" '
        f'stroke-dasharray="{DASHES[line]}" points="{points}"/>'
    )


def line_sample(look):
    """A short piece of a curve's line, in the color of the text beside it."""
    return (
        f'<i style="border-top: 3px {BORDERS[look[-1]]}; '
        "display: inline-block; margin-right: 0.4rem; "
        'vertical-align: middle; width: 1.6rem"></i>'
    )
