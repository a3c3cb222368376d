"""Augmentation of batches: policies of operations, and mixed labels."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cct_utils.augmentation import (
    AUTOAUGMENT_CIFAR10,
    OPERATIONS,
    POLICIES,
    BatchAugmentation,
    augment_image,
)


def batch_of(count=16, height=12, width=10, seed=0):
    """A batch of random images, and labels of four classes."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, height, width, 3), dtype="uint8")
    return images, np.eye(4, dtype="float32")[np.arange(count) % 4]


# Operations and policies


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_an_operation_keeps_size_and_mode_and_changes_pixels(name, sign):
    image = Image.fromarray(batch_of(1)[0][0])
    result = OPERATIONS[name](image, 10, sign)
    assert (result.size, result.mode) == (image.size, "RGB")
    if name not in ("autocontrast", "equalize"):  # the noise is equal already
        assert not np.array_equal(result, image)


NEUTRAL = set(OPERATIONS) - {"autocontrast", "equalize", "invert"}


@pytest.mark.parametrize("name", sorted(NEUTRAL))
def test_an_operation_of_no_strength_changes_nothing(name):
    image = Image.fromarray(batch_of(1)[0][0])
    np.testing.assert_array_equal(OPERATIONS[name](image, 0, 1), image)


def test_operations_do_what_their_names_say():
    image = Image.fromarray(np.full((4, 10, 3), (200, 100, 50), "uint8"))
    ramp = np.zeros((4, 10, 3), "uint8")
    ramp[:, :, 0] = 20 * np.arange(10)
    shifted = OPERATIONS["translate_x"](Image.fromarray(ramp), 10 / 4.5, -1)
    np.testing.assert_array_equal(
        np.asarray(shifted)[:, 1:, 0], ramp[:, :-1, 0]
    )
    inverted = OPERATIONS["invert"](image, 5, 1)
    assert inverted.getpixel((0, 0)) == (55, 155, 205)
    solarized = OPERATIONS["solarize"](image, 5, 1)  # values from 128 on
    assert solarized.getpixel((0, 0)) == (55, 100, 50)
    posterized = OPERATIONS["posterize"](image, 10, 1)  # four bits are left
    assert posterized.getpixel((0, 0)) == (192, 96, 48)
    gray = OPERATIONS["color"](image, 10, -1).getpixel((0, 0))
    assert max(gray) - min(gray) < 25
    bright = OPERATIONS["brightness"](image, 10, -1).getpixel((0, 0))
    assert bright == (20, 10, 5)


def test_autoaugment_is_25_pairs_of_known_operations():
    assert len(AUTOAUGMENT_CIFAR10) == 25
    for pair in AUTOAUGMENT_CIFAR10:
        assert len(pair) == 2
        for name, probability, level in pair:
            assert name in OPERATIONS
            assert 0 <= probability <= 1 and level in range(10)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_draws_strengths_within_the_range(policy):
    rng = np.random.default_rng(0)
    drawn = [each for _ in range(500) for each in POLICIES[policy](rng)]
    strengths = [strength for _, strength in drawn]
    assert 0 <= min(strengths) and max(strengths) <= 10
    names = {name for name, _ in drawn}
    assert names <= set(OPERATIONS)
    if policy != "autoaugment":
        assert names == set(OPERATIONS)


def test_randaugment_applies_one_operation_on_average():
    rng = np.random.default_rng(0)
    counts = [len(POLICIES["randaugment"](rng)) for _ in range(2000)]
    assert set(counts) == {0, 1, 2}
    assert np.mean(counts) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("policy", POLICIES)
def test_images_draw_operations_of_their_own(policy):
    image = batch_of(1, 32, 32)[0][0]
    rng = np.random.default_rng(1)
    results = {
        np.asarray(augment_image(image, policy, rng)).tobytes()
        for _ in range(20)
    }
    assert len(results) > 8


# Batches

RECIPES = [
    {"policy": "none"},
    {"policy": "crop_flip"},
    {"policy": "autoaugment"},
    {"policy": "none", "mixup_alpha": 0.8},
    {"policy": "none", "cutmix": True},
    {"policy": "randaugment", "mixup_alpha": 0.8, "cutmix": True},
    {"policy": "trivialaugment", "random_erasing": 1.0},
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_equal_seeds_give_equal_batches_and_others_do_not(recipe):
    images, labels = batch_of()
    augment = BatchAugmentation(**recipe)
    first = augment(images, labels, (1, 2, 3))
    second = augment(images, labels, (1, 2, 4))
    again = BatchAugmentation(**recipe)(images, labels, (1, 2, 3))
    for received, expected in zip(again, first, strict=True):
        np.testing.assert_array_equal(received, expected)
    assert augment.is_active == (recipe != {"policy": "none"})
    if augment.is_active:
        assert not np.array_equal(first[0], second[0])
    assert first[0].shape == images.shape
    assert 0 <= first[0].min() and first[0].max() <= 255


@given(st.floats(0.05, 4), st.booleans(), st.integers(0, 9))
@settings(max_examples=10, deadline=None)
def test_mixing_keeps_the_weight_of_labels(alpha, cutmix, seed):
    images, labels = batch_of()
    augment = BatchAugmentation("none", mixup_alpha=alpha, cutmix=cutmix)
    _, mixed = augment(images, labels, seed)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, rtol=1e-4)
    assert mixed.min() >= 0


def test_mixup_is_the_mean_that_its_labels_say():
    images, labels = batch_of(2)
    mixed, weights = BatchAugmentation("none", mixup_alpha=1.0)(
        images, labels, 5
    )
    # Two images, two classes: the labels are the weights of the images.
    expected = np.tensordot(weights[:, :2], images.astype(float), 1)
    np.testing.assert_allclose(mixed, expected, atol=0.5)


def test_cutmix_takes_each_pixel_from_one_of_the_images():
    images, labels = batch_of(2)
    mixed, weights = BatchAugmentation("none", cutmix=True)(images, labels, 3)
    for i, image in enumerate(mixed):
        own = (image == images[i]).all(axis=-1)
        other = (image == images[1 - i]).all(axis=-1)
        assert (own | other).all()
        assert weights[i, i] == pytest.approx(own.mean(), abs=0.02)


def test_a_batch_is_mixed_in_one_of_the_two_ways():
    images, labels = batch_of()
    augment = BatchAugmentation("none", mixup_alpha=0.8, cutmix=True)
    cut = []
    for seed in range(30):
        mixed, _ = augment(images, labels, seed)
        values = set(images.reshape(-1).tolist())
        cut.append(set(np.unique(mixed).tolist()) <= values)
    assert 5 < sum(cut) < 25  # CutMix makes no new values


@pytest.mark.parametrize("probability", [0.25, 1.0])
def test_erasing_is_as_frequent_as_asked(probability):
    images, labels = batch_of(400)
    erased, _ = BatchAugmentation("none", random_erasing=probability)(
        images, labels, 0
    )
    changed = (erased != images).any(axis=(1, 2, 3)).mean()
    assert changed == pytest.approx(probability, abs=0.08)


def test_an_erased_rectangle_covers_what_the_paper_says():
    images = np.zeros((400, 32, 32, 3), "uint8")
    erased, _ = BatchAugmentation("none", random_erasing=1.0)(
        images, batch_of(400)[1], 0
    )
    shares = []
    for image in erased.any(axis=-1):
        rows, columns = image.any(axis=1), image.any(axis=0)
        assert image[np.ix_(rows, columns)].all()  # nothing but a rectangle
        shares.append(image.mean())
    assert 0.01 < min(shares) < 0.04 and 0.29 < max(shares) < 0.36
    assert np.mean(shares) == pytest.approx((0.02 + 0.33) / 2, abs=0.02)


def test_an_image_is_shifted_by_an_eighth_at_most_and_half_are_mirrored():
    images, labels = batch_of(300, 16, 24)
    result, _ = BatchAugmentation("crop_flip")(images, labels, 0)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    seen = []
    for before, after in zip(padded, result, strict=True):
        (place,) = [
            (top, left, mirrored)
            for top in range(5)
            for left in range(5)
            for mirrored in (False, True)
            if np.array_equal(
                before[top : top + 16, left : left + 24],
                after[:, ::-1] if mirrored else after,
            )
        ]
        seen.append(place)
    assert len(set(seen)) == 5 * 5 * 2
    assert np.mean([mirrored for *_, mirrored in seen]) == pytest.approx(
        0.5, abs=0.1
    )


def test_the_data_stay_as_they_are():
    images, labels = batch_of()
    before = images.copy()
    for recipe in RECIPES:
        BatchAugmentation(**recipe)(images, labels, 0)
        np.testing.assert_array_equal(images, before)


def test_mixing_is_in_float32_whatever_the_precision():
    images, labels = batch_of()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        low = BatchAugmentation("none", mixup_alpha=1.0)(images, labels, 0)
    finally:
        keras.config.set_dtype_policy(before)
    full = BatchAugmentation("none", mixup_alpha=1.0)(images, labels, 0)
    np.testing.assert_array_equal(low[0], full[0])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"policy": "autoagument"}, "did you mean 'autoaugment'"),
        ({"mixup_alpha": -1}, "`mixup_alpha` must be at least 0"),
        ({"random_erasing": 1.5}, "`random_erasing` must be a probability"),
    ],
)
def test_refuses(arguments, reason):
    with pytest.raises(ValueError, match=reason) as error:
        BatchAugmentation(**arguments)
    assert "Received: " in str(error.value)


@pytest.mark.parametrize(
    ("change", "received"),
    [
        (lambda images: images.astype("float32"), "float32 images"),
        (lambda images: images[..., :1], "images with 1 channels"),
    ],
)
def test_pillow_refuses_what_it_cannot_read(change, received):
    images, labels = batch_of()
    augment = BatchAugmentation("autoaugment")
    with pytest.raises(ValueError, match=f"of 'autoaugment'.*{received}"):
        augment(change(images), labels, 0)
    # Shifts and mirroring take them.
    assert BatchAugmentation()(change(images), labels, 0)[0].any()


def test_mixing_of_integer_labels_is_refused():
    images, labels = batch_of()
    augment = BatchAugmentation("none", mixup_alpha=0.8)
    with pytest.raises(ValueError, match="need one-hot labels") as error:
        augment(images, labels.argmax(axis=1), 0)
    assert "(16,)" in str(error.value)
