"""Quizzes in plain HTML and CSS: no script, no kernel, no network."""

import hashlib
import html
import re
from pathlib import Path
from typing import NamedTuple

from IPython.display import HTML

_FOLDER = Path(__file__).parent


class Answer(NamedTuple):
    """One answer to a question, and why it is right or wrong."""

    text: str
    why: str
    correct: bool


def right(text, why):
    """Returns a correct answer.

    Args:
        text: the answer.
        why: a sentence that appears when it is chosen: why it is right.
    """
    return Answer(str(text), why, True)


def wrong(text, why):
    """Returns an incorrect answer.

    Args:
        text: the answer.
        why: a sentence that appears when it is chosen: why it is wrong.
    """
    return Answer(str(text), why, False)


class Question:
    """A question with its answers, in the order in which they are shown.

    With one correct answer the reader picks one; with several, the reader
    ticks all that apply. Backticks in any text give code.

    Args:
        text: the question.
        *answers: two or more results of `right` and `wrong`.

    Raises:
        ValueError: if there are fewer than two answers, none of them is
            correct, or one does not say why.

    Example:

    >>> Question("2 + 2?", right("4", "Yes."), wrong("5", "One too many."))
    Question('2 + 2?', 2 answers)
    """

    def __init__(self, text, *answers):
        bad = [a for a in answers if not isinstance(a, Answer)]
        if bad or len(answers) < 2:
            raise ValueError(
                "A question needs two or more answers, each made by "
                "`right(text, why)` or `wrong(text, why)`. "
                f"Received: {answers!r} for {text!r}"
            )
        if not any(answer.correct for answer in answers):
            raise ValueError(
                "A question needs at least one correct answer; mark it with "
                f"`right(text, why)`. Received only wrong ones for {text!r}"
            )
        if not all(answer.why for answer in answers):
            raise ValueError(
                "Every answer says why it is right or wrong; give `why` a "
                f"sentence. Received an empty one for {text!r}"
            )
        self.text = text
        self.answers = answers

    def __repr__(self):
        return f"Question({self.text!r}, {len(self.answers)} answers)"

    @property
    def id(self):
        """A name that depends on the words alone, so outputs never change."""
        words = "\n".join([self.text, *(a.text for a in self.answers)])
        return "quiz-" + hashlib.sha256(words.encode()).hexdigest()[:10]

    def to_html(self):
        """Returns the question as a `fieldset`."""
        several = sum(answer.correct for answer in self.answers) > 1
        hint = '<p class="cct-hint">Choose all that apply.</p>\n'
        answers = "".join(
            self._answer_html(i, answer, "checkbox" if several else "radio")
            for i, answer in enumerate(self.answers)
        )
        return (
            f"<fieldset>\n<legend>{_inline(self.text)}</legend>\n"
            f"{hint if several else ''}{answers}</fieldset>\n"
        )

    def _answer_html(self, index, answer, kind):
        """Returns one input with its label and its hidden feedback."""
        verdict = "right" if answer.correct else "wrong"
        mark = "✓ Right." if answer.correct else "✗ Not so."
        name = f"{self.id}-{index}"
        return (
            '<div class="cct-answer">'
            f'<input type="{kind}" id="{name}" name="{self.id}">'
            f'<label for="{name}">{_inline(answer.text)}</label>'
            f'<div class="cct-why cct-{verdict}" role="status">'
            f"<span><b>{mark}</b> {_inline(answer.why)}</span></div></div>\n"
        )


class Quiz(HTML):
    """The HTML of a quiz, with the bare questions as its text form."""

    def __init__(self, questions):
        css = "".join(
            (_FOLDER / name).read_text("utf-8")
            for name in ("_palette.css", "quiz.css")
        )
        css = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", css, flags=re.S))
        body = "".join(question.to_html() for question in questions)
        super().__init__(
            f"<style>{css.strip()}</style>\n"
            f'<div class="cct-widget cct-quiz">\n{body}</div>'
        )
        self.questions = questions

    def __repr__(self):
        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f"{number}. {question.text}")
            lines += [f"   ( ) {answer.text}" for answer in question.answers]
        return "\n".join(lines)


def quiz(questions):
    """Returns a quiz to be shown as the output of a notebook cell.

    The feedback of an answer appears when it is chosen, by style sheet
    alone, so it works on the site, in Colab and in JupyterLab.

    Args:
        questions: a list of `Question`.

    Returns:
        An `IPython.display.HTML` object; the same text gives the same HTML.

    Raises:
        ValueError: if there is no question, or the same one twice.

    Example:

    >>> quiz([Question("2 + 2?", right("4", "Yes."), wrong("5", "No."))])
    1. 2 + 2?
       ( ) 4
       ( ) 5
    """
    questions = [questions] if isinstance(questions, Question) else questions
    questions = list(questions)
    if not questions or not all(isinstance(q, Question) for q in questions):
        raise ValueError(
            "A quiz is a list of `Question(text, right(...), wrong(...))`. "
            f"Received: {questions!r}"
        )
    if len({question.id for question in questions}) < len(questions):
        raise ValueError(
            "Each question of a quiz must be different; remove the repeated "
            f"one. Received: {[question.text for question in questions]}"
        )
    return Quiz(questions)


def _inline(text):
    """Escapes HTML and turns `code` in backticks into code elements."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
