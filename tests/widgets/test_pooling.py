"""The explorer of sequence pooling: its arithmetic, dragging, presets."""

import numpy as np
import pytest

from cct_utils import create_cct_variant, create_vit_variant
from cct_utils.widgets import PoolingExplorer


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def example(seed=0, images=2, tokens=16, width=5, classes=3):
    rng = np.random.default_rng(seed)
    return {
        "images": rng.integers(0, 256, (images, 8, 8, 3), "uint8"),
        "tokens": rng.normal(size=(images, tokens, width)),
        "scores": rng.normal(0, 2, (images, tokens)),
        "kernel": rng.normal(size=(width, classes)),
        "bias": rng.normal(size=classes),
        "class_names": [f"class {i}" for i in range(classes)],
    }


def test_javascript_agrees_with_numpy(javascript):
    rng = np.random.default_rng(2)
    calls, expected = [], []
    for _ in range(200):
        tokens, width, classes = rng.integers(1, 30, 3)
        x = rng.normal(size=(tokens, width))
        scores = rng.normal(0, rng.uniform(0, 8), tokens)
        kernel, bias = (
            rng.normal(size=(width, classes)),
            rng.normal(size=classes),
        )
        calls.append([a.ravel().tolist() for a in (scores, x, kernel, bias)])
        weights = softmax(scores)
        logits = weights @ x @ kernel + bias
        entropy = -np.sum(weights * np.log(weights))
        expected.append((weights, weights @ x, logits, entropy))
    results = javascript(PoolingExplorer, "pool", calls)
    for result, (weights, pooled, logits, entropy) in zip(
        results, expected, strict=True
    ):
        np.testing.assert_allclose(result["weights"], weights, rtol=1e-9)
        np.testing.assert_allclose(result["pooled"], pooled, atol=1e-9)
        np.testing.assert_allclose(result["logits"], logits, atol=1e-9)
        np.testing.assert_allclose(
            result["probabilities"], softmax(logits), atol=1e-9
        )
        assert result["equal"] == pytest.approx(np.exp(entropy))


def test_a_model_is_shown_as_it_is(open_widget, state_of, wait_for_words):
    model = create_cct_variant("cct_2_3x2", num_classes=3)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), "uint8")
    names = ["cat", "dog", "ship"]
    widget = PoolingExplorer.from_model(model, images, names, labels=[2, 0])
    expected = softmax(np.array(model(images)))[0].max()
    assert widget.titles == ["1: ship", "2: cat"]
    page = open_widget(widget)
    wait_for_words(page, f"({100 * expected:.1f} % with the learned")


def test_a_model_that_pools_in_another_way_is_named():
    model = create_vit_variant("vit_lite_2_8", num_classes=3)
    images = np.zeros((1, 32, 32, 3), "uint8")
    with pytest.raises(ValueError, match="SequencePooling.*a ClassPooling"):
        PoolingExplorer.from_model(model, images, ["cat", "dog", "ship"])


def test_keyboard_moves_score_and_class(open_widget, state_of, wait_for_words):
    given = example()
    page = open_widget(PoolingExplorer(**given))
    pad = page.get_by_role("slider", name="Token", exact=True)
    pad.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert state_of(page, "token") == [5]
    page.get_by_role("slider", name="Score of the token").focus()
    page.keyboard.press("End")
    [scores] = state_of(page, "scores")
    assert scores[5] == max(scores) > given["scores"][0].max() + 2
    scores = np.array(scores)
    logits = softmax(scores) @ given["tokens"][0] @ given["kernel"]
    best = softmax(logits + given["bias"])
    wait_for_words(
        page, f"Most likely: class {best.argmax()}, {100 * best.max():.1f} %"
    )
    page.get_by_role("button", name="Learned").focus()
    page.keyboard.press("Enter")
    np.testing.assert_allclose(
        state_of(page, "scores")[0], given["scores"][0], atol=1e-3
    )


def test_presets(open_widget, state_of, wait_for_words):
    given = example()
    for name in ("tokens", "kernel"):  # as the browser gets them
        given[name] = given[name].astype("float16").astype(float)
    page = open_widget(PoolingExplorer(**given))
    page.get_by_role("button", name="Average").click()
    assert state_of(page, "scores") == [[0] * 16]
    wait_for_words(page, "weight 6.3 %. The weights are spread as over 16.0")
    page.get_by_role("slider", name="Token", exact=True).focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="This token as class token").click()
    wait_for_words(page, "row 3, column 3: score")
    wait_for_words(page, "weight 100.0 %. The weights are spread as over 1.0")
    alone = softmax(given["tokens"][0, -1] @ given["kernel"] + given["bias"])
    best = f"class {alone.argmax()}, {100 * alone.max():.1f} %"
    wait_for_words(page, f"Most likely: {best}")


def test_a_bar_is_dragged(open_widget, state_of):
    page = open_widget(PoolingExplorer(**example()))
    box = page.locator(".w-scores").bounding_box()
    x = box["x"] + box["width"] * 10.5 / 16
    page.mouse.move(x, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 1)
    page.mouse.up()
    token, scores = state_of(page, "token", "scores")
    assert token == 10
    assert scores[10] == max(scores)


def test_another_picture_brings_its_own_scores(open_widget, state_of):
    given = example()
    page = open_widget(PoolingExplorer(**given, grid=(2, 8)))
    page.get_by_label("Picture").select_option("picture 2")
    np.testing.assert_allclose(
        state_of(page, "scores")[0], given["scores"][1], atol=1e-3
    )


def test_half_floats_arrive_as_they_were(open_widget):
    values = [0, 1, -1.5, 65504, 6e-8, -6.1e-5, 0.333, 2**-14]
    given = example(images=1, tokens=1, width=8)
    given["tokens"] = np.array(values).reshape(1, 1, 8)
    page = open_widget(PoolingExplorer(**given))
    read = page.evaluate(
        """async (esm) => {
          const module = await window.load(`${esm}; export { halfFloats };`);
          return Array.from(module.halfFloats(window.model.get("tokens")));
        }""",
        str(PoolingExplorer._esm),
    )
    np.testing.assert_array_equal(read, np.float16(values).astype(float))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", np.zeros((2, 8, 8, 3))),
        ("images", np.zeros((13, 8, 8, 3), "uint8")),
        ("tokens", np.zeros((2, 15, 5))),
        ("scores", np.full((2, 16), np.nan)),
        ("kernel", np.zeros((4, 3))),
        ("bias", np.zeros(4)),
        ("grid", (3, 5)),
        ("labels", [1]),
    ],
)
def test_bad_input_is_explained(name, value):
    with pytest.raises(ValueError, match="Received"):
        PoolingExplorer(**{**example(), name: value})
