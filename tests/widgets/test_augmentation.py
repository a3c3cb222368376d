"""The explorer of augmentation: pixels and labels as NumPy gives them."""

import numpy as np
import pytest

from cct_utils.widgets import AugmentationExplorer

RNG = np.random.default_rng(10)


def with_alpha(image):
    """Return an image as a canvas gives it: flat, four bytes a pixel."""
    alpha = np.full((*image.shape[:2], 1), 255, "uint8")
    return np.concatenate([image, alpha], axis=-1).ravel().tolist()


def colors(flat, image):
    return np.reshape(flat, (*image.shape[:2], 4))[..., :3]


def random_images(count):
    shapes = RNG.integers(2, 12, (count, 2))
    return [RNG.integers(0, 256, (2, h, w, 3), "uint8") for h, w in shapes]


def test_crop_and_flip_agree_with_numpy(javascript):
    pairs, calls, settings = random_images(200), [], []
    for first, _ in pairs:
        padding = int(RNG.integers(0, 6))
        row, column = RNG.integers(0, 2 * padding + 1, 2).tolist()
        flip = bool(RNG.integers(2))
        settings.append((padding, row, column, flip))
        names = ("padding", "row", "column", "flip")
        setting = dict(zip(names, settings[-1], strict=True))
        calls.append([with_alpha(first), *first.shape[:2], setting])
    results = javascript(AugmentationExplorer, "cropFlip", calls)
    for (image, _), setting, flat in zip(pairs, settings, results, strict=True):
        padding, row, column, flip = setting
        height, width = image.shape[:2]
        padded = np.pad(image, ((padding,) * 2, (padding,) * 2, (0, 0)))
        crop = padded[row : row + height, column : column + width]
        expected = crop[:, ::-1] if flip else crop
        np.testing.assert_array_equal(colors(flat, image), expected)


def test_mixup_agrees_with_numpy(javascript):
    pairs, weights = random_images(200), RNG.uniform(size=200).tolist()
    calls = [
        [with_alpha(a), with_alpha(b), w]
        for (a, b), w in zip(pairs, weights, strict=True)
    ]
    results = javascript(AugmentationExplorer, "mixUp", calls)
    for (a, b), w, flat in zip(pairs, weights, results, strict=True):
        expected = w * a + (1 - w) * b.astype(float)
        np.testing.assert_allclose(colors(flat, a), expected, atol=0.51)


def test_cutmix_agrees_with_numpy(javascript):
    pairs, calls, boxes = random_images(200), [], []
    for first, second in pairs:
        names = ("weight", "box_row", "box_column")
        setting = dict(zip(names, RNG.uniform(size=3).tolist(), strict=True))
        shape = first.shape[:2]
        calls.append([with_alpha(first), with_alpha(second), *shape, setting])
        boxes.append([*shape, setting])
    results = javascript(AugmentationExplorer, "cutMix", calls)
    boxes = javascript(AugmentationExplorer, "cutBox", boxes)
    for (a, b), box, flat in zip(pairs, boxes, results, strict=True):
        expected = a.copy()
        rows = slice(box["top"], box["top"] + box["tall"])
        columns = slice(box["left"], box["left"] + box["wide"])
        expected[rows, columns] = b[rows, columns]
        np.testing.assert_array_equal(colors(flat, a), expected)
        taken = np.zeros(a.shape[:2])
        taken[rows, columns] = 1
        assert taken.sum() == box["tall"] * box["wide"]  # all of it inside
        assert box["share"] == pytest.approx(1 - taken.mean())


@pytest.fixture
def page(open_widget):
    cat, dog = RNG.integers(0, 256, (2, 16, 16, 3), "uint8")
    return open_widget(AugmentationExplorer(cat, dog, ("cat", "dog")))


def test_keyboard_crops_and_flips(page, state_of, wait_for_words):
    wait_for_words(page, "moves by nothing: one of 162 examples")
    page.get_by_role("slider", name="Crop from row").focus()
    page.keyboard.press("End")
    page.get_by_role("slider", name="Crop from column").focus()
    page.keyboard.press("ArrowLeft")
    wait_for_words(page, "moves by 4 up and 1 right: one of 162 examples")
    page.get_by_role("checkbox", name="Flip").focus()
    page.keyboard.press("Space")
    wait_for_words(page, "moves by 4 up and 1 left and is mirrored")
    page.get_by_role("slider", name="Padding").focus()
    page.keyboard.press("Home")
    wait_for_words(page, "Without padding a crop of equal size does nothing")
    assert state_of(page, "padding", "flip") == [0, True]


def test_mouse_crops_and_flips(page, state_of, wait_for_words):
    row = page.get_by_role("slider", name="Crop from row")
    row.click(position={"x": 2, "y": 10})
    wait_for_words(page, "moves by 4 down: one of 162 examples")
    page.get_by_text("Flip", exact=True).click()
    wait_for_words(page, "moves by 4 down and is mirrored")
    assert state_of(page, "row", "flip") == [0, True]


def test_keyboard_mixes(page, state_of, wait_for_words):
    recipe = page.get_by_role("combobox", name="Recipe")
    recipe.focus()
    page.keyboard.press("ArrowDown")
    wait_for_words(page, "The label is 70 % cat and 30 % dog.")
    page.get_by_role("slider", name="Weight of cat").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    wait_for_words(page, "The label is 60 % cat and 40 % dog.")
    recipe.select_option("CutMix")
    wait_for_words(page, "A box of 10 × 10 pixels comes from the second image.")
    wait_for_words(page, "The label is 61 % cat and 39 % dog.")
    page.get_by_role("slider", name="Box from left").focus()
    page.keyboard.press("Home")
    assert state_of(page, "recipe", "box_column") == ["cutmix", 0]
    assert page.get_by_role("slider", name="Padding").count() == 0


SMALL = np.zeros((8, 8, 3), "uint8")


@pytest.mark.parametrize(
    "arguments",
    [
        {"image": SMALL.astype(float)},
        {"other": np.zeros((8, 9, 3), "uint8")},
        {"labels": ("cat",)},
        {"padding": 17},
        {"padding": 1.5},
        {"recipe": "blur"},
    ],
)
def test_bad_input_is_explained(arguments):
    with pytest.raises(ValueError, match="Received"):
        AugmentationExplorer(**{"image": SMALL, "other": SMALL, **arguments})
