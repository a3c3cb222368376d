"""The explorer of attention: decoding, rollout, choice of token and view."""

import numpy as np
import pytest

from cct_utils import create_cct_variant, create_vit_variant
from cct_utils.inspection import attention_maps, attention_rollout
from cct_utils.widgets import AttentionExplorer
from cct_utils.widgets.attention import _levels


def random_maps(rng, blocks, images, heads, tokens):
    shape = (blocks, images, heads, tokens, tokens)
    powers = np.exp(rng.normal(0, 2, shape))
    return powers / powers.sum(axis=-1, keepdims=True)


def example(blocks=3, images=2, heads=2, tokens=12):
    rng = np.random.default_rng(4)
    return {
        "images": rng.integers(0, 256, (images, 6, 8, 3), "uint8"),
        "maps": list(random_maps(rng, blocks, images, heads, tokens)),
        "grid": (3, 4),
    }


def test_decoded_maps_are_nearly_the_given_ones(javascript):
    rng = np.random.default_rng(5)
    maps = [random_maps(rng, 1, 1, 1, n)[0, 0, 0] for n in range(2, 30)]
    calls = [[_levels(m).ravel().tolist(), len(m)] for m in maps]
    results = javascript(AttentionExplorer, "decode", calls)
    for given, decoded in zip(maps, results, strict=True):
        np.testing.assert_allclose(np.sum(decoded, axis=-1), 1)
        error = np.abs(decoded - given).max(axis=-1)
        assert (error <= 0.02 * given.max(axis=-1)).all()


def test_rollout_agrees_with_inspection(javascript):
    rng = np.random.default_rng(6)
    maps, calls, means = [], [], []
    for _ in range(200):
        blocks, heads, tokens = rng.integers(1, [6, 4, 10])
        given = random_maps(rng, blocks, 1, heads, tokens)
        residual = float(rng.uniform())
        maps.append((given, residual))
        means.append([given[0, 0].tolist()])
        calls.append([given.mean(axis=2)[:, 0].tolist(), residual])
    results = javascript(AttentionExplorer, "rollout", calls)
    for (given, residual), result in zip(maps, results, strict=True):
        expected = attention_rollout(list(given), residual)[0]
        np.testing.assert_allclose(result, expected, atol=1e-6)
    averages = javascript(AttentionExplorer, "meanOfHeads", means)
    for (given, _), average in zip(maps, averages, strict=True):
        np.testing.assert_allclose(average, given[0, 0].mean(axis=0))


def test_summary_measures_spread_and_distance(javascript):
    even = [1 / 12] * 12
    alone = [0.0] * 12
    alone[11] = 1.0
    flat, peak = javascript(
        AttentionExplorer, "summary", [[even, 5, 4], [alone, 0, 4]]
    )
    assert flat["equal"] == pytest.approx(12)
    assert peak == {"top": 11, "equal": 1, "distance": pytest.approx(13**0.5)}


def test_a_model_is_shown_as_it_is(open_widget, wait_for_words):
    model = create_cct_variant("cct_2_3x2", num_classes=3)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), "uint8")
    widget = AttentionExplorer.from_model(model, images, ["ship", "cat"])
    assert widget.titles == ["1: ship", "2: cat"]
    assert (widget.blocks, widget.heads, widget.grid) == (2, 2, [8, 8])
    row = attention_maps(model, images)[0][0, 0, widget.token]
    top = f"row {row.argmax() // 8}, column {row.argmax() % 8}"
    page = open_widget(widget)
    wait_for_words(page, f"takes most from {top} ({100 * row.max():.1f} %)")


@pytest.mark.parametrize("pooling", ["average", "class"])
def test_a_model_without_pooling_weights_is_shown_without_them(pooling):
    model = create_cct_variant("cct_2_3x2", pooling=pooling)
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), "uint8")
    widget = AttentionExplorer.from_model(model, images)
    assert (widget.pooling, widget.grid) == ([], [8, 8])
    # The class token, the first, has no place in the picture.
    first = int(pooling == "class")
    expected = [m[..., first:, first:] for m in attention_maps(model, images)]
    assert widget.maps == _levels(np.stack(expected)).tobytes()


def test_a_vit_is_shown_as_well():
    model = create_vit_variant("vit_lite_2_8")
    images = np.zeros((2, 32, 32, 3), "uint8")
    assert AttentionExplorer.from_model(model, images).grid == [4, 4]


def test_keyboard_moves_token_block_and_view(
    open_widget, state_of, wait_for_words
):
    given = example()
    weights = np.random.default_rng(0).dirichlet([0.3] * 12, 2)
    page = open_widget(AttentionExplorer(**given, pooling_weights=weights))
    page.get_by_role("slider", name="Token").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert state_of(page, "token") == [1]
    page.get_by_role("slider", name="Block").focus()
    page.keyboard.press("End")
    assert state_of(page, "block") == [2]
    row = given["maps"][2][0, 0, 1]
    top = f"row {row.argmax() // 4}, column {row.argmax() % 4}"
    wait_for_words(page, f"column 1 takes most from {top}")
    show = page.get_by_role("combobox", name="Show")
    show.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    assert state_of(page, "view") == ["rollout"]
    row = attention_rollout(given["maps"])[0, 1]
    top = f"row {row.argmax() // 4}, column {row.argmax() % 4}"
    wait_for_words(
        page,
        f"rollout up to this block: the token in row 0, "
        f"column 1 takes most from {top}",
    )
    show.select_option("pooling weights")
    top = weights[0].argmax()
    wait_for_words(
        page,
        f"most comes from row {top // 4}, column {top % 4} "
        f"({100 * weights[0].max():.1f} %)",
    )
    show.select_option("pooling of the rollout")
    row = weights[0] @ attention_rollout(given["maps"])[0]
    top = row.argmax()
    wait_for_words(page, f"most comes from row {top // 4}, column {top % 4}")
    page.get_by_label("Picture", exact=True).select_option("picture 2")
    assert state_of(page, "image") == [1]


def test_a_click_on_the_map_chooses_its_token(open_widget, state_of):
    page = open_widget(AttentionExplorer(**example()))
    box = page.locator(".w-pad").nth(1).bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + 3)
    assert state_of(page, "token") == [3]


def test_views_without_pooling_are_fewer(open_widget):
    page = open_widget(AttentionExplorer(**example()))
    assert page.get_by_role("combobox", name="Show").locator(
        "option"
    ).all_inner_texts() == [
        "head 1",
        "head 2",
        "mean of heads",
        "rollout up to this block",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maps", []),
        ("maps", [np.ones((2, 2, 12, 11))]),
        ("maps", [np.ones((1, 2, 12, 12))]),
        ("maps", [np.zeros((2, 2, 12, 12))]),
        ("maps", [-np.ones((2, 2, 12, 12))]),
        ("maps", [np.ones((2, 2, 12, 12)), np.ones((2, 1, 12, 12))]),
        ("grid", None),
        ("pooling_weights", np.ones((2, 11))),
        ("labels", ["one"]),
    ],
)
def test_bad_input_is_explained(name, value):
    with pytest.raises(ValueError, match="Received"):
        AttentionExplorer(**{**example(), name: value})
