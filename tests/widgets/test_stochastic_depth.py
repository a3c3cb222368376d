"""The explorer of stochastic depth: its coins, its formulas, its controls."""

import itertools

import numpy as np
import pytest

from cct_utils import stochastic_depth_rates
from cct_utils.widgets import StochasticDepthExplorer


def mulberry32(seed):
    """Yield the numbers of the browser's generator."""
    state = seed
    while True:
        state = (state + 0x6D2B79F5) % 2**32
        bits = (state ^ (state >> 15)) * (state | 1) % 2**32
        bits ^= (bits + (bits ^ (bits >> 7)) * (bits | 61)) % 2**32
        yield ((bits ^ (bits >> 14)) % 2**32) / 2**32


def simulate(num_layers, rate, samples, shared_seed, seed):
    """Return which branches are passed, (branches, samples)."""
    keep = np.repeat(1 - np.array(stochastic_depth_rates(rate, num_layers)), 2)
    passes = []
    for branch, kept in enumerate(keep):
        stream = 0 if shared_seed else branch
        start = ((seed + 1) * 0x9E3779B1 + stream * 7919) % 2**32
        coins = list(itertools.islice(mulberry32(start), samples))
        passes.append(np.array(coins) < kept)
    return keep, np.array(passes)


def random_settings(count):
    rng = np.random.default_rng(0)
    return [
        {
            "num_layers": int(rng.integers(1, 15)),
            "rate": round(float(rng.uniform(0, 0.9)), 3),
            "samples": int(rng.integers(1, 100)),
            "shared_seed": bool(rng.integers(2)),
            "seed": int(rng.integers(10_000)),
        }
        for _ in range(count)
    ]


def test_javascript_agrees_with_python(javascript):
    settings = random_settings(200)
    results = javascript(
        StochasticDepthExplorer, "simulate", [[s] for s in settings]
    )
    for setting, result in zip(settings, results, strict=True):
        keep, passes = simulate(**setting)
        np.testing.assert_allclose(result["keep"], keep)
        np.testing.assert_array_equal(result["passes"], passes)
        depths = passes.sum(axis=0)
        np.testing.assert_array_equal(result["depths"], depths)
        assert result["mean"] == pytest.approx(depths.mean())
        assert result["spread"] == pytest.approx(depths.std())
        assert result["expectedMean"] == pytest.approx(keep.sum())
        assert sum(result["distribution"]) == pytest.approx(1)


@pytest.mark.parametrize("shared_seed", [False, True])
def test_expected_spread_is_that_of_many_samples(javascript, shared_seed):
    setting = {
        "num_layers": 6,
        "rate": 0.5,
        "samples": 20_000,
        "shared_seed": shared_seed,
        "seed": 3,
    }
    [result] = javascript(StochasticDepthExplorer, "simulate", [[setting]])
    assert result["mean"] == pytest.approx(result["expectedMean"], rel=0.02)
    assert result["spread"] == pytest.approx(result["expectedSpread"], rel=0.02)
    counts = np.bincount(result["depths"], minlength=13) / 20_000
    np.testing.assert_allclose(counts, result["distribution"], atol=0.015)


def test_shared_seed_keeps_the_mean_and_grows_the_spread(javascript):
    keep = np.repeat(1 - np.array(stochastic_depth_rates(0.5, 6)), 2).tolist()
    alone, shared = javascript(
        StochasticDepthExplorer, "expected", [[keep, False], [keep, True]]
    )
    assert alone["expectedMean"] == pytest.approx(shared["expectedMean"])
    assert shared["expectedSpread"] > 2 * alone["expectedSpread"]


def test_keyboard_moves_the_figure(open_widget, state_of, wait_for_words):
    page = open_widget(StochasticDepthExplorer(rate=0.3, samples=64))
    words = page.locator(".w-words")
    assert words.inner_text().startswith("Expected 10.20 of 12 branches")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert state_of(page, "rate") == [0.35]
    wait_for_words(page, "Expected 9.90 of 12 branches")
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    assert state_of(page, "num_layers") == [1]
    wait_for_words(page, "Expected 2.00 of 2 branches")
    assert page.get_by_text("block 2").is_hidden()
    page.get_by_role("checkbox", name="One shared seed").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Draw again").focus()
    page.keyboard.press("Enter")
    assert state_of(page, "shared_seed", "seed") == [True, 1]


def test_mouse_and_other_views_move_the_same_state(
    open_widget, state_of, wait_for_words
):
    page = open_widget(StochasticDepthExplorer())
    page.get_by_role("slider", name="Blocks").click(position={"x": 2, "y": 10})
    assert state_of(page, "num_layers") == [1]
    page.evaluate("window.model.set('num_layers', 3)")
    wait_for_words(page, "of 6 branches")
    assert page.get_by_role("slider", name="Blocks").input_value() == "3"


def test_state_comes_back():
    widget = StochasticDepthExplorer(4, 0.2, 32, shared_seed=True, seed=5)
    assert repr(widget).endswith("(4 blocks, rate 0.2)")
    state = widget.get_state()
    other = StochasticDepthExplorer()
    other.set_state({k: state[k] for k in widget.keys if k in state})
    assert other.get_state(["num_layers", "rate", "seed"]) == {
        "num_layers": 4,
        "rate": 0.2,
        "seed": 5,
    }


@pytest.mark.parametrize(
    "arguments",
    [{"num_layers": 0}, {"num_layers": 15}, {"rate": 1.0}, {"samples": 0}],
)
def test_bad_input_is_explained(arguments):
    with pytest.raises(ValueError, match="Received"):
        StochasticDepthExplorer(**arguments)
