"""The folder of a run: what a killed training needs to go on.

`state.json` is the only file that says how far the run is, and it is replaced
in one step after the weights it names are completely written. Whenever the
process is killed, the folder therefore holds a whole epoch: the last one.
"""

import json
import pathlib
import shutil

import numpy as np

try:
    import fcntl
except ImportError:  # Windows has no such locks: nobody is kept out there
    fcntl = None

from cct_utils._files import write_atomically, write_json

# What the first configurations do not say: compared where both say it.
YOUNGER = ("architecture",)


class RunFolder:
    """Saves and restores the state of one training run.

    As a context it also keeps other processes out of the folder.

    Args:
        path: the folder; created where it does not exist.
        config: a dict that says what the run is. A folder that was begun with
            another one is refused.

    Raises:
        ValueError: if the folder belongs to another configuration; the
            message names the difference; or if another process trains in it.
    """

    def __init__(self, path, config):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        config = json.loads(json.dumps(config))
        # Whoever is training here writes files that we would tidy away.
        with self._locked():
            known = self._read("config.json")
            if known is None:
                write_json(self.path / "config.json", config)
            else:
                self._check_same(known, config)
            self.state = self._read("state.json")
            if known is not None:
                for partial in self.path.glob("partial-*"):
                    partial.unlink()  # what a killed process was writing
                self._delete_old_weights()

    def __enter__(self):
        """Locks the folder; the system unlocks it even if we are killed.

        Raises:
            ValueError: if another process trains in this folder.
        """
        self.lock = self._locked()
        # It may have been trained since we looked.
        self.state = self._read("state.json")
        return self

    def _locked(self):
        """Returns the lock of the folder, an open file; closing it unlocks."""
        lock = open(self.path / "lock", "w")
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.close()
                raise ValueError(
                    "A run folder belongs to one process at a time: wait for "
                    "the other one, or choose another folder. Received: "
                    f"{self.path}, in which another process is training"
                ) from error
        return lock

    def __exit__(self, *error):
        """Unlocks the folder."""
        self.lock.close()

    def _read(self, name):
        """Returns the content of a JSON file, or None if there is none."""
        path = self.path / name
        return json.loads(path.read_text()) if path.exists() else None

    def _check_same(self, known, config):
        """Raises if the two configurations differ, and says how."""
        known, config = _flat(known), _flat(config)
        parts = ", ".join(
            f"{key} was {known.get(key)!r} and is now {config.get(key)!r}"
            for key in {**known, **config}
            if known.get(key) != config.get(key)
            and not (
                key in YOUNGER and None in (known.get(key), config.get(key))
            )
        )
        if parts:
            raise ValueError(
                f"The folder {self.path} belongs to another run ({parts}); "
                "choose another folder, or delete this one to start again"
            )

    @property
    def epochs_done(self):
        """Number of complete epochs that are saved."""
        return self.state["epochs_done"] if self.state else 0

    @property
    def history(self):
        """Metrics of the complete epochs: name -> list of values."""
        return dict(self.state["history"]) if self.state else {}

    @property
    def record(self):
        """What a finished run has left, a dict; None before that."""
        return self._read("record.json")

    def save(self, model, history, is_best):
        """Saves the state after an epoch; atomic as a whole.

        Args:
            model: the compiled model; weights and optimizer are saved.
            history: metrics of all epochs so far, name -> list of values.
            is_best: whether this epoch's weights are the best so far.
        """
        self._check_space(*model.weights, *model.optimizer.variables)
        epoch = len(history["loss"])
        last = f"last-{epoch:04d}.weights.h5"
        # The optimizer's variables go along, or momentum would be lost.
        write_atomically(self.path / last, model.save_weights)
        best = last if is_best else self.state["best"]
        self.state = {
            "epochs_done": epoch,
            "last": last,
            "best": best,
            "history": history,
        }
        write_json(self.path / "state.json", self.state)
        self._delete_old_weights()

    def _check_space(self, *variables):
        """Raises if the disk has no room for a file of some variables.

        HDF5 does not survive a disk that fills up while it writes: it ends
        the process without a word of why. The folder survives that, but the
        sentence here is the better end.
        """
        needed = 2 * sum(int(np.prod(each.shape)) * 4 for each in variables)
        free = shutil.disk_usage(self.path).free
        if free < needed:
            raise OSError(
                f"The disk must have {needed / 1e6:.1f} MB for a checkpoint; "
                "make room, and the same command goes on after epoch "
                f"{self.epochs_done}. Received: {free / 1e6:.1f} MB free in "
                f"{self.path}"
            )

    def _delete_old_weights(self):
        """Deletes the weights that are neither the last nor the best."""
        state = self.state or {"last": None, "best": None}
        for old in self.path.glob("last-*.weights.h5"):
            if old.name not in (state["last"], state["best"]):
                old.unlink()

    def restore_last(self, model):
        """Loads the weights and the optimizer of the last whole epoch."""
        self._restore(model, self.state["last"])

    def restore_best(self, model):
        """Loads the weights of the epoch with the best validation.

        Where the optimizer keeps a moving average of them, it is the average
        that was validated, and that is loaded.
        """
        self._restore(model, self.state["best"])
        model.optimizer.finalize_variable_values(model.trainable_variables)

    def _restore(self, model, name):
        """Loads weights and optimizer from one file."""
        # Building it again would give an optimizer of float16 new variables.
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.load_weights(self.path / name)

    def finish(self, model, record, test_logits, test_labels):
        """Writes the results of the run, the record last.

        Args:
            model: the tested model, uncompiled, so that its weights are saved
                without an optimizer's.
            record: the run's record.
            test_logits: array `(n, classes)`.
            test_labels: integer array `(n,)`.
        """
        self._check_space(*model.weights)
        write_atomically(self.path / "best.weights.h5", model.save_weights)

        def save_logits(path):
            with open(path, "wb") as file:
                np.savez_compressed(
                    file,
                    logits=test_logits.astype("float16"),
                    labels=test_labels.astype(
                        np.min_scalar_type(test_logits.shape[1] - 1)
                    ),
                )

        write_atomically(self.path / "test_logits.npz", save_logits)
        write_json(self.path / "record.json", record)


def _flat(config, prefix=""):
    """Returns a nested dict as a flat one, with keys such as `"data.name"`.

    None is left out: that is what a setting is that nobody has set. What is no
    dict, and so of no run, is named by its file.
    """
    if not isinstance(config, dict):
        return {"config.json": config}
    flat = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            flat[prefix + key] = value
    return flat
