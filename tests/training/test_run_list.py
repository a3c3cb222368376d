"""A list of runs: what is read, skipped, trained, and gone on with."""

import dataclasses
import json

import pytest

import cct_utils
from cct_utils.__main__ import _parser, _settings_and_model_arguments, main
from cct_utils.augmentation import POLICIES
from cct_utils.training import (
    Recipe,
    find_recipe,
    load_run_list,
    run_list,
    train_run_list,
)

TWO = """
[[run]]
name = "first"
train = "cct_2_3x2 --dataset digits --seed 1"

[[run]]
name = "second"
train = "cct_2_3x2 --set positional_emb=none"
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(TWO)
    return path


@pytest.fixture
def trained(monkeypatch):
    """The commands that would have been run; those of `fail` end badly."""

    class Trained(list):
        fail = ()

        def __call__(self, command):
            self.append(command)
            name = command[-1].rpartition("/")[2]
            return type("Ended", (), {"returncode": int(name in self.fail)})

    trained = Trained()
    monkeypatch.setattr(run_list.subprocess, "run", trained)
    return trained


def test_a_run_is_the_command_that_a_reader_would_type(path):
    first, second = load_run_list(path)
    assert " ".join(first.command("runs")) == (
        "python -m cct_utils train cct_2_3x2 --dataset digits --seed 1 "
        "--out runs/first"
    )
    assert second.arguments[-1] == "positional_emb=none"


def test_recorded_runs_are_skipped_and_others_trained(path, tmp_path, trained):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "record.json").write_text("{}")
    lines = []
    runs = load_run_list(path)
    assert train_run_list(runs, tmp_path, report=lines.append) == []
    assert [command[-1] for command in trained] == [str(tmp_path / "second")]
    assert lines[0] == "first: recorded"


def test_runs_that_the_package_holds_are_skipped(tmp_path, trained):
    path = tmp_path / "known.toml"
    path.write_text('[[run]]\nname = "cct_2_3x2_cifar10"\ntrain = "x"\n')
    assert train_run_list(load_run_list(path), tmp_path, report=len) == []
    assert trained == []


def test_a_failure_does_not_keep_the_next_run_from_training(
    path, tmp_path, trained, capsys
):
    trained.fail = ("first",)
    words = ["train-list", str(path), "--out", str(tmp_path)]
    assert main(words) == 1
    assert len(trained) == 2
    assert "not recorded: first" in capsys.readouterr().err


def test_only_chooses_runs_by_a_pattern(path, tmp_path, trained):
    words = ["train-list", str(path), "--out", str(tmp_path)]
    assert main([*words, "--only", "sec*"]) == 0
    assert len(trained) == 1 and trained[0][-1].endswith("second")


def test_a_list_trains_for_real_and_is_then_done(tmp_path, capfd):
    path = tmp_path / "tiny.toml"
    path.write_text(
        '[[run]]\nname = "tiny"\ntrain = "vit_lite_2_16 --dataset digits '
        '--train-images 100 --epochs 1 --set batch_size=64"\n'
    )
    words = ["train-list", str(path), "--out", str(tmp_path)]
    assert main(words) == 0
    record = json.loads((tmp_path / "tiny" / "record.json").read_text())
    assert record["model"] == "vit_lite_2_16"
    assert f"--out {tmp_path}/tiny" in record["command"]
    assert main(words) == 0
    assert "tiny: recorded" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "must have names"),
        ('[[run]]\nname = "a"\n', "must hold `name` and `train`"),
        (
            '[[run]]\nname = "a"\ntrain = "x"\n' * 2,
            "all of them different",
        ),
    ],
)
def test_a_list_that_is_not_valid_is_refused(content, reason, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(content)
    with pytest.raises(ValueError, match=reason):
        load_run_list(path)


def planned(root):
    """Each run of the book's lists: the run, its options, recipe and model."""
    for path in sorted((root / "experiments").glob("*.toml")):
        for run in load_run_list(path):
            options = _parser().parse_args(run.command("runs")[3:])
            changes, model_arguments = _settings_and_model_arguments(options)
            recipe = find_recipe(options.recipe).replace(**changes)
            yield run, options, recipe, model_arguments


def test_the_books_own_lists_can_be_trained_and_name_each_run_once(root):
    names = [run.name for run, *_ in planned(root)]
    assert len(names) > 40
    assert len(set(names)) == len(names)


def effective(settings):
    """Settings without those that do nothing beside the others."""
    if settings["augmentation"] not in POLICIES:
        settings = {**settings, "policy_epochs": None}
    return settings


def test_a_record_was_trained_as_its_line_in_a_list_says(root):
    compared = 0
    for run, options, recipe, model_arguments in planned(root):
        if run.name not in cct_utils.recorded_runs():
            continue
        record = cct_utils.load_record(run.name)
        settings = dataclasses.asdict(recipe)
        del settings["model"]
        # A setting that is younger than the record did nothing then.
        recorded = dataclasses.asdict(Recipe()) | record["settings"]
        recorded = {key: recorded[key] for key in settings}
        assert effective(recorded) == effective(settings), run.name
        assert record["model_arguments"] == model_arguments, run.name
        assert record["seed"] == options.seed, run.name
        assert record["settings"]["precision"] == options.precision, run.name
        images = options.train_images or 50_000
        assert sum(record["data"]["images"][:2]) == images, run.name
        compared += 1
    assert compared
