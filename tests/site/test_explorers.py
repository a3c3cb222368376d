"""Every explorer of the built site, moved by keyboard and by mouse."""

import re

import pytest

from tests.site.test_pages import CHAPTERS, shown_widgets

# For each explorer: a control, the keys pressed on it and what is said then;
# a control, where it is clicked (in parts of its box) and what is said then.
MOVES = {
    "From image to tokens": (
        ("slider", "Token of CCT", ["Home"], "token in row 0, column 0 sees"),
        (
            "slider",
            "Token of CCT",
            (0.9, 0.9),
            r"row (?!0,)(\d+), column \1 sees",
        ),
    ),
    "Position embedding: who resembles whom": (
        ("slider", "Position", ["Home"], "position in row 0, column 0:"),
        ("slider", "Position", (0.99, 0.99), "position in row 7, column 7:"),
    ),
    "Attention: where a token looks": (
        ("slider", "Token", ["Home"], "the token in row 0, column 0 takes"),
        ("slider", "Token", (0.99, 0.01), "the token in row 0, column 7 takes"),
    ),
    "Stochastic depth: who passes which block": (
        ("slider", "Blocks", ["Home"], "of 2 branches, measured 2.00;"),
        ("slider", "Blocks", (0.99, 0.5), "of 28 branches, measured"),
    ),
    "Sequence pooling: which tokens decide": (
        ("slider", "Token", ["End"], "Token in row 7, column 7: score"),
        ("button", "Average", (0.5, 0.5), "over 64.0 equal tokens of 64."),
    ),
    "How large is a CCT?": (
        ("slider", "Image side", ["Home"], "^16 tokens, "),
        ("slider", "Image side", (0.99, 0.5), "^4,096 tokens, "),
    ),
    "Augmentation: one image, many examples": (
        ("checkbox", "Flip", [" "], "is mirrored"),
        ("slider", "Crop from row", (0.01, 0.5), " down"),
    ),
    "Training curves": (
        ("slider", "Read at epoch", ["Home"], "Epoch 1, "),
        ("slider", "Read at epoch", (0.99, 0.5), r"Epoch (?!1,)\d+, "),
    ),
}


@pytest.mark.parametrize("path", filter(shown_widgets, CHAPTERS))
def test_explorers_of_a_chapter_answer_keys_and_clicks(open_page, path):
    visit = open_page(path)
    explorers = visit.page.locator(".cct-explorer")
    explorers.first.wait_for()
    for i in range(explorers.count()):
        explorer = explorers.nth(i)
        keys, click = MOVES[explorer.locator(".w-title").inner_text()]
        words = explorer.locator(".w-words")
        for role, name, how, said in (keys, click):
            control = explorer.get_by_role(role, name=name, exact=True)
            if isinstance(how, list):
                control.focus()
                for key in how:
                    visit.page.keyboard.press(key)
            else:
                box = control.bounding_box()
                x, y = how
                control.click(
                    position={"x": x * box["width"], "y": y * box["height"]}
                )
            words.filter(has_text=re.compile(said)).wait_for()
    assert visit.errors == []
    visit.page.emulate_media(media="print")
    assert explorers.locator(".w-controls:visible").count() == 0
    assert explorers.locator(".w-words:visible").count() == explorers.count()
