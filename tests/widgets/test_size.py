"""The size calculator: the same numbers as the formulas and as Keras."""

import numpy as np
import pytest

from cct_utils import create_cct_model, create_cct_variant
from cct_utils.inspection import count_macs, count_parameters, variant_sizes
from cct_utils.widgets import SizeExplorer
from cct_utils.widgets.size import _PUBLISHED


def random_widgets(count):
    rng = np.random.default_rng(7)
    widgets = []
    for _ in range(count):
        widget = SizeExplorer(
            "cct_2_3x2", image_size=int(rng.integers(16, 257))
        )
        for name, value in {
            "num_classes": rng.integers(2, 1001),
            "transformer_layers": rng.integers(1, 25),
            "num_heads": rng.choice([1, 2, 4]),
            "mlp_ratio": rng.integers(1, 5),
            "embed_dim": 8 * rng.integers(1, 60),
            "kernel_size": rng.choice([1, 3, 5, 7, 9, 11]),
            "num_conv_layers": rng.integers(1, 3),
        }.items():
            setattr(widget, name, int(value))
        widget.positional_emb = str(rng.choice(["learned", "sine", "none"]))
        widget.wide_heads = bool(rng.integers(2))
        widget.use_qkv_bias = bool(rng.integers(2))
        widgets.append(widget)
    return widgets


def state(widget):
    """Return what the browser's formulas read."""
    return widget.get_state(
        [*widget.variants[0][1], "image_size", "num_classes"]
    )


def test_javascript_agrees_with_inspection(javascript):
    widgets = random_widgets(220)
    calls = [[state(widget)] for widget in widgets]
    parameters = javascript(SizeExplorer, "countParameters", calls)
    macs = javascript(SizeExplorer, "countMacs", calls)
    compared = 0
    for widget, weights, products in zip(
        widgets, parameters, macs, strict=True
    ):
        try:
            expected = count_parameters(**widget.sizes())
        except ValueError:  # no token is left
            continue
        compared += 1
        assert weights == expected
        assert products == count_macs(**widget.sizes())
    assert compared >= 200


@pytest.mark.parametrize("name", _PUBLISHED)
def test_every_model_has_its_own_sizes(name):
    widget = SizeExplorer(name, image_size=64, num_classes=7)
    expected = variant_sizes(name, 64, 7)
    assert {**widget.sizes(), "positional_emb": None} == {
        **expected,
        "positional_emb": None,
    }


def inner_values(model, sizes):
    """Return how many numbers the steps inside the layers put out."""
    tokenizer = model.get_layer("tokenizer")
    maps = tokenizer.feature_maps(np.zeros((1, *model.input_shape[1:])))
    n, d = model.get_layer("norm").output.shape[1:]
    heads = sizes["num_heads"]
    inner = heads * sizes["key_dim"]
    hidden = sizes["mlp_units"][0]
    convolutions = [
        step.filters * (2 * rows) * (2 * columns)
        for step, (_, rows, columns, _) in zip(
            tokenizer.convolutions, (m.shape for m in maps), strict=True
        )
    ]
    pools = sum(int(np.prod(m.shape)) for m in maps[:-1])
    attention = n * 3 * inner + heads * n * n + n * inner
    blocks = sizes["transformer_layers"] * (attention + n * hidden)
    return sum(convolutions) + pools + blocks + n


@pytest.mark.parametrize("name", ["cct_2_3x2", "cct_7_3x1", "article"])
def test_activations_are_the_outputs_of_the_layers(javascript, name):
    off = {"stochastic_depth_rate": 0, "dropout_rate": 0}
    if name == "article":
        model = create_cct_model(augmentation="none", **off)
    else:
        model = create_cct_variant(name, include_preprocessing=False, **off)
    outputs = sum(
        int(np.prod(layer.output.shape[1:]))
        for layer in model.layers
        if layer.name not in ("preprocessing", "position_embedding")
    )
    [counted] = javascript(
        SizeExplorer, "countActivations", [[state(SizeExplorer(name))]]
    )
    assert counted == outputs + inner_values(model, variant_sizes(name))


def test_keyboard_changes_the_model(open_widget, state_of, wait_for_words):
    page = open_widget(SizeExplorer())
    wait_for_words(page, "64 tokens, 283,723 parameters")
    model = page.get_by_role("combobox", name="Model")
    model.select_option("article")
    wait_for_words(page, "64 tokens, 416,331 parameters")
    assert state_of(page, "wide_heads", "use_qkv_bias") == [True, True]
    model.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    wait_for_words(page, "283,723 parameters")
    page.get_by_role("slider", name="Blocks").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_for_words(page, "482,123 parameters")
    assert model.input_value() == "CCT-4/3x2"
    page.keyboard.press("ArrowRight")
    wait_for_words(page, "multiply-adds")
    page.wait_for_function(
        "() => document.querySelector('select').value === 'your own'"
    )


def test_mouse_changes_image_and_batch(
    open_widget, javascript, state_of, wait_for_words
):
    widget = SizeExplorer()
    [kept] = javascript(SizeExplorer, "countActivations", [[state(widget)]])
    page = open_widget(widget)
    batch = page.get_by_role("slider", name="Batch")
    width = batch.bounding_box()["width"]
    batch.click(position={"x": width - 2, "y": 10})
    assert state_of(page, "batch_size") == [512]
    amount = f"{4 * 512 * kept / 1e6:.3g} MB"
    wait_for_words(page, f"a batch of 512 keeps about {amount} of activations")
    page.get_by_role("slider", name="Image side").click(
        position={"x": 2, "y": 10}
    )
    assert state_of(page, "image_size") == [16]
    wait_for_words(page, "16 tokens, 277,579 parameters")


def test_what_cannot_be_built_is_said(open_widget, wait_for_words):
    page = open_widget(SizeExplorer())
    page.get_by_label("Heads", exact=True).select_option("6")
    wait_for_words(page, "A width of 128 cannot be divided among 6 heads")
    page.get_by_role("checkbox", name="Heads as wide").check()
    wait_for_words(page, "multiply-adds")


def test_a_setting_without_tokens_has_a_text_form():
    widget = SizeExplorer("cct_7_7x2", image_size=16)
    widget.num_conv_layers, widget.kernel_size, widget.image_size = 3, 11, 16
    assert repr(widget).startswith("SizeExplorer: an interactive figure")


@pytest.mark.parametrize(
    "arguments",
    [
        {"variant": "cct_3_3x2"},
        {"image_size": 8},
        {"image_size": 300},
        {"num_classes": 0},
        {"batch_size": 0},
    ],
)
def test_bad_input_is_explained(arguments):
    with pytest.raises(ValueError, match="Received"):
        SizeExplorer(**arguments)
