"""Quizzes and interactive explorers for notebooks and for the site."""

from cct_utils.widgets.quiz import Question, quiz, right, wrong

__all__ = ["Question", "quiz", "right", "wrong"]
