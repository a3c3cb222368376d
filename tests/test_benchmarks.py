"""The benchmarks: statistics, operations, ratios, tables, and one short run."""

import importlib
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from cct_utils.models import create_model
from cct_utils.plots import COLORS

CASE = {"group": "settings", "task": "train", "model": "cct_2_3x2"}


@pytest.fixture
def load(root, monkeypatch):
    """Imports a file of `benchmarks/` or of the book's extensions."""
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    monkeypatch.syspath_prepend(str(root / "book" / "_extensions"))
    return importlib.import_module


@pytest.fixture
def rows(load):
    """Rows of both models and the peer, with times that are easy to divide."""
    plan, summary = load("plan"), load("summary")

    def measured(cpu, **case):
        bursts = [
            {
                "steps": 2,
                "seconds": 2 * noise * cpu / 1000,
                "cpu_seconds": 2 * noise * cpu / 1000,
                "memory_mb": 100 * noise,
            }
            # A noise that all cases of a round share.
            for noise in (1, 2, 4)
        ]
        facts = {"parameters": 283_723}
        return plan.Case(**{**CASE, **case}), facts, bursts

    return summary.summarize(
        [
            measured(1, task="product", model="matrix product", size=1000),
            measured(100, model="article"),
            measured(60, model="cct_2_3x2"),
            measured(50, model="cct_2_3x2", jit_compile=True),
            measured(40, model="cct_2_3x2", precision="mixed_bfloat16"),
            measured(90, framework="pytorch"),
            measured(32, framework="pytorch", channels_last=True),
        ]
    )


def test_spread_is_the_median_and_the_quartiles(load):
    spread = load("summary").spread
    assert spread([5, 1, 4, 2, 3]) == {"median": 3, "low": 2, "high": 4}
    assert spread([7]) == {"median": 7, "low": 7, "high": 7}


def test_operations_are_two_for_a_macadd_and_thrice_for_training(load):
    plan, gigaflop = load("plan"), load("summary").gigaflop
    answer = plan.Case("", "infer", "cct_2_3x2", batch=1)
    # The authors' table has 0.03 G multiply-adds without, ours with attention.
    assert 0.06 < gigaflop(answer) < 0.08
    step = answer._replace(task="train", batch=128)
    assert gigaflop(step) == pytest.approx(3 * 128 * gigaflop(answer))
    deeper = answer._replace(layers=3)
    assert gigaflop(deeper._replace(layers=2)) == gigaflop(answer)
    assert gigaflop(deeper) > gigaflop(answer)
    product = plan.Case("", "product", "matrix product", size=1000)
    assert gigaflop(product) == pytest.approx(2.0)


def test_rows_hold_rates_and_the_share_of_the_peak(rows):
    product, article, *_, half, _, _ = rows
    # 2 gigaflop in 1 ms in the best round; the median round takes 2 ms.
    assert product["gflops"] == pytest.approx(1000)
    assert product["peak_share"] == pytest.approx(0.5)
    assert article["ms"] == {
        "median": pytest.approx(200),
        "low": pytest.approx(150),
        "high": pytest.approx(300),
    }
    assert article["images_per_second"] == pytest.approx(128 / 0.2)
    assert article["memory_mb"] == 400
    share = article["gigaflop"] / 0.2 / 2000
    assert article["peak_share"] == pytest.approx(share)
    assert half["peak_share"] is None  # its peak was not measured


def test_acceptance_divides_bursts_of_one_round(load, rows):
    points = {p["what"]: p for p in load("summary").acceptance(rows)}
    assert list(points) == [
        "training step: best setting / article, float32",
        "training step: same setting, float32",
        "training step: best setting / PyTorch's best",
    ]
    first, same, peer = points.values()
    # The shared noise of a round cancels: no spread is left.
    expected = dict.fromkeys(("median", "low", "high"), pytest.approx(0.4))
    assert first["cpu_ratio"] == first["ratio"] == expected
    assert (first["bound"], first["holds"]) == (0.55, True)
    assert first["ours"] == "cct_2_3x2, mixed_bfloat16"
    assert (same["cpu_ratio"]["median"], same["holds"]) == (0.6, False)
    assert peer["other"] == "cct_2_3x2, pytorch, float32, channels last"
    assert (peer["cpu_ratio"]["median"], peer["holds"]) == (1.25, False)
    line = load("summary").acceptance_line(peer)
    assert "1.250 x the CPU time" in line and "MISSED" in line


def test_text_table_is_aligned(load):
    summary = load("summary")
    lines = summary.text_table(
        ("model", "b", "c", "ms"), [("article", "", "x", "1,234")]
    ).split("\n")
    assert lines == ["model    b  c     ms", "article     x  1,234"]
    assert [summary.number(n) for n in (1234.5, 12.34, 1.234)] == [
        "1,234",
        "12.3",
        "1.23",
    ]


def test_a_process_is_told_whether_to_use_onednn(load, monkeypatch):
    started = []
    rounds = load("rounds")
    monkeypatch.setattr(
        rounds.subprocess,
        "Popen",
        lambda *_, env, **__: started.append(env["TF_ENABLE_ONEDNN_OPTS"]),
    )
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    cases = load("plan").plan(["training"], precisions=["float32"])["training"]
    for case in cases:
        rounds.Worker(case, "python")
    without = [case for case in cases if case.setting == "without oneDNN"]
    assert [case.model for case in without] == ["article", "cct_2_3x2"]
    assert started == ["1"] * (len(cases) - 2) + ["0"] * 2


def test_plan_has_every_group_and_refuses_others(load):
    plan = load("plan")
    groups = plan.plan(peer=True)
    assert [*groups, "accelerator"] == list(load("speed_tables").TITLES)
    for name, cases in groups.items():
        assert cases[0].task == "product"
        assert {case.group for case in cases} == {name}
        assert len(set(cases)) == len(cases)
    peers = [c for c in groups["settings"] if c.framework == "pytorch"]
    assert [case.setting for case in peers] == [
        "as written",
        "channels last",
        "channels last",
    ]
    with pytest.raises(ValueError, match="Received: traning"):
        plan.plan(["traning"])


def test_on_a_gpu_each_model_is_measured_by_fit_and_in_compiled_epochs(load):
    plan = load("plan")
    models = ("article", "cct_7_3x1")
    for chosen in (models, (*models, "cct_2_3x2")):
        cases = plan.plan(["accelerator"], chosen)["accelerator"]
        assert len(set(cases)) == len(cases)
        trained = [case for case in cases if case.task == "train"]
        for model in models:
            own = [case for case in trained if case.model == model]
            assert [case.setting for case in own] == [
                "",
                "",
                "whole epochs compiled",
            ]
    assert [case.members for case in cases if case.members > 1] == [4, 16]
    assert cases[-1].setting == "whole epochs compiled, 16 together"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--rounds", "0"], "--rounds must be at least 1"),
        (["--seconds", "0"], "--seconds above 0"),
        (["--out", "no/such/folder/x.json"], "the folder of --out must exist"),
    ],
)
def test_options_are_refused_before_anything_is_measured(
    words, reason, load, capsys
):
    options = load("options")
    parser = options.measuring_parser("Measures.", "little")
    with pytest.raises(SystemExit):
        options.parse_measuring(parser, words)
    assert reason in capsys.readouterr().err
    assert options.parse_measuring(parser, ["--quick"]).rounds == 2


def test_every_round_begins_with_another_case(load):
    rounds, plan = load("rounds"), load("plan")
    assert [rounds.rotated("abc", turn) for turn in range(4)] == [
        "abc",
        "bca",
        "cab",
        "abc",
    ]
    case = plan.Case(**CASE, steps_per_execution=8)
    assert rounds.steps_of_burst(1.0, 0.1, case) == 16
    assert rounds.steps_of_burst(0.1, 1.0, plan.Case(**CASE)) == 3


def test_a_worker_that_fails_is_named_and_the_others_go_on(load, tmp_path):
    rounds, plan = load("rounds"), load("plan")
    # An interpreter in whose environment there is no torch.
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho no torch here >&2\nexit 1\n")
    script.chmod(0o755)
    case = plan.Case(**CASE, framework="pytorch")
    measured, failed = rounds.measure_group(
        [case],
        {"pytorch": script},
        rounds=1,
        seconds=0.1,
        say=lambda line: None,
    )
    assert (measured, failed) == ([], [(case, "no torch here")])


def test_workers_end_where_a_later_one_does_not_start(load, monkeypatch):
    rounds, plan = load("rounds"), load("plan")
    closed = []

    class Worker:
        def __init__(self, case, python):
            if case.batch == 3:
                raise FileNotFoundError("no such interpreter")
            self.case = case

        def close(self):
            closed.append(self.case.batch)

    monkeypatch.setattr(rounds, "Worker", Worker)
    cases = [plan.Case(**{**CASE, "batch": n}) for n in (1, 2, 3, 4)]
    with pytest.raises(FileNotFoundError):
        rounds.measure_group(
            cases, {"keras": "python"}, rounds=1, seconds=0.1, at_once=True
        )
    assert closed == [1, 2]


def test_the_command_names_no_folder_of_this_machine(load, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    words = ["--peer-python", "/home/me/bin/python", "--rounds", "3"]
    assert load("speed").command(words) == (
        "python benchmarks/speed.py --peer-python peer/bin/python --rounds 3"
    )


def test_the_command_names_what_of_the_environment_changes_it(
    load, monkeypatch
):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("XLA_FLAGS", "--one --two")
    assert load("speed").command(["--quick"]) == (
        "XLA_FLAGS='--one --two' KERAS_BACKEND=jax "
        "python benchmarks/speed.py --quick"
    )


def test_the_cost_of_an_accuracy_is_that_of_whole_epochs(load):
    reached = load("time_to_accuracy").reached
    history = {
        "val_accuracy": [0.5, 0.7, 0.6, 0.8],
        "cpu_seconds": [10.0, 20.0, 30.0, 40.0],
        "seconds": [5.0, 5.0, 5.0, 5.0],
    }
    record = {"history": history, "settings": {"num_epochs": 4}}
    expected = {"epoch": 2, "cpu_seconds": 30.0, "seconds": 10.0}
    assert reached(record, 0.55) == reached(record, 0.7) == expected
    assert reached(record, 0.81) is None
    # Small images are another task.
    record["settings"]["small_share"] = 0.5
    expected = {"epoch": 3, "cpu_seconds": 60.0, "seconds": 15.0}
    assert reached(record, 0.55) == expected


def test_time_to_accuracy_counts_only_runs_with_a_price_of_their_own(
    load, capsys
):
    main = load("time_to_accuracy").main
    main(["--level", "70"])
    listed = capsys.readouterr().out
    assert "cct_2_3x2_fast_0" in listed
    assert "ablation_base_0" not in listed
    with pytest.raises(ValueError, match="alone.*Received: ablation_base_0"):
        main(["ablation_base_0", "--level", "70"])
    with pytest.raises(ValueError, match="alone.*Received: ablation_cvt_1"):
        main(["--level", "70", "--against", "ablation_cvt_1"])


def test_time_to_accuracy_prints_recorded_runs(load, capsys):
    arguments = ["--level", "70", "--level", "99.9", "article_cifar10"]
    load("time_to_accuracy").main([*arguments, "--against", "article_cifar10"])
    lines = capsys.readouterr().out.split("\n")
    assert "70 %" in lines[1] and "1.00" in lines[1]
    assert "never" in lines[2]


def result(rows, load):
    """What `speed.py` would write for some rows."""
    return {
        "kind": "speed",
        "command": "python benchmarks/speed.py",
        "commit": "0123456789ab",
        "versions": {"keras": "3"},
        "peer_versions": {"torch": "2"},
        "hardware": {"processor": "CPU", "cores": 2, "accelerators": []},
        "settings": {"rounds": 3, "seconds": 1.0, "quick": False},
        "minutes": 1.0,
        "rows": rows,
        "failed": [],
        "acceptance": load("summary").acceptance(rows),
    }


def test_the_page_shows_what_was_written(load, rows, tmp_path):
    speed_tables = load("speed_tables")
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    content = result(rows, load)
    (folder / "speed.json").write_text(json.dumps(content))
    page = speed_tables.render_page(tmp_path)
    assert "On CPU, 2 cores" in page and "torch 2" in page
    assert page.count("<tr") == 4 + (len(rows) + 1) + (4 + 1)
    assert "CCT-2/3x2 in PyTorch" in page and "channels last" in page
    assert "pixels" not in page  # all cases have 32
    assert ">MB<" in page
    content["settings"]["quick"] = True
    (folder / "speed.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="--quick"):
        speed_tables.render_page(tmp_path)


def test_a_gpu_s_table_does_not_show_the_processor_s_memory(load, rows):
    table = load("speed_tables").group_table(
        [{**row, "group": "accelerator"} for row in rows]
    )
    assert ">MB<" not in table and ">images/s<" in table


def test_growth_is_drawn_where_equal_factors_are_equal_steps(load):
    plan = load("plan")

    def row(model, layers, ms):
        case = plan.Case("depth", "train", model, batch=10, layers=layers)
        spread = dict.fromkeys(("median", "low", "high"), ms)
        return {**case._asdict(), "cpu_ms": spread}

    rows = [row("article", n, 20 * n) for n in (4, 1, 2)]
    rows += [row("cct_2_3x2", n, 20 * n**2) for n in (1, 2, 4)]
    rows.append({**rows[0], "task": "product"})
    figure = load("growth_figure").growth_figure(rows, "layers", "blocks & co")
    assert (
        "From 1 to 4 blocks &amp; co: × 4.00 for example&#x27;s CCT, "
        "× 16 for CCT-2/3x2." in figure
    )
    lines = re.findall(r'class="curve".* points="([^"]+)"', figure)
    linear, square = (
        [tuple(map(float, point.split(","))) for point in line.split()]
        for line in lines
    )
    for (x0, y0), (x1, y1), (x2, y2) in (linear, square):
        assert x0 < x1 < x2 and y0 > y1 > y2  # in order, and up the page
        assert x2 - x1 == pytest.approx(x1 - x0, abs=0.2)
        assert y2 - y1 == pytest.approx(y1 - y0, abs=0.2)
    colors = re.findall(r'<g style="color: (#\w+);', figure)
    assert colors == [COLORS["article"], COLORS["cct"]]
    assert figure.count('dasharray="none"') == 2
    rows += [row("cct_2_7x2", n, n) for n in (1, 4)]
    figure = load("growth_figure").growth_figure(rows, "layers", "blocks")
    colors = re.findall(r'<g style="color: (#\w+);', figure)
    assert colors[1:] == [COLORS["cct"]] * 2
    dashes = re.findall(r'dasharray="([^"]+)"', figure)
    assert dashes == ["none", "none", "7 4"]
    rise = [line[0][1] - line[2][1] for line in (linear, square)]
    assert rise[1] == pytest.approx(2 * rise[0], abs=0.4)


def test_labels_of_a_growth_figure_do_not_touch(load):
    growth_figure = load("growth_figure")
    height = growth_figure.LABEL_HEIGHT
    assert growth_figure.apart([50, 0, 2, 3]) == [50, 0, height, 2 * height]
    assert growth_figure.round_numbers(3.1, 8.4) == [2, 5, 10]
    assert growth_figure.round_numbers(2, 10) == [2, 5, 10]
    assert growth_figure.round_numbers(3, 1400) == [1, 10, 100, 1000, 10000]
    assert growth_figure.round_numbers(1, 1) == [1, 2]


def test_the_page_shows_the_pipeline_after_the_machines(load, rows, tmp_path):
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    speed = result(rows, load)
    spread = load("summary").spread
    pipeline = {
        **speed,
        "kind": "pipeline",
        "command": "python benchmarks/pipeline.py",
        "settings": {
            **speed["settings"],
            "model": "cct_2_3x2",
            "precision": "mixed_bfloat16",
        },
        "rows": [
            {
                "recipe": "article",
                "augmentation": "crop_flip",
                "optimizer": "adamw",
                "images_per_second": {
                    "pipeline": spread([6000]),
                    "step": spread([1500]),
                },
                "ratio": spread([4]),
                "bound": 3.0,
                "holds": True,
            }
        ],
    }
    (folder / "a.json").write_text(json.dumps(pipeline))
    load_page = load("speed_tables").render_page
    with pytest.raises(FileNotFoundError):
        load_page(tmp_path)
    (folder / "b.json").write_text(json.dumps(speed))
    page = load_page(tmp_path)
    assert page.index("## On CPU") < page.index("## The input pipeline")
    assert "6,000" in page and "at least 3: holds" in page


def test_a_page_without_results_says_what_to_run(load, tmp_path):
    with pytest.raises(FileNotFoundError, match="python benchmarks/speed.py"):
        load("speed_tables").render_page(tmp_path)


def test_pipeline_refuses_an_unknown_recipe_at_once(load):
    with pytest.raises(ValueError, match="did you mean 'fast'"):
        load("pipeline").parse(["--recipes", "article", "fats"])


@pytest.mark.parametrize(
    ("recipe", "model", "augmentation"),
    [
        ("article", "cct_2_3x2", "crop_flip"),
        # Which does not take all that the recipe wants of a model.
        ("fast", "article", "autoaugment"),
    ],
)
def test_pipeline_measures_one_recipe(
    recipe, model, augmentation, load, capsys, tmp_path
):
    out = tmp_path / "pipeline.json"
    arguments = ["--quick", "--recipes", recipe, "--model", model]
    arguments += ["--out", str(out), "--precision", "float32"]
    load("pipeline").main(arguments)
    assert "times as fast" in capsys.readouterr().out
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["recipe"], row["augmentation"]) == (recipe, augmentation)
    rates = row["bursts"]
    expected = [a / b for a, b in zip(*rates.values(), strict=True)]
    assert row["ratio"] == load("summary").spread(expected)
    assert list(rates) == ["pipeline", "step"] and len(expected) == 2


def test_speed_measures_one_model(root, tmp_path):
    out = tmp_path / "speed.json"
    done = subprocess.run(
        [sys.executable, str(root / "benchmarks" / "speed.py"), "--quick"]
        + ["--models", "cct_2_3x2", "--precisions", "float32"]
        + ["--out", str(out)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "GFLOP/s" in done.stdout
    content = json.loads(out.read_text())
    product, model, without = content["rows"]
    assert (without["onednn"], without["setting"]) == (False, "without oneDNN")
    assert product["task"] == "product"
    count = create_model("cct_2_3x2").count_params()
    assert (model["parameters"], model["batch"]) == (count, 8)
    for row in content["rows"]:
        assert len(row["bursts"]["cpu_ms"]) == 2
        assert row["ms"]["median"] > 0 and row["memory_mb"] > 50
    assert content["settings"]["quick"] and content["failed"] == []


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_matrix_product_runs_in_each_precision(precision, load):
    load("keras_worker").matrix_product(8, precision)(2)


def test_the_case_of_keras_layer_norm_is_the_same_network_without_ours(load):
    case = load("plan").Case(**CASE, keras_norm=True)
    assert case.setting == "Keras's layer norm"
    build = load("keras_worker").build
    models = [build(case._replace(keras_norm=on)._asdict()) for on in (0, 1)]
    ours, theirs = (
        [
            f"{type(each).__module__}.{type(each).__name__}"
            for each in model.layers
            if each.name.endswith(("norm", "norm_1", "norm_2"))
        ]
        for model in models
    )
    assert len(ours) == len(theirs) == 5
    assert all("cct_utils" in name for name in ours)
    assert all(name.startswith("keras.") for name in theirs)
    assert models[0].count_params() == models[1].count_params()
    models[1].set_weights(models[0].get_weights())
    images = load("keras_worker").images_of({**case._asdict(), "batch": 2})
    np.testing.assert_allclose(*(model(images) for model in models), atol=1e-5)
