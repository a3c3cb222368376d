"""Results: whole files or none, records by name, trained weights."""

import json
import os
import pathlib
import shutil
import subprocess

import keras
import numpy as np
import pytest

from cct_utils import (
    create_cct_variant,
    load_record,
    load_test_logits,
    load_trained,
    recorded_runs,
    results,
)
from cct_utils.models import create_model


def test_write_atomically_replaces_a_file(tmp_path):
    path = tmp_path / "file.txt"
    for text in ("first", "second"):
        results.write_atomically(path, lambda p, t=text: p.write_text(t))
        assert path.read_text() == text
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Or a machine that loses power may be left with an empty one."""
    steps = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)

        def watched(*arguments, name=name, original=original):
            steps.append(name)
            original(*arguments)

        monkeypatch.setattr(results.os, name, watched)
    results.write_json(tmp_path / "a.json", {})
    assert steps == ["fsync", "replace"]


@pytest.mark.parametrize(
    ("run", "augmentation"),
    [
        ("cct_2_3x2_cifar10", "crop_flip"),
        ("article_cifar10", "crop_flip"),
        ("vit_lite_2_4_article_0", "none"),
    ],
)
def test_a_seed_draws_the_weights_that_a_recorded_run_began_with(
    run, augmentation
):
    """Or its command would train another run, and chapter 02 be wrong."""
    record = load_record(run)
    keras.utils.set_random_seed(record["seed"])
    model = create_model(
        record["model"],
        augmentation=augmentation,
        **record.get("model_arguments", {}),
    )
    trained = load_trained(run)
    for name in ("tokenizer", "position_embedding"):
        start, end = (
            np.ravel(each.get_layer(name).get_weights()[0])
            for each in (model, trained)
        )
        # Of noise that the training has not covered much is left.
        assert np.corrcoef(start, end)[0, 1] > 0.5


def test_write_atomically_keeps_the_ending_for_the_writer(tmp_path):
    seen = []

    def write(partial):
        seen.append(partial)
        partial.write_text("")

    results.write_atomically(tmp_path / "a.weights.h5", write)
    assert seen[0].name.endswith(".weights.h5")
    assert seen[0].parent == tmp_path and seen[0].name != "a.weights.h5"


def test_write_atomically_keeps_the_old_file_if_the_writer_fails(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(partial):
        partial.write_text("hal")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        results.write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def test_write_json_keeps_the_old_file_if_the_content_is_no_json(tmp_path):
    path = tmp_path / "record.json"
    results.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        results.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


# Records


@pytest.fixture
def run(tmp_path):
    """The folder of a finished run, without training one."""
    model = create_cct_variant("cct_2_3x2", input_shape=(16, 24, 3))
    model.save_weights(tmp_path / "best.weights.h5")
    logits = np.random.default_rng(0).normal(size=(6, 10))
    np.savez_compressed(
        tmp_path / "test_logits.npz",
        logits=logits.astype("float16"),
        labels=np.arange(6, dtype="uint8"),
    )
    record = {
        "model": "cct_2_3x2",
        "data": {"image_shape": [16, 24, 3], "num_classes": 10},
        "seed": 0,
    }
    results.write_json(tmp_path / "record.json", record)
    return tmp_path, model, logits, record


def test_a_folder_is_loaded_like_a_recorded_run(run):
    folder, model, logits, record = run
    assert load_record(folder) == load_record(str(folder)) == record
    stored, labels = load_test_logits(folder)
    assert (stored.dtype, labels.dtype) == ("float32", "int64")
    np.testing.assert_allclose(stored, logits, atol=2e-3)
    np.testing.assert_array_equal(labels, range(6))
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(load_trained(folder)(images)),
        keras.ops.convert_to_numpy(model(images)),
    )


@pytest.mark.parametrize("load", [load_record, load_trained, load_test_logits])
def test_an_unknown_run_is_refused(load, tmp_path):
    with pytest.raises(ValueError, match="Received: 'cct_2_cifar'"):
        load("cct_2_cifar")
    with pytest.raises(ValueError, match="folder of a finished run"):
        load(tmp_path)


def test_the_nearest_recorded_run_is_named(monkeypatch, run):
    folder, *_ = run
    monkeypatch.setattr(results, "RECORDED", folder.parent)
    assert folder.name in recorded_runs()
    with pytest.raises(ValueError, match=f"did you mean {folder.name!r}"):
        load_record(folder.name[:-1])


@pytest.mark.parametrize(
    ("load", "file"),
    [(load_trained, "best.weights.h5"), (load_test_logits, "test_logits.npz")],
)
def test_a_run_of_which_the_record_alone_is_kept_says_so(load, file, run):
    folder, *_, record = run
    record = {**record, "command": "python -m cct_utils train x"}
    results.write_json(folder / "record.json", record)
    (folder / file).unlink()
    assert load_record(folder) == record
    with pytest.raises(
        ValueError, match="alone; of .* trains it again: .* train x"
    ):
        load(folder)


def test_runs_with_weights_are_those_that_can_be_loaded(monkeypatch, run):
    folder, *_ = run
    monkeypatch.setattr(results, "RECORDED", folder.parent)
    assert folder.name in results.runs_with_weights()
    (folder / "best.weights.h5").unlink()
    assert folder.name not in results.runs_with_weights()
    assert folder.name in recorded_runs()


def test_records_hold_every_epoch():
    for name in recorded_runs():
        record = load_record(name)
        epochs = record["settings"]["num_epochs"]
        assert {len(each) for each in record["history"].values()} == {epochs}
        scores = record["history"]["val_accuracy"]
        # The epochs on small images are not among those to choose from.
        whole = scores[results.small_epochs(record["settings"]) :]
        assert scores[record["best_epoch"] - 1] == max(whole)
        assert record["test"]["images"] == record["data"]["images"][2]


@pytest.mark.parametrize("name", results.runs_with_weights())
def test_runs_with_weights_are_whole(name):
    record = load_record(name)
    logits, labels = load_test_logits(name)
    count, classes = record["data"]["images"][2], logits.shape[1]
    assert logits.shape == (count, record["data"]["num_classes"])
    assert labels.shape == (count,) and labels.max() < classes
    right = np.sum(logits.argmax(axis=1) == labels)
    # The stored logits have half the digits, which makes ties of some
    # neighbors; a tie may fall either way, and nothing else may change.
    first, second = np.sort(logits, axis=1)[:, :-3:-1].T
    ties = np.sum(first == second)
    assert abs(right - round(count * record["test"]["accuracy"])) <= ties
    assert ties < count / 1000
    assert load_trained(name).count_params() == record["parameters"]


def test_the_default_is_the_best_of_its_model_on_the_validation_images():
    best = {
        name: record["history"]["val_accuracy"][record["best_epoch"] - 1]
        for name in results.recorded_runs()
        if (record := load_record(name))["model"] == "cct_2_3x2"
    }
    assert max(best, key=best.get) == results.BEST_RUN
    received, expected = load_trained(), load_trained(results.BEST_RUN)
    for one, other in zip(received.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one, other)


# The environment


def test_the_environment_is_described():
    environment = results.describe_environment()
    assert environment["versions"]["numpy"] == np.__version__
    assert environment["hardware"]["cores"] >= 1
    assert environment["hardware"]["processor"]
    known = set(results.INSTRUCTIONS)
    assert set(environment["hardware"]["instructions"]) <= known
    assert json.loads(json.dumps(environment)) == environment


def test_instructions_are_those_of_the_processors_flags(monkeypatch, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "model name\t: Some: CPU\nflags\t\t: fpu avx2 avx512_bf16x amx_bf16\n"
        "\nmodel name\t: another\nflags\t\t: avx512f\n"
    )
    monkeypatch.setattr(results.pathlib, "Path", lambda path: cpuinfo)
    assert results._instructions() == ["avx2", "amx_bf16"]
    assert results._processor() == "Some: CPU"
    cpuinfo.unlink()  # another system than Linux
    assert results._instructions() == []
    assert results._processor()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_commit_is_the_packages_own(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    package = tmp_path / "lib" / "cct_utils"
    package.mkdir(parents=True)
    source = package / "results.py"
    source.write_text("")
    (tmp_path / "other.txt").write_text("")
    monkeypatch.setattr(results, "__file__", str(source))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert results._commit() is None  # no checkout at all
    git("init", "-q")
    git("add", "other.txt")
    git("commit", "-q", "-m", "another project")
    assert results._commit() is None  # installed inside another project
    git("add", ".")
    git("commit", "-q", "-m", "the package")
    assert len(results._commit()) == 12
    source.write_text("changed = True")
    assert results._commit().endswith("+changes")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["/x/cct_utils/__main__.py", "train", "cct_2_3x2", "--out", "a b"],
            "python -m cct_utils train cct_2_3x2 --out 'a b'",
        ),
        (["/x/script.py", "--fast"], "python script.py --fast"),
    ],
)
def test_command_line_can_be_repeated(arguments, expected, monkeypatch):
    monkeypatch.setattr(results.sys, "argv", arguments)
    assert results.command_line() == expected


def test_partial_files_of_two_processes_do_not_meet(tmp_path, monkeypatch):
    names = []
    for process in (11, 12):
        monkeypatch.setattr(os, "getpid", lambda p=process: p)
        results.write_atomically(
            tmp_path / "a.txt",
            lambda partial: (
                names.append(pathlib.Path(partial.name))
                or partial.write_text("")
            ),
        )
    assert len(set(names)) == 2
