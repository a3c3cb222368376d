"""The command line: train, be killed, resume, evaluate, refuse in one line."""

import json
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from cct_utils import (
    create_cct_variant,
    load_dataset,
    load_test_logits,
    load_trained,
    run_experiment,
)
from cct_utils.__main__ import _parse_settings, _parser, main
from cct_utils.training import evaluation, predict_logits

TRAIN = (
    "train cct_2_3x2 --dataset digits --train-images 200 --epochs 2 "
    "--validation-split 0.2 --set batch_size=64"
)


@pytest.fixture(autouse=True)
def policy():
    """Gives the next test the precision that this one found."""
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run that the command line trained."""
    folder = tmp_path_factory.mktemp("cli") / "new" / "run"
    assert main([*TRAIN.split(), "--out", str(folder)]) == 0
    return folder


def read_record(folder):
    return json.loads((folder / "record.json").read_text())


# Training


def test_train_writes_record_weights_and_predictions(run):
    names = {path.name for path in run.iterdir()}
    assert {"record.json", "best.weights.h5", "test_logits.npz"} <= names
    record = read_record(run)
    assert (record["model"], record["data"]["name"]) == ("cct_2_3x2", "digits")
    assert record["parameters"] == 283_723
    assert record["settings"]["num_epochs"] == 2
    assert record["settings"]["batch_size"] == 64
    assert record["data"]["images"][:2] == [160, 40]
    assert record["settings"]["augmentation"] == "crop_flip"
    assert record["recipe"] == "article"


def test_the_same_command_goes_on_with_a_finished_run(run, capsys):
    before = read_record(run)
    assert main([*TRAIN.split(), "--out", str(run)]) == 0
    out = capsys.readouterr().out
    assert "epoch" not in out and "Test accuracy" in out
    assert read_record(run)["history"] == before["history"]


KILLED = """
import os, signal, sys
from cct_utils.__main__ import main
from cct_utils.training import experiment

def kill_in_mid_epoch(self, batch, logs=None):
    if (self.epoch, batch) == (1, 1):
        os.kill(os.getpid(), signal.SIGKILL)

experiment._StopOnDivergence.on_train_batch_end = kill_in_mid_epoch
main(sys.argv[1:])
"""


@pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here"
)
def test_a_process_killed_in_mid_epoch_resumes_with_the_same_command(
    root, run, tmp_path, capsys
):
    command = [*TRAIN.split(), "--out", str(tmp_path)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *command],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["epochs_done"] == 1
    assert not (tmp_path / "record.json").exists()

    assert main(command) == 0
    out = capsys.readouterr().out
    assert "epoch 1/2" not in out and "epoch 2/2" in out
    resumed, whole = read_record(tmp_path), read_record(run)
    for name in whole["history"].keys() - {"seconds", "cpu_seconds"}:
        expected = pytest.approx(whole["history"][name], rel=1e-5, abs=1e-5)
        assert resumed["history"][name] == expected, name
    assert resumed["test"] == pytest.approx(whole["test"], abs=1e-5)
    # The commit is what lay there when each of them began.
    for key in whole.keys() - {"history", "command", "commit", "test"}:
        assert resumed[key] == whole[key], key


# Several seeds together

SMALL = {
    "embed_dim": 16,
    "transformer_layers": 1,
    "stochastic_depth_rate": 0.0,
    "attention_dropout_rate": 0.0,
}
TOGETHER = (
    "train cct_2_3x1 --dataset digits --train-images 40 --epochs 1 "
    "--recipe authors_200 --seeds 0 1 "
    "--set batch_size=18 warmup_epochs=0 augmentation=none "
) + " ".join(f"{name}={value}" for name, value in SMALL.items())


@pytest.fixture
def members(monkeypatch):
    """A function of a command: the members and options that it trains."""
    calls = []

    def run_together(members, **options):
        calls.append((members, options))

    monkeypatch.setattr("cct_utils.training.run_together", run_together)

    def members(*words):
        assert main([*TOGETHER.split(), "--out", "runs/it", *words]) == 0
        return calls.pop()

    return members


def test_seeds_are_members_with_models_and_data_of_their_own(members):
    (first, second), options = members()
    assert (first.folder, second.folder) == ("runs/it_0", "runs/it_1")
    assert (first.seed, second.seed) == (0, 1)
    assert first.recipe == second.recipe
    assert first.recipe.num_epochs == 1 and first.recipe.batch_size == 18
    assert first.recipe.weight_decay == 0.03  # the recipe's own
    assert options == {
        "recipe_name": "authors_200",
        "model_arguments": SMALL,
    }
    for each in (first, second):
        expected = load_dataset("digits", seed=each.seed, train_images=40)
        assert each.data.fingerprint == expected.fingerprint
    (halved, *_), _ = members("--validation-split", "0.5")
    assert len(halved.data.x_train) == len(halved.data.x_val) == 20
    first, second = (each.model.get_layer("logits") for each in (first, second))
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])


def test_a_sweep_is_a_member_for_each_seed_and_each_value(members):
    words = "--sweep learning_rate=0.002,0.004 policy_epochs=null,1".split()
    trained, _ = members(*words)
    assert [
        (
            each.folder,
            each.recipe.learning_rate,
            each.recipe.policy_epochs,
            each.seed,
        )
        for each in trained
    ] == [
        (f"runs/it_{rate}_{epochs}_{seed}", rate, epochs, seed)
        for seed in (0, 1)
        for rate in (0.002, 0.004)
        for epochs in (None, 1)
    ]


@pytest.fixture(scope="module")
def swept(run_with_jax, tmp_path_factory):
    """The path, but for value and seed, of runs that were trained together."""
    out = tmp_path_factory.mktemp("together") / "run"
    sweep = ("--sweep", "learning_rate=0.002,0.004", "--out", out)
    run_with_jax("cct_utils", *TOGETHER.split(), *sweep)
    return out


def test_runs_trained_together_lie_in_folders_of_their_own(swept):
    names = {path.name for path in swept.parent.iterdir()}
    runs = [(rate, seed) for rate in (0.002, 0.004) for seed in (0, 1)]
    assert names == {f"run_{rate}_{seed}" for rate, seed in runs}
    for rate, seed in runs:
        record = read_record(swept.with_name(f"run_{rate}_{seed}"))
        assert record["settings"]["learning_rate"] == rate
        assert record["seed"] == seed
        assert (record["together"], record["recipe"]) == (4, "authors_200")
        assert record["command"].startswith("python -m cct_utils train cct_2")
        assert "--seeds 0 1" in record["command"]
        assert len(record["history"]["val_accuracy"]) == 1


@pytest.mark.parametrize("name", ["run_0.002_0", "run_0.004_1"])
def test_a_run_trained_together_is_loaded_with_any_backend(name, swept, capsys):
    folder = swept.with_name(name)
    logits, labels = load_test_logits(folder)
    images = load_dataset("digits").x_test
    received = predict_logits(load_trained(folder), images)
    np.testing.assert_allclose(received, logits, atol=5e-3)
    assert main(["evaluate", str(folder)]) == 0
    test = read_record(folder)["test"]
    assert test["images"] == len(labels)
    assert f"Test accuracy: {test['accuracy']:.2%}" in capsys.readouterr().out


# Evaluation


def test_evaluate_prints_top_1_and_top_5_of_the_test_images(run, capsys):
    assert main(["evaluate", str(run)]) == 0
    test = read_record(run)["test"]
    assert capsys.readouterr().out.splitlines() == [
        f"cct_2_3x2 on digits: {test['images']} test images",
        f"Test accuracy: {test['accuracy']:.2%}",
        f"Test top 5 accuracy: {test['top-5-accuracy']:.2%}",
    ]


def test_evaluate_of_the_test_images_does_not_divide_the_others(
    run, tmp_path, capsys
):
    shutil.copytree(run, tmp_path / "run")
    record = read_record(run)
    record["data"]["images"] = [10**6, 1, record["test"]["images"]]
    (tmp_path / "run" / "record.json").write_text(json.dumps(record))
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    assert f"{record['test']['accuracy']:.2%}" in capsys.readouterr().out


def test_evaluate_on_other_pixels_says_so(run, tmp_path, capsys):
    """Of another copy of the data set, for instance of JPEG files."""
    shutil.copytree(run, tmp_path / "run")
    record = read_record(run)
    record["data"]["fingerprint"] = "of another"
    (tmp_path / "run" / "record.json").write_text(json.dumps(record))
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    _, second, third, _ = capsys.readouterr().out.splitlines()
    assert second == "Not the pixels of the run: other images, or another copy"
    assert third == f"Test accuracy: {record['test']['accuracy']:.2%}"


def test_evaluate_of_a_part_of_the_images_is_of_that_part(tmp_path, capsys):
    model = create_cct_variant("cct_2_3x1", **SMALL)
    data = load_dataset("digits", train_images=100, test_images=60)
    record = run_experiment(
        model, data, num_epochs=2, batch_size=45, progress=False,
        run_dir=tmp_path, model_arguments=SMALL,
    ).record  # fmt: skip
    assert main(["evaluate", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "cct_2_3x1 on digits: 60 test images",
        f"Test accuracy: {record['test']['accuracy']:.2%}",
    ]
    assert main(["evaluate", str(tmp_path), "--split", "validation"]) == 0
    best = max(record["history"]["val_accuracy"])
    assert f"Validation accuracy: {best:.2%}" in capsys.readouterr().out


def test_evaluate_of_the_validation_images_repeats_the_best_epoch(run, capsys):
    assert main(["evaluate", str(run), "--split", "validation"]) == 0
    first, second, _ = capsys.readouterr().out.splitlines()
    record = read_record(run)
    best = max(record["history"]["val_accuracy"])
    assert first.endswith(f"{record['data']['images'][1]} validation images")
    assert second == f"Validation accuracy: {best:.2%}"


def test_evaluate_refuses_validation_images_that_were_trained_on(
    run, tmp_path, capsys
):
    other = tmp_path / "other"
    shutil.copytree(run, other)
    text = (other / "record.json").read_text()
    fingerprint = json.loads(text)["data"]["fingerprint"]
    (other / "record.json").write_text(text.replace(fingerprint, "of another"))
    assert main(["evaluate", str(other), "--split", "validation"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "must be those of the run" in line and "of another" in line


def test_evaluate_with_two_looks_says_so_and_takes_them(
    run, capsys, monkeypatch
):
    looks, predict = [], evaluation.predict_logits

    def watched(model, images, *, mirror):
        looks.append(mirror)
        return predict(model, images, mirror=mirror)

    monkeypatch.setattr(evaluation, "predict_logits", watched)
    assert main(["evaluate", str(run), "--mirror"]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.endswith("test images, two looks at each")
    assert main(["evaluate", str(run)]) == 0
    assert looks == [True, False]


def test_evaluate_of_nothing_is_an_error(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cct_utils.recorded_runs() names" in line and len(line) < 300


# Refusals


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("train cct_3_3x2 --dataset digits", "did you mean 'cct_"),
        ("train cct_2_3x2 --dataset digit", "did you mean 'digits'"),
        (f"{TRAIN} augmentation=cropflip", "did you mean 'crop_flip'"),
        (f"{TRAIN} --recipe fats", "did you mean 'fast'"),
        (f"{TRAIN} schedule=cosin", "did you mean 'cosine'"),
        (f"{TRAIN} learning_rate=-1", "`learning_rate` must be above 0"),
        (TRAIN.replace("=64", "=512"), "must not be larger than the training"),
        (f"{TRAIN} lerning_rate=1", "must name settings of a recipe"),
        (f"{TRAIN} model=1", "must name settings of a recipe"),
        (f"{TRAIN} num_classes=5", "Received: num_classes"),
        (f"{TRAIN} input_shape=[8,8,3]", "Received: input_shape"),
        (f"{TRAIN} name=cct", "Received: name"),
        (f"{TRAIN} embed_dim=big", "`embed_dim` must be an integer"),
        (f"{TRAIN} num_heads", "of the form NAME=VALUE"),
        (f"{TRAIN} --set batch_size=32", "each name once. Received: batch_"),
        (f"{TRAIN} num_epochs=3", "--epochs and --set num_epochs say the"),
        (f"{TRAIN} --train-images 0", "train_images must lie from 1"),
        (f"{TRAIN} --validation-split 1", "validation_split must lie between"),
        (f"{TRAIN} --validation-split 0.001", "leaves the validation part"),
        (f"{TRAIN} --seeds 0 1", "with JAX only: set KERAS_BACKEND=jax"),
        (f"{TRAIN} --seeds 0 --sweep learning_rate", "of the form NAME=VALUE"),
        (f"{TRAIN} --sweep learning_rate=1", "each of the --seeds"),
        (f"{TRAIN} --seeds 0 --sweep lerning_rate=1", "'learning_rate'"),
        (f"{TRAIN} --seeds 0 --sweep learning_rate=1,-1", "must be above 0"),
    ],
)
def test_errors_are_one_line_and_exit_with_1(words, reason, tmp_path, capsys):
    assert main([*words.split(), "--out", str(tmp_path / "run")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("cct_utils: ") and reason in lines[0]


def test_the_folder_of_another_run_is_refused(run, capsys):
    words = [*TRAIN.split(), "--seed", "5", "--out", str(run)]
    assert main(words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "seed was 0 and is now 5" in line


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (FloatingPointError("The loss became nan"), 1, "The loss became nan"),
        (OSError("The disk is full"), 1, "The disk is full"),
        (KeyboardInterrupt(), 130, "the same command goes on"),
    ],
)
def test_a_training_that_stops_says_why(
    error, status, words, monkeypatch, tmp_path, capsys
):
    def stop(*arguments, **options):
        raise error

    monkeypatch.setattr("cct_utils.training.run_experiment", stop)
    assert main([*TRAIN.split(), "--out", str(tmp_path)]) == status
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert words in line


@pytest.mark.parametrize("words", [["--help"], ["train", "-h"]])
def test_help_says_what_there_is(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "usage: python -m cct_utils" in out
    assert ("evaluate" in out) if words == ["--help"] else ("--out" in out)


@pytest.mark.parametrize("words", [[], ["train"], ["walk"], ["evaluate"]])
def test_wrong_usage_exits_with_2(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2


def test_the_package_is_a_command(root):
    done = subprocess.run(
        [sys.executable, "-m", "cct_utils", "evaluate", "no-such-run"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Received: 'no-such-run'" in done.stderr.splitlines()[-1]


def test_settings_are_read_as_json_and_as_python_writes_them():
    words = "a=true b=True c=null d=None e=0.5 f=none g=False".split()
    assert _parse_settings(words) == {
        "a": True,
        "b": True,
        "c": None,
        "d": None,
        "e": 0.5,
        "f": "none",
        "g": False,
    }


def test_set_may_be_given_more_than_once():
    words = "train x --out y --set a=1 b=2 --set c=3 --seeds 0 --seeds 1"
    options = _parser().parse_args(words.split())
    assert options.set == ["a=1", "b=2", "c=3"]
    assert options.seeds == [0, 1]


def test_a_list_of_which_no_run_is_meant_is_an_error(tmp_path, capsys):
    path = tmp_path / "list.toml"
    path.write_text('[[run]]\nname = "first"\ntrain = "x"\n')
    assert main(["train-list", str(path), "--only", "frist"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "first" in line and "Received: frist" in line
