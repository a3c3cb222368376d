"""Augmentation in a compiled step: Pillow's operations, and the same chances.

What needs JAX runs in one other process: `python -m` this file, which writes
what the tests then look at.
"""

import collections
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from cct_utils.augmentation import OPERATIONS, POLICIES, BatchAugmentation
from cct_utils.augmentation.compiled import (
    CompiledAugmentation,
    apply_operation,
)
from cct_utils.augmentation.policies import NAMES

FEW, MANY = 300, 8000  # images that are compared one by one; or in numbers
CLASSES = 50
CHANCES = {
    "mixup": {"policy": "none", "mixup_alpha": 0.8},
    "cutmix": {"policy": "none", "cutmix": True},
    "erasing": {"policy": "none", "random_erasing": 0.5},
}
ALL = {
    "policy": "none",
    "mixup_alpha": 0.8,
    "cutmix": True,
    "random_erasing": 1,
}


def noise_of(count, height=16, width=18):
    """Random images, in which no two pixels are likely to be equal."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, height, width, 3), dtype="uint8")


def plain_images_of(count, height=8, width=12):
    """Images that say their class, row and column; and one-hot labels."""
    classes = np.arange(count) % CLASSES
    images = np.empty((count, height, width, 3), "uint8")
    images[..., 0] = classes[:, None, None]
    images[..., 1] = np.arange(height)[:, None]
    images[..., 2] = np.arange(width)
    return images, np.eye(CLASSES, dtype="float32")[classes]


def cases_of(name):
    """Images, strengths and signs to try an operation with.

    Half of the images are noise, some of it overexposed, the others are faint
    and smooth. They have more pixels than there are levels: `equalize` leaves
    smaller ones as they are.
    """
    rng = np.random.default_rng(NAMES.index(name))
    strengths = np.concatenate([[0, 5, 5, 10, 10], rng.uniform(0, 10, 5)])
    images = noise_of(len(strengths), 20, 28)
    smooth = np.add.outer(3 * np.arange(20), 3 * np.arange(28)) + 60
    images[1::4] = np.minimum(images[1::4], 150)
    images[::2] = smooth[:, :, None] + np.array([0, 7, 30])
    signs = np.where(np.arange(len(strengths)) % 4 < 2, -1, 1)
    return images, strengths, signs


# What the tests look at, made by the other process


def augment_with_jax(path):
    """Writes what JAX makes of the images of the tests."""
    import jax
    import jax.numpy as jnp

    from cct_utils.augmentation import compiled

    made, key = {}, jax.random.key(5)

    def augment(name, images, labels, **arguments):
        change = jax.jit(compiled.CompiledAugmentation(**arguments))
        for call, seed in (("", 5), ("_again", 5), ("_other", 6)):
            call = name + call
            made[call], made[f"{call}_labels"] = change(
                jax.random.key(seed), images, labels
            )

    images, strengths, signs = (
        np.concatenate(same) for same in zip(*map(cases_of, NAMES), strict=True)
    )
    indices = np.repeat(np.arange(len(NAMES)), len(images) // len(NAMES))
    made["operations"] = jax.jit(jax.vmap(compiled.apply_operation))(
        images.astype("int32"), indices, strengths.astype("float32"), signs
    )
    noise, labels = noise_of(FEW), np.ones((FEW, 1), "float32")
    augment("crop_flip", noise, labels, policy="crop_flip")
    augment("changed", noise[:40], labels[:40], policy="randaugment")
    images, labels = plain_images_of(MANY)
    augment("none", images[:8], labels[:8], policy="none")
    for way in CHANCES:
        augment(way, images, labels, **CHANCES[way])
    all_ways = jax.vmap(compiled.CompiledAugmentation(**ALL), (0, None, None))
    made["all"], made["all_labels"] = jax.jit(all_ways)(
        jax.random.split(key, FEW), images[:8], labels[:8]
    )
    made["noise"], made["images"], made["labels"] = noise, images, labels

    def write_down(image, index, strength, sign):
        """Notes an operation in a row of the image, instead of applying it."""
        count = image[-1, -1, 0]
        note = jnp.stack([index, jnp.round(1e4 * strength).astype(int), sign])
        return image.at[count, 0].set(note).at[-1, -1, 0].add(1)

    compiled.apply_operation = write_down
    black = np.zeros((2 * MANY, 4, 4, 3), "uint8")
    labels = np.ones((2 * MANY, 1), "float32")
    for policy in POLICIES:
        augment(policy, black, labels, policy=policy)
    np.savez(path, **made)


@pytest.fixture(scope="module")
def made(run_with_jax, tmp_path_factory):
    """What the other process has written."""
    path = tmp_path_factory.mktemp("jax") / "made.npz"
    run_with_jax(__name__, path)
    return dict(np.load(path))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"policy": "cropflip"}, "did you mean 'crop_flip'"),
        ({"mixup_alpha": -1}, "at least 0"),
        ({"random_erasing": 1.5}, "a probability"),
    ],
)
def test_arguments_are_checked_as_those_of_the_input_pipeline(
    arguments, reason
):
    pytest.importorskip("jax")
    for augmentation in (CompiledAugmentation, BatchAugmentation):
        with pytest.raises(ValueError, match=reason):
            augmentation(**arguments)


# Operations

# What may differ: the largest difference in levels, and the share of values.
NEAR = {
    # The place of a pixel is of single precision here, and in Pillow in parts
    # of 65,536: it may lie on both sides of an edge.
    "shear_x": (255, 0.002),
    "shear_y": (255, 0.002),
    "rotate": (255, 0.002),
    # So may a value, of which both cut the digits off.
    "brightness": (1, 0.005),
    "color": (1, 0.005),
    "contrast": (1, 0.005),
    "sharpness": (1, 0.005),
    "autocontrast": (1, 0.03),
}


def assert_as_pillow(name, received, cases):
    """Compares results with those of Pillow, for all cases of a name."""
    expected = [
        np.asarray(OPERATIONS[name](Image.fromarray(image), strength, sign))
        for image, strength, sign in zip(*cases, strict=True)
    ]
    levels, share = NEAR.get(name, (0, 0))
    difference = np.abs(np.stack(received) - np.stack(expected).astype(int))
    assert difference.max() <= levels
    assert np.mean(difference > 0) <= share


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_is_that_of_pillow(name):
    images, strengths, signs = (values[:6] for values in cases_of(name))
    received = []
    for image, strength, sign in zip(images, strengths, signs, strict=True):
        pixels = keras.ops.convert_to_tensor(image, "int32")
        result = apply_operation(pixels, NAMES.index(name), strength, int(sign))
        assert keras.backend.standardize_dtype(result.dtype) == "int32"
        received.append(keras.ops.convert_to_numpy(result))
    assert_as_pillow(name, received, (images, strengths, signs))


@pytest.mark.parametrize("name", NAMES)
def test_mapped_over_images_an_operation_is_that_of_pillow(name, made):
    each = np.split(made["operations"], len(NAMES))
    assert_as_pillow(name, each[NAMES.index(name)], cases_of(name))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, 77, 255])
def test_an_operation_of_a_plain_image_is_that_of_pillow(name, value):
    """Without a contrast there is nothing to stretch or to spread."""
    image = np.full((6, 8, 3), value, "uint8")
    result = apply_operation(
        keras.ops.convert_to_tensor(image, "int32"), NAMES.index(name), 3.3, 1
    )
    expected = OPERATIONS[name](Image.fromarray(image), 3.3, 1)
    np.testing.assert_array_equal(result, expected)


# Policies


def read_notes(notes):
    """The operations of each image: lists of (name, strength, sign)."""
    return [
        [
            (NAMES[int(index)], strength / 1e4, int(sign))
            for index, strength, sign in image[: int(image[-1, -1, 0]), 0]
        ]
        for image in notes
    ]


def frequencies(drawn):
    """How often there is what in lists of (name, strength)."""
    counts = collections.Counter()
    for operations in drawn:
        counts["how many", len(operations)] += 1
        counts["in order", *(name for name, _ in operations)] += 1
        for name, strength in operations:
            counts["strength", round(2 * strength)] += 1
            counts["of that strength", name, round(strength)] += 1
    return {what: count / len(drawn) for what, count in counts.items()}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_draws_what_it_draws_for_pillow(policy, made):
    notes = read_notes(made[policy])
    received = frequencies([[each[:2] for each in drawn] for drawn in notes])
    rng = np.random.default_rng(0)
    expected = frequencies([POLICIES[policy](rng) for _ in notes])
    for what in received.keys() | expected.keys():
        pair = received.get(what, 0), expected.get(what, 0)
        # Five standard deviations of their difference, and one image more.
        tolerance = 5 * np.sqrt(sum(pair) / len(notes)) + 1 / len(notes)
        assert pair[0] == pytest.approx(pair[1], abs=tolerance), what


@pytest.mark.parametrize("policy", POLICIES)
def test_signs_and_operations_are_drawn_independently(policy, made):
    notes = read_notes(made[policy])
    signs = [sign for drawn in notes for _, _, sign in drawn]
    assert set(signs) == {-1, 1}
    assert np.mean(signs) == pytest.approx(0, abs=0.05)
    pairs = [drawn for drawn in notes if len(drawn) == 2]
    if policy == "trivialaugment":
        assert not pairs
        return
    (names, strengths, signs) = (
        np.array([[one[i], two[i]] for one, two in pairs]) for i in range(3)
    )
    assert np.mean(signs[:, 0] == signs[:, 1]) == pytest.approx(0.5, abs=0.05)
    if policy == "randaugment":
        same = np.mean(names[:, 0] == names[:, 1])
        assert same == pytest.approx(1 / len(NAMES), abs=0.03)
        assert abs(np.corrcoef(strengths.T)[0, 1]) < 0.1
        assert abs(np.corrcoef(strengths[:, 0], signs[:, 0])[0, 1]) < 0.1


# Shifts


def places_of(before, after):
    """The shifts and mirrorings that make one image of the other."""
    padded = np.pad(before, ((2, 2), (2, 2), (0, 0)))
    height, width, _ = before.shape
    return [
        (top, left, mirrored)
        for top in range(5)
        for left in range(5)
        for mirrored in (0, 1)
        if np.array_equal(
            padded[top : top + height, left : left + width],
            after[:, ::-1] if mirrored else after,
        )
    ]


def test_an_image_is_shifted_by_an_eighth_at_most_and_half_are_mirrored(made):
    images = noise_of(FEW)
    seen = []
    for before, after in zip(images, made["crop_flip"], strict=True):
        (place,) = places_of(before, after)
        seen.append(place)
    assert len(set(seen)) > 40  # of 5 * 5 * 2
    for values, count in zip(zip(*seen, strict=True), (5, 5, 2), strict=True):
        shares = np.bincount(values, minlength=count) / FEW
        np.testing.assert_allclose(shares, 1 / count, atol=0.12)


def test_a_policy_changes_more_of_an_image_than_its_place(made):
    """A quarter of the images draw no operation, others one of no effect."""
    results = made["changed"]
    np.testing.assert_array_equal(results, np.round(results))
    images = noise_of(FEW)[: len(results)]
    moved = [
        len(places_of(before, after)) > 0
        for before, after in zip(images, results, strict=True)
    ]
    assert 0.05 < np.mean(moved) < 0.6


# Mixing and erasing


def own_weights(labels):
    """What is left of each image's own class in its label."""
    return labels[plain_images_of(MANY)[1] == 1]


def partners_of(labels):
    """The class of the image that each image is mixed with."""
    own = np.arange(MANY) % CLASSES
    others = labels.copy()
    others[np.arange(MANY), own] = 0
    return np.where(others.any(axis=1), others.argmax(axis=1), own)


def test_mixup_is_the_mean_that_its_labels_say(made):
    images, _ = plain_images_of(MANY)
    mixed, labels = made["mixup"], made["mixup_labels"]
    assert labels.min() >= 0
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-5)
    assert ((labels > 0).sum(axis=1) <= 2).all()
    expected = labels @ np.arange(CLASSES)
    np.testing.assert_allclose(
        mixed[..., 0],
        np.broadcast_to(expected[:, None, None], (MANY, 8, 12)),
        atol=1e-3,
    )
    # Each pixel is mixed with the one at its own place.
    np.testing.assert_allclose(mixed[..., 1:], images[..., 1:], atol=1e-4)


def test_each_image_is_mixed_into_one_other(made):
    """The others are a permutation: no class is drawn too often."""
    counts = np.bincount(partners_of(made["mixup_labels"]), minlength=CLASSES)
    np.testing.assert_array_equal(counts, MANY // CLASSES)


def test_cutmix_takes_a_rectangle_of_the_size_that_its_labels_say(made):
    images, _ = plain_images_of(MANY)
    mixed, labels = made["cutmix"], made["cutmix_labels"]
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(mixed[..., 1:], images[..., 1:])
    own, other = (
        mixed[..., 0] == classes[:, None, None]
        for classes in (images[:, 0, 0, 0], partners_of(labels))
    )
    assert (own | other).all()
    np.testing.assert_allclose(
        own.mean(axis=(1, 2)), own_weights(labels), atol=1e-5
    )
    for mask in ~own[:500]:
        assert_rectangle(mask)


def assert_rectangle(mask):
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    assert mask[np.ix_(rows, columns)].all()
    for side in (rows, columns):  # without a gap
        assert np.abs(np.diff(side, prepend=0, append=0)).sum() in (0, 2)


def changed_pixels(images):
    """Where plain images are changed: an array `(n, height, width)`."""
    return (images != plain_images_of(len(images))[0]).any(axis=-1)


@pytest.mark.parametrize("way", ["cutmix", "erasing"])
def test_sizes_and_places_are_as_in_the_input_pipeline(way, made):
    augment = BatchAugmentation(**CHANCES[way])
    images, _ = augment(*plain_images_of(MANY), 0)
    received, expected = (
        masks[masks.any(axis=(1, 2))]
        for masks in map(changed_pixels, (made[way], images))
    )
    assert len(received) == pytest.approx(len(expected), abs=0.04 * MANY)
    for measure in (
        lambda masks: masks.mean(axis=(1, 2)),
        lambda masks: masks.any(axis=2).sum(axis=1),  # rows
        lambda masks: masks.any(axis=1).sum(axis=1),  # columns
    ):
        assert_same_distribution(measure(received), measure(expected))
    # How often each of the pixels is changed.
    np.testing.assert_allclose(received.mean(0), expected.mean(0), atol=0.05)


def test_weights_of_mixup_are_as_in_the_input_pipeline(made):
    augment = BatchAugmentation(**CHANCES["mixup"])
    _, labels = augment(*plain_images_of(MANY), 0)
    received, expected = own_weights(made["mixup_labels"]), own_weights(labels)
    assert_same_distribution(received, expected)
    mixed = received[received < 1]  # the others' partners are of their class
    assert len(mixed) > 0.97 * MANY
    # Beta(a, a) has the variance 1 / (8a + 4).
    assert mixed.std() == pytest.approx((8 * 0.8 + 4) ** -0.5, abs=0.008)


def assert_same_distribution(received, expected):
    """Compares two samples by the largest distance of their shares below."""
    places = np.union1d(received, expected)
    shares = (
        np.searchsorted(np.sort(sample), places, side="right") / len(sample)
        for sample in (received, expected)
    )
    # Kolmogorov and Smirnov: so far apart are they once in 100,000 times.
    count = 1 / (1 / len(received) + 1 / len(expected))
    limit = np.sqrt(-np.log(1e-5 / 2) / 2 / count)
    assert np.abs(np.subtract(*shares)).max() < limit


def test_erasing_is_as_frequent_as_asked_and_leaves_the_labels(made):
    erased = changed_pixels(made["erasing"]).any(axis=(1, 2))
    assert erased.mean() == pytest.approx(0.5, abs=0.03)
    np.testing.assert_array_equal(
        made["erasing_labels"], plain_images_of(MANY)[1]
    )


def test_an_erased_rectangle_is_filled_with_noise(made):
    erased = changed_pixels(made["erasing"])
    noise = made["erasing"][erased]
    assert set(np.unique(noise)) == set(range(256))
    assert noise.mean() == pytest.approx(127.5, abs=2)
    for mask in erased[:500]:
        assert_rectangle(mask)


# Batches


def test_a_batch_is_mixed_in_one_of_two_ways_and_then_erased(made):
    images, _ = plain_images_of(8)
    cut = []
    for batch, labels in zip(made["all"], made["all_labels"], strict=True):
        cut.append(np.array_equal(batch, np.round(batch)))
        if not cut[-1]:
            mean = images.astype("float32")
            mean[..., 0] = (labels @ np.arange(CLASSES))[:, None, None]
            erased = (np.abs(batch - mean) > 1e-3).any(axis=-1)
            assert erased.any(axis=(1, 2)).all()
            noise = batch[erased]  # which is not mixed
            np.testing.assert_array_equal(noise, np.round(noise))
    assert np.mean(cut) == pytest.approx(0.5, abs=0.14)


@pytest.mark.parametrize("name", ["crop_flip", *POLICIES, *CHANCES])
def test_equal_keys_give_equal_batches_and_others_do_not(name, made):
    for kind in ("", "_labels"):
        np.testing.assert_array_equal(
            made[name + kind], made[f"{name}_again{kind}"]
        )
    assert not np.array_equal(made[name], made[f"{name}_other"])


@pytest.mark.parametrize("name", ["crop_flip", *CHANCES])
def test_images_keep_shape_and_scale(name, made):
    images, before = made[name], made["images"]
    if name not in CHANCES:
        before = made["noise"]
    assert (images.shape, images.dtype) == (before.shape, "float32")
    assert 0 <= images.min() and images.max() <= 255


def test_without_any_setting_nothing_changes(made):
    images, labels = plain_images_of(8)
    np.testing.assert_array_equal(made["none"], images)
    np.testing.assert_array_equal(made["none_labels"], labels)
    assert made["none"].dtype == "float32"


def test_the_data_stay_as_they_are(made):
    images, labels = plain_images_of(MANY)
    np.testing.assert_array_equal(made["images"], images)
    np.testing.assert_array_equal(made["labels"], labels)
    np.testing.assert_array_equal(made["noise"], noise_of(FEW))


if __name__ == "__main__":
    augment_with_jax(sys.argv[1])
