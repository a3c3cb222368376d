"""Progress that is pleasant to watch and leaves a short trace.

In a notebook one display is rewritten in place, so that the saved output is
one line per epoch. In a terminal a bar runs through each epoch. Anywhere else
(a log file) one line per epoch is printed.
"""

import sys
import time

import keras
from tqdm import tqdm


class Progress(keras.callbacks.Callback):
    """Shows each epoch's metrics on one line, with the time that is left.

    Args:
        num_epochs: number of epochs of the whole run.
        first_epoch: number of epochs that were done before, in a resumed run.
    """

    def __init__(self, num_epochs, first_epoch=0):
        super().__init__()
        self.num_epochs, self.first_epoch = num_epochs, first_epoch
        self.show = _notebook_display() or _print_line

    def on_train_begin(self, logs=None):
        self.start = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch_start = time.monotonic()
        self.title = f"epoch {epoch + 1}/{self.num_epochs}"
        self.bar = tqdm(
            total=self.params["steps"],
            desc=self.title,
            unit="step",
            leave=False,
            disable=not sys.stderr.isatty() or self.show is not _print_line,
        )
        self.shown_at = 0.0

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()
        now = time.monotonic()
        # Twice a second is live enough, and costs nothing.
        if self.show is not _print_line and now - self.shown_at > 0.5:
            self.shown_at = now
            steps = self.params["steps"]
            self.show(
                f"{self.title}  step {batch + 1}/{steps}  "
                f"loss {logs['loss']:.3f}",
                False,
            )

    def on_epoch_end(self, epoch, logs=None):
        self.bar.close()
        done = epoch + 1 - self.first_epoch
        per_epoch = (time.monotonic() - self.start) / done
        seconds = time.monotonic() - self.epoch_start
        left = per_epoch * (self.num_epochs - epoch - 1)
        self.show(
            f"epoch {epoch + 1:>{len(str(self.num_epochs))}}/"
            f"{self.num_epochs}  loss {logs['loss']:.3f}  "
            f"accuracy {logs['accuracy']:6.1%}  "
            f"validation {logs['val_accuracy']:6.1%}  "
            f"{_duration(seconds)}"
            + (f", {_duration(left)} left" if left else ""),
            True,
        )


def _duration(seconds):
    """Returns a duration as a person would say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _print_line(line, is_final):
    """Prints a line that is there to stay."""
    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()


def _notebook_display():
    """Returns a function that rewrites one display, or None elsewhere."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython import get_ipython
    from IPython.display import display

    if getattr(get_ipython(), "kernel", None) is None:
        return None  # no shell, or one without a page to show things on
    lines = []
    handle = display({"text/plain": ""}, raw=True, display_id=True)

    def show(line, is_final):
        shown = [*lines, line]
        if is_final:
            lines.append(line)
        handle.update({"text/plain": "\n".join(shown)}, raw=True)

    return show
