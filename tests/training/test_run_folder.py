"""The folder of a run: what it keeps, and which run it refuses."""

import json
import pathlib
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

from cct_utils.training import RunFolder, run_folder

CONFIG = {"model": "small", "settings": {"epochs": 3, "shape": (8, 8)}}


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    return model


def values(model):
    return [
        keras.ops.convert_to_numpy(each)
        for each in (*model.weights, *model.optimizer.variables)
    ]


def history(epochs):
    return {"loss": [1.0] * epochs, "val_accuracy": [0.5] * epochs}


def test_a_new_folder_holds_no_epoch(tmp_path):
    folder = RunFolder(tmp_path / "a" / "b", CONFIG)
    assert folder.epochs_done == 0
    assert folder.history == {}


def test_weights_and_optimizer_are_restored(tmp_path, model):
    RunFolder(tmp_path, CONFIG).save(model, history(1), is_best=True)
    saved = values(model)
    for weight in model.weights:
        weight.assign(keras.ops.zeros(weight.shape))
    fresh = keras.models.clone_model(model)
    fresh.compile("adam", "mse")
    for each in (model, fresh):
        folder = RunFolder(tmp_path, CONFIG)
        assert folder.epochs_done == 1
        folder.restore_last(each)
        for received, expected in zip(values(each), saved, strict=True):
            np.testing.assert_array_equal(received, expected)


def test_the_best_weights_stay_while_later_epochs_are_saved(tmp_path, model):
    folder = RunFolder(tmp_path, CONFIG)
    folder.save(model, history(1), is_best=True)
    best = values(model)
    for epoch in (2, 3, 4):
        model.train_on_batch(np.ones((4, 3)), np.zeros((4, 2)))
        folder.save(model, history(epoch), is_best=False)
    names = sorted(path.name for path in tmp_path.glob("*.h5"))
    assert names == ["last-0001.weights.h5", "last-0004.weights.h5"]
    folder = RunFolder(tmp_path, CONFIG)
    assert folder.epochs_done == 4
    folder.restore_best(model)
    for received, expected in zip(values(model), best, strict=True):
        np.testing.assert_array_equal(received, expected)


def test_a_folder_of_another_run_is_refused_naming_the_difference(tmp_path):
    RunFolder(tmp_path, CONFIG)
    other = {"model": "small", "settings": {"epochs": 9, "shape": (8, 8)}}
    with pytest.raises(ValueError) as error:
        RunFolder(tmp_path, other)
    message = str(error.value)
    assert str(tmp_path) in message
    assert "(settings.epochs was 3 and is now 9)" in message
    RunFolder(tmp_path, CONFIG)  # its own run is still welcome


def test_a_key_that_only_one_run_has_is_a_difference(tmp_path):
    RunFolder(tmp_path, CONFIG)
    with pytest.raises(ValueError, match="extra was None and is now 1"):
        RunFolder(tmp_path, {**CONFIG, "extra": 1})


def test_what_a_killed_process_left_over_is_removed(tmp_path):
    RunFolder(tmp_path, CONFIG)
    (tmp_path / "partial-1234-last-0001.weights.h5").write_bytes(b"half")
    (tmp_path / "last-0001.weights.h5").write_bytes(b"not in the state yet")
    RunFolder(tmp_path, CONFIG)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"config.json", "lock"}


def test_a_folder_of_something_else_is_not_tidied(tmp_path):
    (tmp_path / "partial-thesis.txt").write_text("do not touch")
    RunFolder(tmp_path, CONFIG)
    assert (tmp_path / "partial-thesis.txt").exists()


def test_a_setting_that_nobody_has_set_is_no_difference(tmp_path):
    """A newer package knows more settings, off by default."""
    RunFolder(tmp_path, CONFIG)
    RunFolder(tmp_path, {**CONFIG, "newer": None, "more": {}})


def test_a_network_is_compared_where_both_configurations_name_it(tmp_path):
    """Folders that an older package has begun do not."""
    RunFolder(tmp_path / "old", CONFIG)
    RunFolder(tmp_path / "old", {**CONFIG, "architecture": "a"})
    new = {**CONFIG, "architecture": "a"}
    RunFolder(tmp_path / "new", new)
    RunFolder(tmp_path / "new", new)
    RunFolder(tmp_path / "new", CONFIG)
    with pytest.raises(ValueError, match="architecture was 'a' and is now"):
        RunFolder(tmp_path / "new", {**CONFIG, "architecture": "b"})


def test_a_config_of_something_else_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match="belongs to another run"):
        RunFolder(tmp_path, CONFIG)


def test_the_optimizer_of_float16_is_restored_without_a_warning(tmp_path):
    def compiled():
        layer = keras.layers.Dense(2, dtype="mixed_float16")
        model = keras.Sequential([keras.Input((3,)), layer])
        inner = keras.optimizers.Adam()
        optimizer = keras.optimizers.LossScaleOptimizer(inner)
        model.compile(optimizer, "mse")
        return model

    model = compiled()
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    RunFolder(tmp_path, CONFIG).save(model, history(1), is_best=True)
    saved = values(model)
    folder = RunFolder(tmp_path, CONFIG)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for each in (model, compiled()):
            folder.restore_last(each)
            for received, expected in zip(values(each), saved, strict=True):
                np.testing.assert_array_equal(received, expected)


def test_results_are_written_and_the_record_is_last(tmp_path, model):
    logits = np.random.default_rng(0).normal(size=(5, 300))
    labels = np.array([0, 299, 255, 256, 7])
    folder = RunFolder(tmp_path, CONFIG)
    folder.finish(model, {"test": {"accuracy": 0.5}}, logits, labels)
    assert json.loads((tmp_path / "record.json").read_text()) == {
        "test": {"accuracy": 0.5}
    }
    with np.load(tmp_path / "test_logits.npz") as file:
        np.testing.assert_array_equal(file["labels"], labels)
        np.testing.assert_allclose(file["logits"], logits, atol=2e-3)
    modified = {
        path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()
    }
    assert max(modified, key=modified.get) == "record.json"


# One process at a time, and a disk that is full

HOLD = """
import sys, time
from cct_utils.training import RunFolder, run_folder

with RunFolder(sys.argv[1], {"model": "small"}):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_kept_out_until_the_first_is_gone(tmp_path):
    config = {"model": "small"}
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert first.stdout.readline() == "locked\n"
        # Files that the first one is writing, or has not yet named.
        writing = tmp_path / "partial-1-last-0002.weights.h5"
        written = tmp_path / "last-0002.weights.h5"
        for path in (writing, written):
            path.write_bytes(b"")
        with pytest.raises(ValueError, match="one process at a time") as error:
            RunFolder(tmp_path, config)
        assert str(tmp_path) in str(error.value)
        assert writing.exists() and written.exists()
    finally:
        first.kill()
        first.wait()
    with RunFolder(tmp_path, config) as folder:
        assert folder.epochs_done == 0


FILL = """
import resource, signal, sys
import keras
import numpy as np
from cct_utils.training import RunFolder, run_folder

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.compile("adam", "mse")
folder = RunFolder(sys.argv[1], {"model": "small"})
model.train_on_batch(np.ones((4, 3)), np.zeros((4, 2)))
folder.save(model, {"loss": [1.0]}, is_best=True)
# From here on no file can grow beyond a kilobyte: the disk is full.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
folder.save(model, {"loss": [1.0, 0.5]}, is_best=True)
"""


def test_a_full_disk_leaves_the_previous_epoch_whole(tmp_path, model):
    ended = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path)], capture_output=True
    )
    assert ended.returncode != 0 and b"File too large" in ended.stderr
    folder = RunFolder(tmp_path, {"model": "small"})
    assert folder.epochs_done == 1
    assert folder.history == {"loss": [1.0]}
    folder.restore_last(model)
    assert not list(tmp_path.glob("partial-*"))


def test_a_disk_without_room_is_said_before_writing(
    tmp_path, model, monkeypatch
):
    folder = RunFolder(tmp_path, CONFIG)
    folder.save(model, history(1), is_best=True)
    usage = run_folder.shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(run_folder.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="goes on after epoch 1") as error:
        folder.save(model, history(2), is_best=True)
    assert str(tmp_path) in str(error.value)
    assert RunFolder(tmp_path, CONFIG).epochs_done == 1


def test_a_disk_without_room_is_said_before_the_results(
    tmp_path, model, monkeypatch
):
    folder = RunFolder(tmp_path, CONFIG)
    usage = run_folder.shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(run_folder.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="The disk must have"):
        folder.finish(model, {}, np.zeros((2, 3)), np.zeros(2, int))
    assert folder.record is None and not list(tmp_path.glob("best*"))


def test_what_was_trained_between_opening_and_locking_is_seen(tmp_path, model):
    early = RunFolder(tmp_path, CONFIG)
    RunFolder(tmp_path, CONFIG).save(model, history(2), is_best=True)
    with early as folder:
        assert folder.epochs_done == 2


def test_a_writer_that_fails_leaves_the_previous_state(
    tmp_path, model, monkeypatch
):
    folder = RunFolder(tmp_path, CONFIG)
    folder.save(model, history(1), is_best=True)

    def fail(path):
        pathlib.Path(path).write_bytes(b"half of")
        raise OSError("No space left on device")

    monkeypatch.setattr(model, "save_weights", fail)
    with pytest.raises(OSError, match="No space left"):
        folder.save(model, history(2), is_best=True)
    again = RunFolder(tmp_path, CONFIG)
    assert again.epochs_done == 1
    again.restore_last(model)
    assert not list(tmp_path.glob("partial-*"))
