"""The results page: old and new records, seeds, gaps, lists of runs."""

import importlib
import json
import re

import pytest

OLD = {
    "command": "python -m cct_utils train cct_2_3x2 --out runs/a",
    "commit": "0123456789ab",
    "versions": {"keras": "3.15.1"},
    "hardware": {"processor": "A & B", "cores": 2, "accelerators": []},
    "model": "cct_2_3x2",
    "parameters": 283_723,
    "data": {
        "name": "cifar10",
        "source": "JPEG copy: as it is",
        "fingerprint": "0" * 64,
        "images": [45_000, 5_000, 10_000],
    },
    "settings": {
        "optimizer": "AdamW",
        "learning_rate": 0.001,
        "weight_decay": 0.0001,
        "label_smoothing": 0.1,
        "batch_size": 128,
        "num_epochs": 2,
        "augmentation": ["augmentation_crop", "augmentation_flip"],
        "precision": "float32",
    },
    "seed": 0,
    "history": {
        "accuracy": [0.4, 0.5],
        "val_accuracy": [0.45, 0.55],
        "seconds": [120, 120],
        "cpu_seconds": [240, 180],
    },
    "best_epoch": 2,
    "test": {"accuracy": 0.77, "top-5-accuracy": 0.98},
}
NEW = {
    **OLD,
    "recipe": "article",
    "model_arguments": {},
    "settings": {
        **OLD["settings"],
        "optimizer": "adamw",
        "schedule": "constant",
        "warmup_epochs": 0,
        "cooldown_epochs": 0,
        "final_learning_rate": 0.0,
        "decay": "all",
        "clip_norm": None,
        "ema_momentum": None,
        "augmentation": "crop_flip",
        "mixup_alpha": 0.0,
        "cutmix": False,
        "random_erasing": 0.0,
        "mixing_epochs": None,
        "policy_epochs": None,
        "augmentation_layers": [],
    },
    "seed": 1,
    "test": {"accuracy": 0.79, "top-5-accuracy": 0.98},
}
FAST = {
    **NEW,
    "recipe": "fast",
    "model_arguments": {"residual": "pre_norm"},
    "settings": {
        **NEW["settings"],
        "optimizer": "muon",
        "learning_rate": 0.004,
        "schedule": "cosine",
        "warmup_epochs": 2,
        "decay": "kernels",
        "augmentation": "autoaugment",
        "policy_epochs": 25,
        "small_share": 0.5,
        "small_scale": 0.75,
    },
}
LIST = """
# Small runs, for comparing.

[[run]]
name = "small"
train = "cct_2_3x2 --recipe fast --seed 0 --set warmup_epochs=1"

[[run]]
name = "small_cvt"
train = "cvt_2_4 --recipe fast --seed 0 --set warmup_epochs=1 pooling=<b>"
"""


@pytest.fixture
def tables(root, monkeypatch):
    """The module of the book's extension."""
    monkeypatch.syspath_prepend(str(root / "book" / "_extensions"))
    return importlib.import_module("result_tables")


@pytest.fixture
def folder(tmp_path):
    """A repository with three full runs and one of two short ones."""
    short = {**FAST, "data": {**OLD["data"], "images": [900, 100, 10_000]}}
    records = {"old": OLD, "new": NEW, "fast_0": FAST, "small": short}
    for name, record in records.items():
        path = tmp_path / "cct_utils" / "recorded" / name / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(record))
    lists = tmp_path / "experiments"
    lists.mkdir()
    (lists / "ablations.toml").write_text(LIST)
    return tmp_path


def words(html):
    """What a reader sees of some HTML, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_old_and_new_records_of_one_recipe_are_seeds_of_one_row(tables, folder):
    glance = words(tables.render_glance(folder))
    assert (
        "measured here CCT-2/3x2 article 78.00 ± 1.41 seeds 0, 1 2 7 283,723 "
        "98.00 ± 0.00" in glance
    )
    assert "CCT-2/3x2 fast 79.00 seed 1 2 7 283,723 98.00" in glance
    assert glance.count("measured here") == 2


def test_each_difference_to_the_published_figure_is_named(tables, folder):
    text = words(
        tables.gaps(tables.full_runs(folder, tables.read_records(folder)))
    )
    article, fast = text.split("CCT-2/3x2, fast")
    assert (
        "CCT-2/3x2, article: 78.00 ± 1.41 %, authors, 200 epochs: 89.17 %"
        in (article)
    )
    for difference in (
        "epochs (2; there 200)",
        "pixels (JPEG copy; there original)",
        "runs (seeds 0, 1; there best of four)",
        "weight decay (0.0001; there 0.03, kernels only)",
    ):
        assert difference in article
    assert "precision" not in article
    assert "optimizer (Muon; there AdamW)" in fast
    assert "learning rate (0.004, 2 epochs of warm-up, cosine; there" in fast
    assert "autoaugment for 25 epochs" in fast
    assert "2, the first 1 on images of 0.75 of the side" in fast


def test_settings_have_one_column_for_each_way_to_train(tables, folder):
    records = tables.full_runs(folder, tables.read_records(folder))
    table = tables.settings_table(records)
    head = words(table.partition("</thead>")[0])
    assert head.endswith("authors, 200 epochs here: article here: fast")
    assert "CCT-2/3x2: seeds 0, 1" in words(table)
    assert "residual=pre_norm" in table


def test_runs_that_are_not_recorded_are_named_and_have_no_row(tables, folder):
    part = tables.lists_of_runs(folder, tables.read_records(folder))
    text = words(part)
    assert "Small runs, for comparing." in text
    assert "small cct_2_3x2 1 79.00 420 283,723" in text
    assert "1 of 2 recorded. Not recorded yet: small_cvt ." in text
    assert part.count('<tr class="measured"') == 1
    assert "train-list experiments/ablations.toml" in part


def test_words_that_set_a_run_apart_are_escaped(tables, folder):
    records = tables.read_records(folder)
    runs = tables.read_lists(folder)[0][2]
    table = tables.list_table(runs, runs, {**records, "small_cvt": FAST})
    assert "<code>cvt_2_4</code> <code>pooling=&lt;b&gt;</code>" in table
    assert "warmup_epochs" not in table and "--seed" not in table


def test_short_runs_and_parts_of_the_data_are_not_among_the_full_ones(
    tables, folder
):
    (folder / "experiments" / "data.toml").write_text(
        LIST.replace('"small"', '"fast_0"').replace("small_cvt", "other")
    )
    full = tables.full_runs(folder, tables.read_records(folder))
    assert sorted(full) == ["new", "old"]


def test_a_run_of_a_changed_recipe_is_not_among_the_full_ones(tables, folder):
    path = folder / "cct_utils" / "recorded" / "new" / "record.json"
    record = json.loads(path.read_text())
    record["command"] += " --set learning_rate=0.1"
    path.write_text(json.dumps(record))
    full = tables.full_runs(folder, tables.read_records(folder))
    assert "new" not in full and "old" in full


def test_a_run_of_a_recipe_that_was_changed_later_is_not_either(tables, folder):
    """Its record names the recipe alone; its list says what differs today."""
    (folder / "experiments" / "full.toml").write_text(
        '[[run]]\nname = "new"\ntrain = "x --set optimizer=adamw"\n'
    )
    full = tables.full_runs(folder, tables.read_records(folder))
    assert "new" not in full and "old" in full


def test_page_folds_each_full_run_away_with_its_command(tables, folder):
    page = tables.render_page(folder)
    assert page.count('<details class="run">') == 3
    assert "A &amp; B, 2 cores" in page
    assert "cct_utils/recorded/old/record.json" in page
    assert "420 CPU seconds, 210 an epoch" in page
    assert page.count('<polyline class="curve') == 4


def test_page_of_no_record_at_all_holds_what_is_published(tables, tmp_path):
    text = words(tables.render_page(tmp_path))
    assert "77.82" in text and "measured here" not in text


def test_the_books_own_records_make_a_page(tables, root):
    page = tables.render_page(root).replace("<wbr>", "")
    for name in tables.full_runs(root, tables.read_records(root)):
        assert f"cct_utils/recorded/{name}/record.json" in page
    for _, _, runs in tables.read_lists(root):
        for run in runs:
            assert run["name"] in page
