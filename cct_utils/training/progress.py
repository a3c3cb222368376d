"""Progress that is pleasant to watch and leaves a short trace.

In a notebook one display is rewritten in place, so that the saved output is
one line per epoch. In a terminal a bar runs through each epoch. Anywhere else
(a log file) one line per epoch is printed.
"""

import sys
import time

import keras
import numpy as np
from tqdm import tqdm


class Progress(keras.callbacks.Callback):
    """Shows each epoch's metrics on one line, with the time that is left.

    Args:
        num_epochs: number of epochs of the whole run.
        first_epoch: number of epochs that were done before, in a resumed run.
        price: array `(num_epochs,)`, what each epoch costs beside the others;
            all of them the same if None.
    """

    def __init__(self, num_epochs, first_epoch=0, price=None):
        super().__init__()
        self.num_epochs, self.first_epoch = num_epochs, first_epoch
        self.price = np.ones(num_epochs) if price is None else price
        self.show = _notebook_display() or _print_line
        self.start = None

    def on_train_begin(self, logs=None):
        # A training on images of two sizes begins twice.
        if self.start is None:
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
        self.bar.update(batch + 1 - self.bar.n)  # by several, where asked for
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
        paid = np.sum(self.price[self.first_epoch : epoch + 1])
        due = np.sum(self.price[epoch + 1 :])
        left = (time.monotonic() - self.start) * due / paid
        seconds = time.monotonic() - self.epoch_start
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
