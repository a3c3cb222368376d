"""The explorer of the tokenizer: its numbers, its pointer and its keys."""

import numpy as np
import pytest

from cct_utils import CCTTokenizer
from cct_utils.inspection import tokenizer_geometry
from cct_utils.widgets import TokenizerExplorer


def random_settings(count):
    rng = np.random.default_rng(1)
    settings = []
    while len(settings) < count:
        kernel = int(rng.choice([1, 3, 5, 7, 9, 11]))
        setting = {
            "height": int(rng.integers(16, 257)),
            "width": int(rng.integers(16, 257)),
            "kernel_size": kernel,
            "stride": int(rng.integers(1, 5)),
            "padding": int(rng.integers(0, 6)),
            "pooling": bool(rng.integers(2)),
            "num_conv_layers": int(rng.integers(1, 4)),
            "hidden_dim": int(rng.integers(1, 65)),
            "embed_dim": int(rng.integers(1, 129)),
        }
        settings.append(setting)
    return settings


def tokenizer(setting):
    """Return the package's layer of the same setting."""
    size, stride = (3, 2) if setting["pooling"] else (1, 1)
    stages = setting["num_conv_layers"]
    hidden = (setting["hidden_dim"],) * (stages - 1)
    return CCTTokenizer(
        kernel_size=setting["kernel_size"],
        stride=setting["stride"],
        padding=setting["padding"],
        pooling_kernel_size=size,
        pooling_stride=stride,
        num_conv_layers=stages,
        num_output_channels=(*hidden, setting["embed_dim"]),
    )


def pixels_seen(setting, index):
    """Return the first and last pixel that a unit sees, walking back."""
    first = last = index
    for _ in range(setting["num_conv_layers"]):
        if setting["pooling"]:
            first, last = 2 * first - 1, 2 * last + 1
        stride, padding = setting["stride"], setting["padding"]
        first = first * stride - padding
        last = last * stride - padding + setting["kernel_size"] - 1
    return first, last


def test_javascript_agrees_with_the_layer(javascript):
    settings = random_settings(240)
    results = javascript(TokenizerExplorer, "geometry", [[s] for s in settings])
    compared = 0
    for setting, steps in zip(settings, results, strict=True):
        layer, tokens = tokenizer(setting), steps[-1]
        try:
            grid = layer.grid(setting["height"], setting["width"])
        except ValueError:
            assert tokens["height"] * tokens["width"] == 0
            continue
        compared += 1
        assert (tokens["height"], tokens["width"]) == tuple(grid)
        layer.build((None, setting["height"], setting["width"], 3))
        total = sum(step["parameters"] for step in steps)
        assert total == layer.count_params()
        for index in (0, 3):
            first, last = pixels_seen(setting, index)
            assert tokens["start"] + index * tokens["jump"] == first
            assert tokens["receptive_field"] == last - first + 1
    assert compared >= 200


def test_javascript_agrees_with_inspection(javascript):
    settings = [s for s in random_settings(400) if s["pooling"]]
    results = javascript(TokenizerExplorer, "geometry", [[s] for s in settings])
    compared = 0
    for setting, steps in zip(settings, results, strict=True):
        stages = setting["num_conv_layers"]
        hidden = (setting["hidden_dim"],) * (stages - 1)
        try:
            expected = tokenizer_geometry(
                (setting["height"], setting["width"]),
                setting["kernel_size"],
                setting["stride"],
                setting["padding"],
                num_conv_layers=stages,
                num_output_channels=(*hidden, setting["embed_dim"]),
            )
        except ValueError:
            continue
        assert steps == [stage._asdict() for stage in expected]
        compared += 1
    assert compared >= 150


def test_patches_throw_their_border_away(javascript):
    setting = {"height": 33, "width": 46, "patch_size": 8, "embed_dim": 128}
    [grid] = javascript(TokenizerExplorer, "patches", [[setting]])
    assert (grid["height"], grid["width"]) == (4, 5)
    assert grid["lost"] == 33 * 46 - 32 * 40
    assert grid["parameters"] == 8 * 8 * 3 * 128 + 128
    assert grid["macs"] == 20 * 8 * 8 * 3 * 128


@pytest.fixture
def page(open_widget):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (32, 48, 3), "uint8")
    return open_widget(TokenizerExplorer(image))


def test_arrow_keys_choose_a_token(page, state_of, wait_for_words):
    pad = page.get_by_role("slider", name="Token of CCT")
    pad.focus()
    page.keyboard.press("Home")
    # The attribute follows with the next frame, as the words do.
    wait_for_words(page, "row 0, column 0")
    assert pad.get_attribute("aria-valuetext") == "row 0, column 0"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    wait_for_words(page, "token in row 2, column 1 sees 13 × 13")
    assert pad.get_attribute("aria-valuenow") == "25"
    page.keyboard.press("End")
    wait_for_words(page, "row 7, column 11")
    [place] = state_of(page, "place")
    assert place == pytest.approx([28.5 / 32, 44.5 / 48], abs=1e-4)


def test_named_token_sees_the_pixels_that_chapter_1_measures(
    open_widget, wait_for_words
):
    """Token [3, 4] has a gradient in rows 6 to 18 and columns 10 to 22."""
    setting = {"kernel_size": 3, "stride": 1, "padding": 1}
    setting |= {"pooling": True, "num_conv_layers": 2}
    image = np.zeros((32, 32, 3), "uint8")
    page = open_widget(TokenizerExplorer(image, **setting))
    page.get_by_role("slider", name="Token of CCT").focus()
    for key in ("Home", *3 * ["ArrowDown"], *4 * ["ArrowRight"]):
        page.keyboard.press(key)
    wait_for_words(page, "token in row 3, column 4 sees 13 × 13 pixels")
    (top, bottom), (left, right) = (pixels_seen(setting, i) for i in (3, 4))
    assert (top, bottom, left, right) == (6, 18, 10, 22)
    frame = page.locator(".w-pad[role=slider] .w-choice").get_attribute("d")
    assert frame == f"M{left} {top}h13v13h-13z"


def test_pointer_shows_and_chooses_a_token(page, state_of, wait_for_words):
    pad = page.get_by_role("slider", name="Token of CCT")
    box = pad.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    wait_for_words(page, "row 0, column 0 sees")
    page.mouse.move(0, 0)
    wait_for_words(page, "row 4, column 6 sees")
    page.mouse.click(x - 40, y)
    assert state_of(page, "place")[0][1] < 0.45


def test_controls_change_shape_and_say_when_nothing_is_left(
    page, state_of, wait_for_words
):
    page.get_by_role("checkbox", name="Max pooling 3/2").focus()
    page.keyboard.press("Space")
    wait_for_words(page, "32 × 48 = 1,536 tokens")
    page.get_by_role("slider", name="Padding").focus()
    page.keyboard.press("Home")
    kernel = page.get_by_role("slider", name="Kernel")
    kernel.focus()
    page.keyboard.press("End")
    wait_for_words(page, "12 × 28 = 336 tokens")
    page.get_by_role("slider", name="Stride").focus()
    page.keyboard.press("End")
    wait_for_words(page, "No token is left")
    kernel.focus()
    page.keyboard.press("Home")
    wait_for_words(page, "2 × 3 = 6 tokens")
    page.get_by_label("Image, pixels").select_option("149 × 224")
    assert state_of(page, "side") == [224]
    wait_for_words(page, "10 × 14 = 140 tokens")


@pytest.mark.parametrize(
    ("image", "arguments"),
    [
        (np.zeros((8, 8), "uint8"), {}),
        (np.zeros((8, 8, 3)), {}),
        (np.zeros((8, 300, 3), "uint8"), {}),
        (np.zeros((0, 8, 3), "uint8"), {}),
        (np.zeros((8, 8, 3), "uint8"), {"kernel_size": 4}),
        (np.zeros((8, 8, 3), "uint8"), {"stride": 5}),
    ],
)
def test_bad_input_is_explained(image, arguments):
    with pytest.raises(ValueError, match="Received"):
        TokenizerExplorer(image, **arguments)


def test_image_is_embedded_without_loss():
    import base64
    import io

    from PIL import Image

    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), "uint8")
    url = TokenizerExplorer(image).image
    head, body = url.split(",")
    assert head == "data:image/png;base64"
    decoded = np.array(Image.open(io.BytesIO(base64.b64decode(body))))
    np.testing.assert_array_equal(decoded, image)
