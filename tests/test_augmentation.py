"""Augmentation: what each recipe does to images, and when it does nothing."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops

from cct_utils import (
    AUGMENTATION_RECIPES,
    augmentation_layers,
    data_augmentation,
)
from cct_utils.augmentation import RandomPadCrop


def images_of(count=8, height=12, width=10):
    """Images of the values 0..1 in which no two pixels are equal."""
    rng = np.random.default_rng(0)
    return rng.random((count, height, width, 3)).astype("float32")


def train(layer, images):
    """What a layer or a pipeline makes of images in training."""
    return ops.convert_to_numpy(layer(images, training=True))


def shifts_of(images, result, padding):
    """The vertical and horizontal shift of each image, by trying them all."""
    height, width = images.shape[1:3]
    side = (padding, padding)
    padded = np.pad(images, ((0, 0), side, side, (0, 0)))
    found = []
    for image, output in zip(padded, result, strict=True):
        hits = [
            (row, column)
            for row in range(2 * padding + 1)
            for column in range(2 * padding + 1)
            if np.array_equal(
                image[row : row + height, column : column + width], output
            )
        ]
        assert len(hits) == 1
        found += hits
    return found


# Pad and crop


@given(st.integers(1, 4), st.integers(5, 12), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_each_crop_is_one_of_the_shifts(padding, height, seed):
    images = images_of(4, height, 9)
    result = train(RandomPadCrop(padding, seed=seed), images)
    assert len(shifts_of(images, result, padding)) == 4


def test_crop_draws_a_shift_for_each_image():
    images = images_of(200)
    found = shifts_of(images, train(RandomPadCrop(2, seed=1), images), 2)
    assert set(found) == {(row, col) for row in range(5) for col in range(5)}


def test_crop_draws_other_shifts_at_each_step():
    images, layer = images_of(), RandomPadCrop(4)
    assert not np.array_equal(train(layer, images), train(layer, images))


def test_crop_with_the_same_seed_repeats():
    images = images_of()
    results = [train(RandomPadCrop(4, seed=s), images) for s in (3, 3, 4)]
    np.testing.assert_array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_crop_is_the_identity_at_inference_and_without_padding():
    images = images_of()
    np.testing.assert_array_equal(RandomPadCrop(4)(images), images)
    np.testing.assert_array_equal(train(RandomPadCrop(0), images), images)


def test_crop_saves_and_loads(tmp_path):
    layer = RandomPadCrop(3, seed=5)
    assert RandomPadCrop.from_config(layer.get_config()).padding == 3
    model = keras.Sequential([keras.Input((12, 10, 3)), layer])
    model.save(tmp_path / "crop.keras")
    loaded = keras.saving.load_model(tmp_path / "crop.keras")
    images = images_of()
    np.testing.assert_array_equal(train(loaded, images), train(model, images))


@pytest.mark.parametrize("padding", [-1, 1.5])
def test_crop_refuses(padding):
    with pytest.raises(ValueError, match="at least 0") as error:
        RandomPadCrop(padding)
    assert f"padding={padding}" in str(error.value)


# Recipes


def test_recipes_are_lists_of_layers_with_names():
    names = {
        recipe: [layer.name for layer in augmentation_layers(recipe, 32)]
        for recipe in AUGMENTATION_RECIPES
    }
    crop_flip = ["augmentation_crop", "augmentation_flip"]
    assert names == {
        "none": [],
        "crop_flip": crop_flip,
        "randaugment": [*crop_flip, "augmentation_rand"],
    }


@pytest.mark.parametrize(
    ("image_size", "padding"), [(32, 4), (64, 8), ((32, 48), 4), ([96, 80], 10)]
)
def test_largest_shift_is_an_eighth_of_the_smaller_side(image_size, padding):
    assert augmentation_layers("crop_flip", image_size)[0].padding == padding


def test_flip_gives_the_image_or_its_mirror_image():
    images = images_of(32)
    flip = augmentation_layers("crop_flip", (12, 10), seed=1)[1]
    result = train(flip, images)
    same = [np.array_equal(a, b) for a, b in zip(result, images, strict=True)]
    mirrored = [
        np.array_equal(a, b[:, ::-1])
        for a, b in zip(result, images, strict=True)
    ]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 4 < sum(mirrored) < 28  # each image has its own coin


def test_two_layers_of_a_recipe_have_different_seeds():
    crop, flip, rand = augmentation_layers("randaugment", 32, seed=7)
    assert len({crop.seed, flip.seed, rand.seed}) == 3


@pytest.mark.parametrize("recipe", AUGMENTATION_RECIPES)
@pytest.mark.parametrize("call", [{}, {"training": False}])
def test_recipe_is_the_identity_at_inference(recipe, call):
    x = images = images_of(4, 16, 16)
    for layer in augmentation_layers(recipe, 16):
        x = layer(x, **call)
    np.testing.assert_array_equal(x, images)


def test_randaugment_changes_pixels_and_keeps_the_range():
    images = images_of(8, 32, 32)
    rand = augmentation_layers("randaugment", 32, seed=1)[2]
    result = train(rand, images)
    assert result.shape == images.shape
    assert result.min() >= 0 and result.max() <= 1
    changed = [
        not np.allclose(a, b) for a, b in zip(result, images, strict=True)
    ]
    assert sum(changed) >= 4


def test_unknown_recipe_gives_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'randaugment'") as error:
        augmentation_layers("RandAugment", 32)
    message = str(error.value)
    assert "Received: augmentation='RandAugment'" in message
    assert all(recipe in message for recipe in AUGMENTATION_RECIPES)


# The article's pipeline


def test_pipeline_scales_pixels_and_is_quiet_at_inference():
    images = np.arange(256, dtype="float32").repeat(3).reshape(1, 16, 16, 3)
    pipeline = data_augmentation(image_size=16)
    assert isinstance(pipeline, keras.Sequential)
    np.testing.assert_allclose(pipeline(images), images / 255, rtol=1e-6)
    assert not np.allclose(train(pipeline, images), images / 255)


def test_pipelines_are_fresh_and_of_any_size():
    one, two = (
        data_augmentation(image_size=32),
        data_augmentation(image_size=64),
    )
    assert one is not two
    assert train(one, np.ones((2, 32, 32, 3))).shape == (2, 32, 32, 3)
    assert train(two, np.ones((2, 64, 64, 3))).shape == (2, 64, 64, 3)


def test_pipeline_is_applied_to_images_as_in_the_article():
    inputs = layers.Input((24, 32, 3))
    model = keras.Model(inputs, data_augmentation(inputs))
    images = 255 * images_of(4, 24, 32)
    result = train(model, images)
    assert result.shape == images.shape
    assert result.max() <= 1
    assert not np.allclose(result, images / 255)
    np.testing.assert_allclose(model(images), images / 255, rtol=1e-6)


@pytest.mark.parametrize("recipe", ["crop_flip", "randaugment"])
def test_pipeline_in_mixed_precision(recipe):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        pipeline = data_augmentation(image_size=16, recipe=recipe, seed=1)
    finally:
        keras.config.set_dtype_policy("float32")
    images = 255 * images_of(4, 16, 16)
    result = ops.cast(pipeline(images, training=True), "float32")
    assert np.all(np.isfinite(result))
