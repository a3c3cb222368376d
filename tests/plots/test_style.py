"""What a color means: the same model or recipe, in every figure."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cct_utils import RECIPES, plots
from cct_utils.plots.style import (
    MODEL_LOOKS,
    RECIPE_LOOKS,
    model_colors,
    model_look,
    recipe_looks,
)
from tests.contrast import contrast

BLUE, ORANGE, MAGENTA, NAVY = "#0072B2", "#B3560A", "#A83E7D", "#00324E"
PAGES = {"light": "#fffffe", "card": "#f6f7f6", "dark": "#121718"}
ALL_LOOKS = {
    **RECIPE_LOOKS,
    **{f"{k} model": v for k, v in MODEL_LOOKS.items()},
}


@pytest.mark.parametrize(
    ("name", "color", "line"),
    [
        ("CCT-2/3x2", BLUE, "-"),
        ("cct_7_3x1", BLUE, "-"),
        ("CVT-2/4", MAGENTA, "--"),
        ("cvt_2_4", MAGENTA, "--"),
        ("ViT-Lite-2/4", MAGENTA, "-"),
        ("vit_lite_2_4", MAGENTA, "-"),
        ("ViT", MAGENTA, "-"),
        ("vit_keras", MAGENTA, ":"),
        ("article", ORANGE, "-"),
    ],
)
def test_a_model_always_looks_the_same(name, color, line):
    look = model_look(name)
    assert (look["color"], look["linestyle"]) == (color, line)


def test_no_two_models_of_a_figure_look_alike():
    looks = [(color, line) for color, _, line, _ in MODEL_LOOKS.values()]
    assert len(set(looks)) == len(looks)
    markers = [marker for *_, marker in MODEL_LOOKS.values()]
    assert len(set(markers)) == len(markers)


def test_every_recipe_has_a_look_of_its_own():
    assert set(RECIPE_LOOKS) == set(RECIPES)
    for name in ("fast", "hour", "long"):
        assert RECIPE_LOOKS[name][0] == NAVY
    looks = [(color, line) for color, _, line in RECIPE_LOOKS.values()]
    assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("page", [0, 1])
def test_models_and_recipes_share_no_color(page):
    of_models, of_recipes = (
        {look[page] for look in looks.values()}
        for looks in (MODEL_LOOKS, RECIPE_LOOKS)
    )
    assert not of_models & of_recipes


def contrast_of(*names):
    """Return the contrast of two colors, given as Matplotlib names them."""
    return contrast(*(255 * np.array(to_rgb(name)) for name in names))


@pytest.mark.parametrize("name", ALL_LOOKS)
def test_a_name_can_be_written_in_its_color_on_any_page(name):
    color, on_dark, *_ = ALL_LOOKS[name]
    assert contrast_of(color, PAGES["light"]) >= 4.5
    assert contrast_of(color, PAGES["card"]) >= 4.5
    assert contrast_of(on_dark, PAGES["dark"]) >= 4.5


def test_recipes_of_a_model_keep_its_look_by_the_articles():
    alone = recipe_looks(["article", "fast"])
    of_cct = recipe_looks(["article", "fast"], model="cct")
    assert alone["article"]["color"] == RECIPE_LOOKS["article"][0]
    assert of_cct["article"] == {"color": BLUE, "linestyle": "-"}
    assert alone["fast"] == of_cct["fast"] == {"color": NAVY, "linestyle": "-"}


def test_variants_of_a_recipe_differ_by_their_lines():
    looks = recipe_looks(["whole", "fast", "matrices"])
    first, second = looks["whole"], looks["matrices"]
    assert first["color"] == second["color"] != NAVY
    assert first["linestyle"] != second["linestyle"]


def test_what_is_no_model_takes_a_color_that_is_left():
    assert model_colors(["a run", "CCT-2/3x2"]) == {
        "a run": ORANGE,
        "CCT-2/3x2": BLUE,
    }
    colors = model_colors(["article", "CCT-2/3x2", "a", "b"])
    assert not {colors["a"], colors["b"]} & {BLUE, ORANGE}


def test_figures_of_models_and_of_recipes_agree():
    curve = ([1, 2], [50, 60])
    cost = plots.plot_cost_of_accuracy(
        {"article": curve, "fast": curve, "article's model": curve},
        90,
        xlabel="epochs",
    )
    lines = {line.get_label(): line.get_color() for line in cost.lines}
    history = {"val_accuracy": [0.1, 0.2], "cpu_seconds": [1.0, 1.0]}
    runs = plots.plot_runs_by_cost(
        {"CCT-2/3x2": [history], "article": [history]}
    )
    models = {line.get_label(): line.get_color() for line in runs.axes[0].lines}
    assert lines["article"] == models["CCT-2/3x2"] == BLUE
    assert lines["article's model"] == models["article"] == ORANGE
    schedules = plots.plot_schedules({"fast": [1, 0], "long": [1, 0]})
    assert {line.get_color() for line in schedules.lines} == {NAVY}
    assert lines["fast"] == NAVY
    seeds = plots.plot_seeds({"article": [80.0], "fast": [85.0]})
    assert [line.get_color() for line in seeds.lines] == [BLUE, NAVY]
