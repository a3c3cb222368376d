"""The explorer of training curves: smoothing, axes, choice of runs."""

import colorsys
import json
import re
import types

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cct_utils.plots.style import MODEL_LOOKS
from cct_utils.widgets import CurvesExplorer
from tests.contrast import contrast

HISTORIES = {
    "small": {
        "accuracy": [0.4, 0.5, 0.6],
        "val_accuracy": [0.45, 0.55, 0.5],
        "loss": [1.5, 1.2, 1.0],
        "val_loss": [1.4, 1.3, 1.35],
        "seconds": [60, 60, 120],
    },
    "large": {
        "accuracy": [0.5, 0.7],
        "val_accuracy": [0.52, 0.66],
        "loss": [1.3, 0.9],
        "val_loss": [1.2, 1.0],
        "seconds_per_epoch": [300, 300],
    },
}


def smooth(values, amount):
    """Return the weighted mean of all values so far, newest heaviest."""
    means = []
    for end in range(1, len(values) + 1):
        weights = amount ** np.arange(end - 1, -1, -1.0)
        means.append(np.average(values[:end], weights=weights))
    return means


def test_smoothing_agrees_with_numpy(javascript):
    rng = np.random.default_rng(8)
    calls = [
        [
            rng.normal(size=rng.integers(1, 60)).tolist(),
            float(rng.uniform(0, 0.95)),
        ]
        for _ in range(200)
    ]
    results = javascript(CurvesExplorer, "smooth", calls)
    for (values, amount), result in zip(calls, results, strict=True):
        np.testing.assert_allclose(result, smooth(values, amount), atol=1e-9)


def test_smoothing_leaves_a_gap_where_there_is_one(javascript):
    (result,) = javascript(CurvesExplorer, "smooth", [[[1, None, 2], 0.5]])
    assert result[1] is None
    np.testing.assert_allclose([result[0], result[2]], smooth([1, 2], 0.5))


def test_the_best_epoch_is_a_number_if_there_is_one(javascript):
    calls = [
        ["loss", [None, 2, 1, None]],
        ["accuracy", [0.4, None, 0.3]],
        ["loss", [None, None]],
        ["loss", []],
    ]
    assert javascript(CurvesExplorer, "bestEpoch", calls) == [2, 0, -1, -1]


def test_what_is_not_finite_is_a_gap_and_the_state_is_json(
    open_widget, wait_for_words
):
    loss = [2.0, 1.5, float("nan"), float("inf"), 1.0]
    history = {"loss": loss, "val_loss": loss[::-1]}
    broken = {"loss": [float("nan")] * 5, "val_loss": [float("nan")] * 5}
    widget = CurvesExplorer({"run": history, "broken": broken})
    text = json.dumps(widget.get_state(["runs"]), allow_nan=False)
    assert json.loads(text)["runs"][0]["metrics"]["loss"] == [
        *(2, 1.5, None, None, 1),
    ]
    page = open_widget(widget)
    wait_for_words(page, "Epoch 5, validation loss: run 2.0000; broken –.")
    lines = page.locator(".w-line").evaluate_all(
        "lines => lines.map(line => line.getAttribute('d'))"
    )
    assert [line.count("M") for line in lines] == [2, 2, 0, 0]
    assert all(word not in "".join(lines) for word in ("NaN", "null", "Inf"))
    assert page.locator("tbody tr").all_inner_texts() == [
        "run\t1.0000\t2.0000\t1.0000 (1)",
        "broken\t–\t–\t–",
    ]


def test_ticks_cover_the_values_in_round_steps(javascript):
    rng = np.random.default_rng(9)
    calls = [
        [low, low + 10.0 ** rng.uniform(-3, 6)] for low in rng.normal(0, 5, 200)
    ]
    for (low, high), ticks in zip(
        calls, javascript(CurvesExplorer, "ticks", calls), strict=True
    ):
        steps = np.diff(ticks)
        assert ticks[0] <= low + 1e-9 and ticks[-1] >= high - 1e-9 * abs(high)
        assert 2 <= len(ticks) <= 8
        np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
        mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0]) + 1e-9)
        assert min(abs(mantissa - n) for n in (1, 2, 5, 10)) < 1e-5


def test_axes_are_cumulative(javascript):
    run = {"metrics": {"loss": [3, 2, 1]}, "seconds": [60, 30, 90], "images": 5}
    epochs, minutes, images = javascript(
        CurvesExplorer,
        "positions",
        [[run, "epochs"], [run, "minutes"], [run, "images"]],
    )
    assert (epochs, minutes, images) == ([1, 2, 3], [1, 1.5, 3], [5, 10, 15])


def test_runs_keep_their_color_while_they_are_shown(javascript):
    first = [[0, 0], [4, 1], [7, 2]]
    kept, full = javascript(
        CurvesExplorer,
        "assignColors",
        [[first, [4, 5, 7]], [[], list(range(6))]],
    )
    assert kept == [[4, 1], [7, 2], [5, 0]]
    assert full == [[run, run] for run in range(6)]


def test_a_model_has_the_color_of_the_figures_if_that_is_free(javascript):
    hues = [3, -1, 0, 3, 4]
    fresh, later = javascript(
        CurvesExplorer,
        "assignColors",
        [[[], [0, 1, 2, 3], hues], [[[2, 4]], [2, 4], hues]],
    )
    assert sorted(fresh) == [[0, 3], [1, 1], [2, 0], [3, 2]]
    assert sorted(later) == [[2, 4], [4, 0]], "no run changes its color"


COLOR = re.compile(
    r"\.w-run-(\d) \{ color: (#\w+); color: light-dark\(\2, (#\w+)\); \}"
)
# What they lie on, on a light and a dark page: by itself, and on the site.
PAPERS = [("#ffffff", "#fffffe"), ("#1a2027", "#121718")]


def colors():
    """The colors of the runs by their numbers: on a light and a dark page."""
    found = COLOR.findall(str(CurvesExplorer._esm))
    return {int(number): (light, dark) for number, light, dark in found}


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("cct_2_3x2", "cct"),
        ("vit_lite_2_4", "vit"),
        ("vit_keras", "vit_keras"),
        ("article", "article"),
    ],
)
def test_a_model_has_the_very_color_of_the_figures(model, kind):
    (run,) = CurvesExplorer({"run": record(model)}).runs
    expected = [color.lower() for color in MODEL_LOOKS[kind][:2]]
    assert list(colors()[run["hue"]]) == expected


def test_cvt_has_the_hue_of_the_figures_and_a_color_of_its_own():
    (run,) = CurvesExplorer({"run": record("cvt_2_4")}).runs
    own = colors()[run["hue"]]
    for color, figure in zip(own, MODEL_LOOKS["cvt"][:2], strict=True):
        hues = [colorsys.rgb_to_hls(*to_rgb(c))[0] for c in (color, figure)]
        assert hues[0] == pytest.approx(hues[1], abs=0.02)
    assert run["hue"] >= 6  # no run without a color of its own takes it
    assert list(colors().values()).count(own) == 1


def test_every_color_has_contrast():
    assert sorted(colors()) == list(range(7))
    for pair in colors().values():
        for color, papers in zip(pair, PAPERS, strict=True):
            for paper in papers:
                levels = [
                    [255 * part for part in to_rgb(c)] for c in (color, paper)
                ]
                assert contrast(*levels) >= 4.5, color


def record(model="cct_2_3x2", accelerators=(), **more):
    """What a record holds of a training of two epochs."""
    history = {"loss": [3, 2], "seconds": [90, 90], "cpu_seconds": [60, 30]}
    hardware = {"accelerators": list(accelerators)}
    return {"model": model, "hardware": hardware, "history": history} | more


def test_records_of_a_processor_are_compared_by_its_time():
    widget = CurvesExplorer({"a": record(), "b": {"c": record("vit_keras")}})
    assert [run["seconds"] for run in widget.runs] == [[60, 30]] * 2
    assert [run["hue"] for run in widget.runs] == [0, 3]
    assert widget.clock == "CPU minutes"


@pytest.mark.parametrize(
    "other",
    [
        record(accelerators=["H100"]),
        record(together=3),
        {"loss": [3, 2], "seconds": [90, 90], "cpu_seconds": [60, 30]},
        {"history": {"loss": [3, 2], "seconds": [90, 90]}},
    ],
)
def test_with_another_kind_of_run_among_them_it_is_the_clock(other):
    widget = CurvesExplorer({"a": record(), "b": other})
    assert widget.runs[0]["seconds"] == [90, 90]
    assert widget.clock == "minutes"


def test_many_runs_come_in_groups_and_six_at_once(
    open_widget, state_of, wait_for_words
):
    small, large = HISTORIES.values()
    histories = {
        "base": {str(seed): small for seed in range(3)},
        "layers": {str(number): large for number in range(1, 22)},
    }
    widget = CurvesExplorer(histories, shown=["base: 0", "layers: 4"])
    assert widget.shown == [0, 6]
    page = open_widget(widget)
    wait_for_words(
        page, "Epoch 3, validation accuracy: base: 0 50.00 %; layers: 4 –."
    )
    layers = page.get_by_role("group", name="layers")
    assert layers.get_by_role("checkbox").count() == 21
    for number in (5, 6, 7, 8):
        layers.get_by_role("checkbox", name=str(number), exact=True).check()
    assert state_of(page, "shown") == [[0, 6, 7, 8, 9, 10]]
    lines = page.locator(".w-line:not(.w-dashed)")
    lines.nth(5).wait_for()  # the lines follow the state a moment later
    assert lines.count() == 6
    drawn = lines.evaluate_all(
        "lines => lines.map(line => line.getAttribute('class'))"
    )
    assert len(set(drawn)) == 6
    assert page.locator("input[type=checkbox]:disabled").count() == 18
    assert page.get_by_text("6 runs at once are the most.").is_visible()
    page.get_by_role("group", name="base").get_by_role(
        "checkbox", name="0"
    ).uncheck()
    assert page.locator("input[type=checkbox]:disabled").count() == 0


def test_twenty_five_records_stay_light():
    epochs = [0.123456789] * 32
    metrics = ("loss", "accuracy", "top-5-accuracy")
    names = [f"{part}{metric}" for part in ("", "val_") for metric in metrics]
    record = {"history": {name: epochs for name in names}}
    widget = CurvesExplorer({str(i): record for i in range(25)})
    assert len(json.dumps(widget.runs)) < 60_000
    assert widget.shown == [0, 1, 2, 3, 4, 5]


def test_keyboard_reads_any_epoch(open_widget, state_of, wait_for_words):
    page = open_widget(CurvesExplorer(HISTORIES))
    wait_for_words(
        page, "Epoch 3, validation accuracy: small 50.00 %; large –."
    )
    page.get_by_role("slider", name="Read at epoch").focus()
    page.keyboard.press("ArrowLeft")
    wait_for_words(
        page, "Epoch 2, validation accuracy: small 55.00 %; large 66.00 %."
    )
    rows = page.locator("tbody tr").all_inner_texts()
    assert rows == [
        "small\t50.00 %\t55.00 %\t55.00 % (2)\t2.0 min",
        "large\t70.00 %\t66.00 %\t66.00 % (2)\t10.0 min",
    ]
    page.get_by_role("combobox", name="Metric").focus()
    page.keyboard.press("ArrowDown")
    wait_for_words(
        page, "Epoch 2, validation loss: small 1.3000; large 1.0000."
    )
    page.get_by_role("checkbox", name="large").focus()
    page.keyboard.press("Space")
    assert state_of(page, "shown", "metric") == [[0], "loss"]
    wait_for_words(page, "validation loss: small 1.3000.")
    page.get_by_role("checkbox", name="small").focus()
    page.keyboard.press("Space")
    wait_for_words(page, "Choose a run")


def test_pointer_reads_the_nearest_epoch(open_widget, state_of, wait_for_words):
    page = open_widget(CurvesExplorer(HISTORIES))
    page.get_by_role("combobox", name="Along").select_option("time, minutes")
    assert state_of(page, "axis") == ["minutes"]
    box = page.locator(".w-plane").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    wait_for_words(
        page, "Epoch 2, validation accuracy: small 55.00 %; large 66"
    )
    page.mouse.move(0, 0)
    wait_for_words(page, "Epoch 3")
    page.mouse.click(box["x"] + 2, box["y"] + 20)
    assert state_of(page, "epoch") == [1]


def test_training_curves_can_be_hidden(open_widget):
    page = open_widget(CurvesExplorer(HISTORIES))
    assert page.locator(".w-line").count() == 4
    assert page.locator(".w-dashed").count() == 2
    page.get_by_role("checkbox", name="Training too").uncheck()
    page.wait_for_function(
        "() => document.querySelectorAll('.w-line').length === 2"
    )


def test_records_and_keras_histories_do_as_well(open_widget):
    record = {"history": HISTORIES["small"], "data": {"images": [45000, 5000]}}
    keras = types.SimpleNamespace(history={"loss": [2.0, 1.0]})
    widget = CurvesExplorer({"record": record})
    assert widget.runs[0]["images"] == 45000
    assert widget.metric == "accuracy"
    page = open_widget(widget)
    along = page.get_by_role("combobox", name="Along")
    assert along.locator("option").all_inner_texts() == [
        "epochs",
        "time, minutes",
        "images seen",
    ]
    page = open_widget(CurvesExplorer({"keras": keras}))
    assert page.get_by_role("combobox", name="Along").count() == 0
    assert page.locator(".w-dashed").count() == 0


def test_a_run_that_was_trained_with_others_has_no_time_of_its_own():
    alone = {"history": HISTORIES["small"]}
    runs = CurvesExplorer(
        {"alone": alone, "with others": {**alone, "together": 3}}
    ).runs
    assert [run["seconds"] for run in runs] == [[60, 60, 120], []]


@pytest.mark.parametrize(
    ("histories", "metric"),
    [
        ({}, None),
        ([1, 2], None),
        ({"a": {}}, None),
        ({"a": {"seconds": [1]}}, None),
        ({"a": {"loss": 3}}, None),
        ({"a": {"loss": []}}, None),
        (HISTORIES, "f1"),
        ({str(i): {"loss": [1]} for i in range(41)}, None),
        ({"a": {"b": {"loss": []}}}, None),
    ],
)
def test_bad_input_is_explained(histories, metric):
    with pytest.raises(ValueError, match="Received"):
        CurvesExplorer(histories, metric)


@pytest.mark.parametrize("shown", [["medium"], ["small"] * 7])
def test_runs_to_show_that_are_not_there_are_named(shown):
    with pytest.raises(ValueError, match="of the runs small, large. Received"):
        CurvesExplorer(HISTORIES, shown=shown)
