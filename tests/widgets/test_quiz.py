"""Quizzes: deterministic HTML, and use by keyboard alone."""

import re

import pytest

from cct_utils.widgets import Question, quiz, right, wrong

TOKENS = Question(
    "How many tokens leave `CCTTokenizer`, if 3 < 4?",
    wrong("256", "That is the grid after one stage."),
    right("64", "8 × 8 = 64."),
    wrong("1024", "One per pixel: pooling has stride 2."),
)
SEVERAL = Question(
    "Which are even?",
    right("2", "2 = 2 × 1."),
    wrong("3", "3 is odd."),
    right("4", "4 = 2 × 2."),
)


def test_quiz_is_deterministic_and_ids_are_unique():
    first, second = quiz([TOKENS, SEVERAL]), quiz([TOKENS, SEVERAL])
    assert first.data == second.data
    ids = re.findall(r' id="([^"]+)"', first.data)
    assert len(ids) == len(set(ids)) == 6
    assert set(re.findall(r' for="([^"]+)"', first.data)) == set(ids)


def test_quiz_escapes_html_and_marks_code():
    data = quiz([TOKENS]).data
    assert "<code>CCTTokenizer</code>, if 3 &lt; 4?" in data
    assert "<script" not in data


def test_quiz_text_form_does_not_tell_the_answer():
    assert repr(quiz([SEVERAL])) == (
        "1. Which are even?\n   ( ) 2\n   ( ) 3\n   ( ) 4"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Question("Q?", right("a", "b")), "two or more answers"),
        (lambda: Question("Q?", "a", "b"), "two or more answers"),
        (lambda: Question("Q?", wrong("a", "b"), wrong("c", "d")), "correct"),
        (lambda: Question("Q?", right("a", ""), wrong("c", "d")), "why"),
        (lambda: quiz([]), "list of `Question"),
        (lambda: quiz([("Q?", "a")]), "list of `Question"),
        (lambda: quiz([TOKENS, TOKENS]), "must be different"),
    ],
)
def test_quiz_explains_bad_input(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_quiz_by_keyboard(open_page):
    page = open_page(quiz([TOKENS, SEVERAL]).data)
    assert page.locator(".cct-why span:visible").count() == 0
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    feedback = page.locator(".cct-why span:visible")
    assert (
        feedback.inner_text() == "✗ Not so. That is the grid after one stage."
    )
    page.keyboard.press("ArrowDown")
    assert feedback.inner_text() == "✓ Right. 8 × 8 = 64."
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert feedback.all_inner_texts() == [
        "✓ Right. 8 × 8 = 64.",
        "✓ Right. 2 = 2 × 1.",
        "✓ Right. 4 = 2 × 2.",
    ]


def test_quiz_names_its_groups(open_page):
    page = open_page(quiz([SEVERAL]).data)
    group = page.get_by_role("group", name="Which are even?")
    assert group.get_by_role("checkbox").count() == 3
    group.get_by_label("3").check()
    assert "3 is odd." in page.get_by_role("status").all_inner_texts()[1]


@pytest.mark.parametrize(
    ("where", "name", "value", "dark"),
    [
        ("documentElement", "data-theme", "dark", True),
        ("documentElement", "data-theme", "light", False),
        ("documentElement", "theme", "dark", True),  # Colab
        ("body", "data-jp-theme-light", "false", True),  # JupyterLab
        ("body", "data-jp-theme-light", "true", False),
        ("body", "lang", "en", True),  # the page says nothing, the system does
    ],
)
def test_quiz_follows_the_theme(open_page, where, name, value, dark):
    page = open_page(quiz([TOKENS]).data)
    page.emulate_media(color_scheme="dark")
    card = page.evaluate(
        """([where, name, value]) => {
          document.documentElement.removeAttribute("data-theme");
          document[where].setAttribute(name, value);
          const card = document.querySelector(".cct-quiz");
          return getComputedStyle(card).backgroundColor;
        }""",
        [where, name, value],
    )
    assert card == ("rgb(26, 32, 39)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_quiz_fits_a_phone(open_page, theme):
    page = open_page(quiz([TOKENS, SEVERAL]).data, theme=theme, width=360)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
