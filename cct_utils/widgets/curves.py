"""The explorer of training curves: runs side by side."""

import math
from collections.abc import Mapping

import numpy as np
import traitlets

from cct_utils.widgets._base import Explorer, script

_MOST_RUNS = 40
_MOST_SHOWN = 6  # as many as there are colors that can be told apart
_TIMES = ("seconds", "seconds_per_epoch", "cpu_seconds")

# Which of the browser's colors a kind of model has in the book's figures. CVT
# has ViT's there and another line; lines mean training here, so it has the
# same hue of another lightness, which no other run gets.
_HUES = {"cct": 0, "article": 1, "vit": 3, "cvt": 6}


class CurvesExplorer(Explorer):
    """Draws the histories of runs against epochs, time or images.

    Args:
        histories: dict from the name of each run to its history, a dict from
            metrics to lists over the epochs; validation has the prefix
            `val_`, and `seconds` or `seconds_per_epoch` gives the time axis.
            A record of `load_record` or Keras's `History` do as well; with a
            record, images can be the axis too, and where all are records of a
            processor, time is the processor's. Many runs are easier to find
            in groups: a dict from the name of each group to such a dict. A
            value that is not finite, as the loss of a training that diverged,
            leaves a gap in its curve.
        metric: the metric to show first.
        shown: names of the runs to show first, six at most; a run of a group
            is named `"group: run"`. The first six if None.

    Raises:
        ValueError: if a history is none, there are more than 40 runs, or no
            run has the metric or a name of `shown`.

    Example:

    >>> CurvesExplorer({"run": {"loss": [2, 1], "val_loss": [2, 1.5]}})
    CurvesExplorer: an interactive figure (1 run, 2 epochs)
    """

    _esm = script("curves.js")
    runs = traitlets.List().tag(sync=True)
    shown = traitlets.List(traitlets.Int()).tag(sync=True)
    metric = traitlets.Unicode().tag(sync=True)
    axis = traitlets.Unicode("epochs").tag(sync=True)
    clock = traitlets.Unicode("minutes").tag(sync=True)
    smoothing = traitlets.Float(0.0).tag(sync=True)
    epoch = traitlets.Int().tag(sync=True)
    training = traitlets.Bool(True).tag(sync=True)

    def __init__(self, histories, metric=None, shown=None):
        if not isinstance(histories, Mapping) or not histories:
            raise ValueError(
                "`histories` must be a dict from the name of each run to its "
                f"history. Received: {type(histories).__name__} of length "
                f"{len(histories) if hasattr(histories, '__len__') else 0}"
            )
        flat = _flat(histories)
        on_processor = all(_has_processor_time(run) for _, run in flat)
        runs = [
            {**names, **_run(names["name"], run, on_processor)}
            for names, run in flat
        ]
        if len(runs) > _MOST_RUNS:
            raise ValueError(
                f"`histories` must hold at most {_MOST_RUNS} runs, or nobody "
                f"finds one among them. Received: {len(runs)}"
            )
        metrics = {m.removeprefix("val_") for r in runs for m in r["metrics"]}
        if metric is None:
            metric = "accuracy" if "accuracy" in metrics else min(metrics)
        if metric not in metrics:
            raise ValueError(
                f"`metric` must be one of {', '.join(sorted(metrics))}. "
                f"Received: {metric!r}"
            )
        super().__init__(
            runs=runs,
            shown=_places([run["name"] for run in runs], shown),
            metric=metric,
            clock="CPU minutes" if on_processor else "minutes",
            epoch=max(_epochs(run) for run in runs),
        )

    def _about(self):
        number, epochs = len(self.runs), max(map(_epochs, self.runs))
        runs = "1 run" if number == 1 else f"{number} runs"
        return f" ({runs}, {epochs} epochs)"


def _epochs(run):
    """Returns the length of a run's longest curve."""
    return max(len(values) for values in run["metrics"].values())


def _flat(histories):
    """Returns all runs, those of groups too, each behind its names."""
    runs = []
    for name, run in histories.items():
        if _is_group(run):
            for label, member in run.items():
                names = {"name": f"{name}: {label}", "label": str(label)}
                runs.append(({**names, "group": str(name)}, member))
        else:
            runs.append(({"name": str(name)}, run))
    return runs


def _is_record(run):
    """Whether a value is a record rather than a history."""
    return isinstance(run, Mapping) and isinstance(run.get("history"), Mapping)


def _has_processor_time(run):
    """Whether a record tells what its training cost on a processor."""
    return (
        _is_record(run)
        and "cpu_seconds" in run["history"]
        and "together" not in run
        and run.get("hardware", {}).get("accelerators") == []
    )


def _is_group(value):
    """Whether a value is a dict of runs rather than a run."""
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and "history" not in value
        and all(
            isinstance(run, Mapping) or hasattr(run, "history")
            for run in value.values()
        )
    )


def _places(names, shown):
    """Returns the places of the runs to show first."""
    if shown is None:
        return list(range(min(len(names), _MOST_SHOWN)))
    shown = list(shown)
    unknown = [name for name in shown if name not in names]
    if unknown or len(shown) > _MOST_SHOWN:
        raise ValueError(
            f"`shown` must name at most {_MOST_SHOWN} of the runs "
            f"{', '.join(names)}. Received: {shown}"
        )
    return [names.index(name) for name in shown]


def _run(name, run, on_processor):
    """Returns what the browser draws of a run, from any of its forms."""
    history = getattr(run, "history", run)
    images, alone, hue = 0, True, -1
    if _is_record(run):
        images = int(run.get("data", {}).get("images", [0])[0])
        alone = "together" not in run
        hue = _HUES.get(str(run.get("model")).partition("_")[0], -1)
        history = run["history"]
    valid = isinstance(history, Mapping) and all(
        np.ndim(values) == 1 and len(values) for values in history.values()
    )
    metrics = [m for m in history if m not in _TIMES] if valid else []
    if not metrics:
        raise ValueError(
            f"The history of {name!r} must be a dict from metrics to lists of "
            f"numbers, one for each epoch. Received: {history!r:.80}"
        )
    seconds = history.get("seconds", history.get("seconds_per_epoch", []))
    if on_processor:
        seconds = history["cpu_seconds"]
    elif not alone:
        seconds = []  # those of all that were trained together
    return {
        "metrics": {metric: _rounded(history[metric]) for metric in metrics},
        "seconds": _rounded(seconds),
        "images": images,
        "hue": hue,
    }


def _rounded(values):
    """Returns numbers with five digits, which no eye can tell apart.

    What is no finite number is None: JSON has no NaN, and a curve has a gap.
    """
    numbers = [float(value) for value in values]
    return [float(f"{n:.5g}") if math.isfinite(n) else None for n in numbers]
