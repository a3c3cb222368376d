"""A list of runs: what is read, skipped, trained, and gone on with."""

import dataclasses
import itertools
import json

import pytest

import cct_utils
from cct_utils.__main__ import _parser, _settings_and_model_arguments, main
from cct_utils.augmentation import POLICIES
from cct_utils.training import (
    Recipe,
    Run,
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


GROUP = """
[[run]]
name = "many"
train = "cct_2_3x2 --seeds 0 1 7 --set warmup_epochs=1"
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


@pytest.mark.parametrize(
    "words", ["--seeds 0 7", "--seeds 0 --recipe fast --seeds 7"]
)
def test_seeds_are_read_as_the_command_line_reads_them(words):
    run = Run("many", ("cct_2_3x2", *words.split()))
    options = _parser().parse_args(run.command("runs")[3:])
    assert options.seeds == [0, 7]
    assert run.folders == ("many_0", "many_7")


def test_several_seeds_stand_for_a_folder_each(tmp_path):
    path = tmp_path / "group.toml"
    path.write_text(TWO + GROUP)
    first, second, many = load_run_list(path)
    assert first.folders == ("first",) and second.folders == ("second",)
    assert many.folders == ("many_0", "many_1", "many_7")
    assert " ".join(many.command("runs")).endswith("--out runs/many")


@pytest.mark.parametrize(
    "places", itertools.product(("package", "folder", "nowhere"), repeat=3)
)
def test_several_seeds_are_done_when_each_is_recorded(
    places, tmp_path, monkeypatch, trained
):
    run = Run("many", ("cct_2_3x2", "--seeds", "0", "1", "7"))
    at = dict(zip(run.folders, places, strict=True))
    packaged = [name for name in at if at[name] == "package"]
    monkeypatch.setattr(run_list, "recorded_runs", lambda: packaged)
    for name in at:
        if at[name] == "folder":
            (tmp_path / name).mkdir()
            (tmp_path / name / "record.json").write_text("{}")
    done = "nowhere" not in places
    assert run_list.is_done(run, tmp_path) == done
    assert train_run_list([run], tmp_path, report=len) == []
    assert len(trained) == (0 if done else 1)


def test_a_record_of_the_bare_name_is_none_of_several_seeds(tmp_path):
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "record.json").write_text("{}")
    run = Run("many", ("cct_2_3x2", "--seeds", "0"))
    assert not run_list.is_done(run, tmp_path)
    assert run_list.is_done(run._replace(arguments=("cct_2_3x2",)), tmp_path)


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
        (
            '[[run]]\nname = "a"\ntrain = "x --seeds 0 1"\n'
            '[[run]]\nname = "a_1"\ntrain = "x --seed 1"\n',
            "folders of their own.* twice: a_1$",
        ),
        (
            '[[run]]\nname = "a"\ntrain = "x --seeds 2 1 2"\n',
            "must be different.* --seeds 2 1 2 in 'a'",
        ),
        (
            '[[run]]\nname = "a"\ntrain = "x --seeds 0 --sweep rate=1,2"\n',
            "no --sweep, .* Received: --sweep rate=1,2 in 'a'",
        ),
        ("[run]\n", "must hold `name` and `train`"),
        ('[[run]]\nname = 3\ntrain = "x"\n', "two texts"),
        ('[[run]]\nname = "a"\ntrain = ["x"]\n', "two texts"),
        ('[[run]]\nname = "a"\ntrain = "x \'"\n', "words of a command line"),
        ("[[run\n", "wrong.toml must be a TOML file"),
        (
            '[[run]]\nname = "a"\ntrain = "x --seeds one"\n',
            "whole numbers.* --seeds one",
        ),
        (
            '[[run]]\nname = "a"\ntrain = "x --seeds --set y=1"\n',
            "whole numbers.* --seeds --set",
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
    runs = [run for run, *_ in planned(root)]
    names = {run.name for run in runs}
    folders = [name for run in runs for name in run.folders]
    assert len(names) == len(runs) > 40
    assert len(set(folders)) == len(folders) > len(runs)


def effective(settings):
    """Settings without those that do nothing beside the others."""
    if settings["augmentation"] not in POLICIES:
        settings = {**settings, "policy_epochs": None}
    return settings


def test_a_record_was_trained_as_its_line_in_a_list_says(root):
    compared = 0
    for run, options, recipe, model_arguments in planned(root):
        seeds = options.seeds or [options.seed]
        for name, seed in zip(run.folders, seeds, strict=True):
            if name not in cct_utils.recorded_runs():
                continue
            record = cct_utils.load_record(name)
            settings = dataclasses.asdict(recipe)
            del settings["model"]
            # A setting that is younger than the record did nothing then.
            recorded = dataclasses.asdict(Recipe()) | record["settings"]
            recorded = {key: recorded[key] for key in settings}
            assert effective(recorded) == effective(settings), name
            assert record["model_arguments"] == model_arguments, name
            assert record["seed"] == seed, name
            assert record.get("together", 1) == len(run.folders), name
            assert record["model"] == options.model, name
            assert record["settings"]["precision"] == options.precision, name
            images = options.train_images or 50_000
            assert sum(record["data"]["images"][:2]) == images, name
            compared += 1
    assert compared
