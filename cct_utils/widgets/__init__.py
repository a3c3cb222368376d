"""Quizzes and interactive explorers for notebooks and for the site."""

import importlib

from cct_utils.widgets.quiz import Question, quiz, right, wrong

_EXPLORERS = {
    "AttentionExplorer": "attention",
    "AugmentationExplorer": "augmentation",
    "CurvesExplorer": "curves",
    "PoolingExplorer": "pooling",
    "PositionExplorer": "position",
    "SizeExplorer": "size",
    "StochasticDepthExplorer": "stochastic_depth",
    "TokenizerExplorer": "tokenizer",
}

__all__ = ["Question", "quiz", "right", "wrong", *_EXPLORERS]


def __getattr__(name):
    """Imports an explorer when it is asked for; quizzes need no anywidget."""
    if name not in _EXPLORERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_EXPLORERS[name]}")
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "ipywidgets", "traitlets"):
            raise
        raise ImportError(
            f"The explorer `{name}` needs the package anywidget. "
            "Install it with: pip install anywidget"
        ) from error
    return getattr(module, name)


def __dir__():
    return sorted(__all__)
