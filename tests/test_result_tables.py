"""The results page: old and new records, seeds, gaps, lists of runs."""

import dataclasses
import importlib
import json
import re

import pytest

from cct_utils import RECIPES, Recipe
from cct_utils.plots import style
from cct_utils.results import BEST_RUN
from cct_utils.training import load_run_list

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
ON_GPU = {
    **NEW,
    "command": "python -m cct_utils train cct_2_3x2 --seeds 3 4 --out runs/g",
    "hardware": {**OLD["hardware"], "accelerators": ["H100 <8>"]},
    "together": 2,
    "seed": 3,
    "test": {"accuracy": 0.7, "top-5-accuracy": 0.9},
}
GROUP = """
[[run]]
name = "g"
train = "cct_2_3x2 --seeds 3 4 --precision float32"
"""
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
    for name, content in records.items():
        record(tmp_path, name, content)
    lists = tmp_path / "experiments"
    lists.mkdir()
    (lists / "ablations.toml").write_text(LIST)
    return tmp_path


def record(folder, name, content):
    """Adds a record to a repository, or replaces it."""
    path = folder / "cct_utils" / "recorded" / name / "record.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def with_group(folder):
    """The same with two seeds that trained together on a GPU."""
    record(folder, "g_3", ON_GPU)
    record(
        folder,
        "g_4",
        {**ON_GPU, "seed": 4, "test": {**ON_GPU["test"], "accuracy": 0.72}},
    )
    (folder / "experiments" / "ladder.toml").write_text(GROUP)
    return folder


def words(html):
    """What a reader sees of some HTML, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def table_of_results(tables, folder):
    """The words of the results page's table."""
    full = tables.full_runs(folder, tables.read_records(folder))
    return words(tables.results_table(tables.groups_of(full)))


def test_old_and_new_records_of_one_recipe_are_seeds_of_one_row(tables, folder):
    page = table_of_results(tables, folder)
    assert (
        "measured here CCT-2/3x2 article 77.00, 79.00 seeds 0, 1, in float32 "
        "2 7 283,723" in page
    )
    assert "CCT-2/3x2 fast 79.00 seed 1, in float32 2 7 283,723" in page
    assert page.count("measured here") == 2


def test_home_page_shows_the_chosen_runs_with_all_their_seeds(
    tables, folder, monkeypatch
):
    monkeypatch.setattr(tables, "AT_A_GLANCE", ("new", "of_another_time"))
    glance = words(tables.render_glance(folder))
    row = (
        "measured here CCT-2/3x2 article 2 77.00, 79.00 seeds 0, 1, in float32"
    )
    assert row in glance
    assert glance.count("measured here") == 1
    assert "the authors CCT-2/3x2 their script 200 89.17 best of four" in glance
    assert "keras.io" not in glance  # of whose models no run is chosen


def test_whatever_a_recipe_sets_sets_a_row_apart(tables):
    """But the model's arguments, which a record holds by themselves."""
    known = {*tables.FIRST_SETTINGS, *tables.record_keys(), "model"}
    assert known >= {field.name for field in dataclasses.fields(Recipe)}


def test_three_seeds_have_a_spread_and_two_are_both_named(tables):
    assert tables.with_spread([70.0]) == "70.00"
    assert tables.with_spread([70.0, 72.0]) == "70.00, 72.00"
    assert tables.with_spread([70.0, 72.0, 71.0]) == "71.00 ±\u00a01.00"


def test_the_page_names_the_best_model_as_its_record_does(root):
    record = json.loads(
        (root / "cct_utils/recorded" / BEST_RUN / "record.json").read_text()
    )
    text = (root / "book" / "results.md").read_text("utf-8")
    assert f"{100 * record['test']['accuracy']:.2f} %" in text


def test_each_difference_to_the_published_figure_is_named(tables, folder):
    text = words(
        tables.gaps(tables.full_runs(folder, tables.read_records(folder)))
    )
    article, fast = text.split("CCT-2/3x2, fast")
    assert (
        "CCT-2/3x2, article: 77.00, 79.00 %, authors, 200 epochs: 89.17 %"
        in (article)
    )
    for difference in (
        "epochs (2; there 200)",
        "pixels (JPEG copy; there original)",
        "runs (seeds 0, 1; there best of four)",
        "weight decay (0.0001; there 0.03)",
    ):
        assert difference in article
    assert "precision" not in article
    assert "optimizer (Muon; there AdamW)" in fast
    assert "learning rate (0.004, 2 epochs of warm-up, cosine; there" in fast
    assert "autoaugment for 25 epochs" in fast
    assert "2, the first 1 on images of 0.75 of the side" in fast


def test_settings_have_one_column_for_each_recipe(tables, folder):
    records = tables.full_runs(folder, tables.read_records(folder))
    table = tables.settings_table(records)
    head = words(table.partition("</thead>")[0])
    assert head.endswith("authors, 200 epochs here: article here: fast")
    assert "residual=pre_norm" in table.replace("<wbr>", "")
    assert "runs" not in words(table)


def test_of_settings_that_differ_that_of_most_runs_stands_first(tables):
    """Another model's six epochs need no column of their own."""
    six = {**OLD["settings"], "num_epochs": 6}
    other = {**OLD, "model": "vit_keras", "settings": six}
    groups = [[other], [OLD, {**OLD, "seed": 1}]]
    assert tables.usual_value(groups, "epochs") == "2; 6 (ViT of 4.7 M, seed 0)"
    assert tables.usual_value(groups, "batch size") == "128"


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
    page = tables.render_runs(folder)
    assert page.count('<details class="run">') == 3
    assert "A &amp; B, 2 cores" in page
    assert "cct_utils/recorded/old/record.json" in page
    assert "420 CPU seconds, 210 an epoch" in page
    assert tables.render_page(folder).count('<polyline class="curve') == 2


def test_page_of_no_record_at_all_holds_what_is_published(tables, tmp_path):
    text = words(tables.render_page(tmp_path) + tables.render_runs(tmp_path))
    assert "77.82" in text and "measured here" not in text


def test_the_books_own_records_make_a_page(tables, root):
    page = tables.render_page(root) + tables.render_runs(root)
    page = page.replace("<wbr>", "")
    for name in tables.full_runs(root, tables.read_records(root)):
        assert f"cct_utils/recorded/{name}/record.json" in page
    for _, _, runs in tables.read_lists(root):
        for run in runs:
            assert run["name"] in page


# --- Seeds that trained together, on a GPU -----------------------------------


def test_runs_on_a_gpu_have_a_row_of_their_own_without_a_price(
    tables, with_group
):
    page = table_of_results(tables, with_group)
    group = "CCT-2/3x2 article 70.00, 72.00 seeds 3, 4, on a GPU, in float32 2"
    assert f"{group} – 283,723" in page
    assert "77.00, 79.00 seeds 0, 1, in float32 2 7 283,723" in page
    assert page.count("measured here") == 3


def test_a_row_is_of_one_kind_of_machine(tables):
    h100, a100 = (
        {"hardware": {**OLD["hardware"], "accelerators": [name]}}
        for name in ("H100", "A100")
    )
    kinds = [{}, {"together": 2}, {**h100, "together": 2}, h100, a100]
    groups = tables.groups_of(
        {
            str(seed): {**NEW, **kind, "seed": seed}
            for seed, kind in enumerate(kinds)
        }
    )
    seeds = sorted(tables.seed_numbers(group) for group in groups)
    assert seeds == ["0", "1", "2, 3", "4"]
    priced = [tables.is_priced(group[0]) for group in groups]
    assert priced.count(True) == 1


def test_the_books_rows_never_mix_a_processor_with_a_gpu(tables, root):
    groups = tables.groups_of(tables.read_records(root))
    kinds = [{tables.on_gpu(record) for record in each} for each in groups]
    assert all(len(each) == 1 for each in kinds)
    assert {True} in kinds and {False} in kinds


def test_seeds_together_are_one_row_of_their_list(tables, with_group):
    runs = tables.read_lists(with_group)[1][2]
    table = tables.list_table(runs, runs, tables.read_records(with_group))
    assert words(table).endswith("parameters g – 3, 4 70.00, 72.00 GPU 283,723")
    assert '<td role="cell" data-label="seeds" class="number">3, 4' in table


def test_seeds_together_are_recorded_when_all_of_them_are(tables, with_group):
    (with_group / "experiments" / "ablations.toml").unlink()
    records = tables.read_records(with_group)
    text = words(tables.lists_of_runs(with_group, records))
    assert "1 of 1 recorded. Not recorded yet: none." in text
    del records["g_4"]
    text = words(tables.lists_of_runs(with_group, records))
    assert "0 of 1 recorded. Not recorded yet: g ." in text


def test_seeds_do_not_set_a_run_apart(tables, with_group):
    (with_group / "experiments" / "ladder.toml").write_text(
        GROUP + GROUP.replace('"g"', '"h"').replace("3 4", "5 6 --epochs 2")
    )
    record(with_group, "h_5", {**ON_GPU, "seed": 5})
    record(with_group, "h_6", {**ON_GPU, "seed": 6})
    runs = tables.read_lists(with_group)[1][2]
    table = tables.list_table(runs, runs, tables.read_records(with_group))
    assert "parameters g – 3, 4 70.00, 72.00" in words(table)
    assert "h --epochs 2 5, 6 70.00" in words(table)


def test_the_command_of_a_list_is_one_that_trains_it(tables, with_group):
    """JAX is asked for where all need it, and spoken of where some do."""
    path = with_group / "experiments" / "ladder.toml"
    command = "python -m cct_utils train-list experiments/"

    def part():
        records = tables.read_records(with_group)
        parts = tables.lists_of_runs(with_group, records).split("### ")
        assert f"```bash\n{command}ablations.toml\n```" in parts[1]
        assert "KERAS_BACKEND" not in parts[1]
        return parts[2]

    jax = "KERAS_BACKEND=jax"
    assert part().endswith(f"```bash\n{jax} {command}ladder.toml\n```")
    path.write_text(GROUP + LIST.replace('"small', '"other'))
    assert f"```bash\n{command}ladder.toml\n```" in part()
    assert f"on a GPU, with `{jax}` before the command" in part()


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        (["avx2"], "A & B, 2 cores, no instructions for bfloat16"),
        (
            ["avx2", "avx512_bf16"],
            "A & B, 2 cores, vector instructions for bfloat16",
        ),
        (
            ["avx2", "avx512_bf16", "amx_bf16"],
            "A & B, 2 cores, matrix instructions for bfloat16",
        ),
        (None, "A & B, 2 cores"),
    ],
)
def test_a_machine_says_how_it_computes_with_bfloat16(
    tables, instructions, words
):
    hardware = dict(OLD["hardware"])
    if instructions is not None:
        hardware["instructions"] = instructions
    assert tables.machine_of({"hardware": hardware}) == words


def test_details_of_a_gpu_say_its_name_and_no_processor_time(
    tables, with_group
):
    records = tables.read_records(with_group)
    details = dict(
        zip(records, tables.details_of(with_group, records), strict=True)
    )
    text = words(details["g_4"])
    assert "CCT-2/3x2, article, on a GPU, seed 4, 72.00 % what" in text
    assert "time on the clock 4 minutes, 2 trained together machine" in text
    assert "H100 &lt;8&gt;, A &amp; B, 2 cores" in text
    assert "CPU" not in text and "processor time" not in text
    assert "processor time" in details["old"]
    assert "together" not in details["old"]


def test_seeds_together_are_repeated_by_one_command(tables, with_group):
    lists = tables.read_lists(with_group)
    records = tables.read_records(with_group)
    commands = tables.commands_today(lists, records)
    assert (
        commands["g_3"]
        == commands["g_4"]
        == (
            "KERAS_BACKEND=jax python -m cct_utils train cct_2_3x2 --seeds 3 4 "
            "--precision float32 --out runs/g"
        )
    )
    assert commands["old"] == OLD["command"]
    alone = tables.commands_today([], records)
    assert alone["g_4"] == f"KERAS_BACKEND=jax {ON_GPU['command']}"


@pytest.mark.parametrize(
    ("name", "change"), [("quarter", ""), ("other", " --set small_share=0")]
)
def test_seeds_of_short_lists_and_changed_recipes_are_not_full_runs(
    name, change, tables, with_group
):
    records = tables.read_records(with_group)
    assert {"g_3", "g_4"} <= set(tables.full_runs(with_group, records))
    path = with_group / "experiments" / "ladder.toml"
    path.write_text(GROUP.replace("float32", f"float32{change}"))
    path.rename(path.with_stem(name))
    full = tables.full_runs(with_group, records)
    assert sorted(full) == ["fast_0", "new", "old"]


def test_curves_are_of_a_processor_where_there_is_one(tables, with_group):
    records = tables.read_records(with_group)
    del records["small"]
    groups = tables.groups_of(records)
    figure = tables.curves(groups)
    assert figure.count("<polyline") == 2 and "on a GPU" not in figure
    alone = [each for each in groups if each[0]["seed"] != 0]
    figure = tables.curves(alone)
    assert figure.count("<polyline") == 2
    assert words(figure).count("CCT-2/3x2, article, on a GPU") == 1


def test_a_model_and_recipe_of_two_precisions_is_drawn_once(tables):
    mixed = {**OLD["settings"], "precision": "mixed_bfloat16"}
    first, third = {**OLD, "settings": mixed}, {**OLD, "seed": 2}
    for groups in ([[first], [third]], [[third], [first]]):
        assert tables.drawn(groups) == [[first]]


def test_gaps_and_settings_tell_runs_on_a_gpu_apart(tables, with_group):
    full = tables.full_runs(with_group, tables.read_records(with_group))
    gaps = words(tables.gaps(full))
    assert "CCT-2/3x2, article: 77.00, 79.00 %, authors" in gaps
    assert "CCT-2/3x2, article, on a GPU: 70.00, 72.00 %, authors" in gaps
    assert "runs (seeds 3, 4; there best of four)" in gaps
    settings = words(tables.settings_table(full))
    assert settings.count("here: article") == 1


def test_seeds_together_on_a_processor_have_no_price(tables, with_group):
    hardware = {"hardware": OLD["hardware"]}
    group = [{**ON_GPU, **hardware}, {**ON_GPU, **hardware, "seed": 4}]
    row = tables.measured_row(group)
    assert (row.note, row.cpu_minutes) == ("seeds 3, 4, in float32", None)
    runs = tables.read_lists(with_group)[1][2]
    table = tables.list_table(
        runs, runs, dict(zip(("g_3", "g_4"), group, strict=True))
    )
    assert "3, 4 70.00, 70.00 – 283,723" in words(table)


@pytest.mark.parametrize(
    "arguments",
    [
        "cct_2_3x2",
        "cct_2_3x2 --seed 3",
        "cct_2_3x2 --seeds 3",
        "--seeds 3 4 --set a=1 b=2",
        "cct_2_3x2 --seeds 10 2 003 --epochs 4",
        "--seed 1 --seeds 0 2 --precision float32",
    ],
)
def test_a_line_stands_for_the_folders_that_training_writes(
    arguments, tables, tmp_path
):
    path = tmp_path / "list.toml"
    path.write_text(f'[[run]]\nname = "a"\ntrain = "{arguments}"\n')
    (run,) = load_run_list(path)
    line = {"name": "a", "train": arguments}
    assert tables.folders_of(line) == list(run.folders)


def test_the_books_lines_stand_for_the_folders_that_training_writes(
    tables, root
):
    several = 0
    for name, _, lines in tables.read_lists(root):
        runs = load_run_list(root / "experiments" / f"{name}.toml")
        for line, run in zip(lines, runs, strict=True):
            assert tables.folders_of(line) == list(run.folders)
            several += len(run.folders) > 1
    assert several


def test_epochs_are_drawn_by_factors_up_to_the_last(tables):
    places = [tables.x_position(epoch, 200) for epoch in (1, 2, 100, 200)]
    first, second, half, last = places
    assert first == tables.MARGIN_LEFT
    assert second - first == pytest.approx(last - half)
    assert last == pytest.approx(tables.PLOT_WIDTH - 10)
    text = tables.axes(30)
    assert ">20</text>" in text and ">50</text>" not in text
    assert 'text-anchor="end">200</text>' in tables.axes(200)
    assert tables.x_position(1, 1) == tables.MARGIN_LEFT


def test_curves_look_as_in_the_figures(tables):
    looks = importlib.import_module("curve_looks")
    for model in ("cct_7_3x1", "cvt_2_4", "vit_lite_2_4", "vit_keras"):
        color, _, line = looks.look_of(model, "fast")
        expected = style.model_look(model)
        assert (color, line) == (expected["color"], expected["linestyle"])
    for recipe in (*RECIPES, "another"):
        color, _, line = looks.look_of("cct_2_3x2", recipe)
        known = recipe if recipe in RECIPES else "article"
        expected = style.recipe_looks([known], model="cct")[known]
        assert expected == {"color": color, "linestyle": line}
    assert looks.look_of("article")[0] == style.COLORS["article"]
    with pytest.raises(ValueError, match="'resnet' looks.*cct, cvt"):
        looks.look_of("resnet")


def test_curves_and_their_names_follow_the_theme_of_the_page(tables):
    records = {"new": NEW, "fast": FAST, "cvt": {**NEW, "model": "cvt_2_4"}}
    figure = tables.curves(tables.groups_of(records))
    for light, dark, line in (
        ("#0072B2", "#6DB7F2", "solid"),
        ("#00324E", "#D5E9FB", "solid"),
        ("#A83E7D", "#E58FC0", "dashed"),
    ):
        color = f"color: {light}; color: light-dark({light}, {dark})"
        assert f'<g style="{color}"><polyline' in figure
        key = f'"curve-key" style="{color}"><i style="border-top: 3px {line};'
        assert key in figure
    assert figure.count('stroke-dasharray="7 4"') == 1


def test_runs_on_other_shares_of_the_images_are_not_averaged(tables):
    half = {**OLD, "data": {**OLD["data"], "images": [1, 2, 3]}}
    assert len(tables.groups_of({"a": OLD, "b": half})) == 2
    whole = {**OLD["settings"], "weight_decay": 0}
    point = {**OLD["settings"], "weight_decay": 0.0}
    records = {
        "a": {**OLD, "settings": whole},
        "b": {**OLD, "seed": 1, "settings": point},
    }
    assert len(tables.groups_of(records)) == 1
