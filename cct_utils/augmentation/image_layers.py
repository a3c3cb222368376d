"""Augmentation inside of a model: layers that change images at random.

Almost all of them are Keras's own. The one that is not, `RandomPadCrop`, is
here because `keras.layers.RandomCrop` draws one crop for a whole batch; two
others differ from Keras's only in doing nothing outside of training.

References: He et al., arXiv 1512.03385, section 4.2 (pad and crop); Cubuk et
al., arXiv 1909.13719 (RandAugment).
"""

import keras
from keras import layers, ops

from cct_utils._choices import check_choice
from cct_utils._sizes import parse_size
from cct_utils.layers._checks import check_whole

AUGMENTATION_RECIPES = ("none", "crop_flip", "randaugment")


@keras.saving.register_keras_serializable("cct_utils")
class RandomPadCrop(layers.Layer):
    """Shifts each image at random, as padding and then cropping does.

    Every image of the batch is surrounded by `padding` zeros and cut out again
    at its own random place: shifts from `-padding` to `padding` are equally
    likely. At inference the layer is the identity.

    Args:
        padding: largest shift in pixels, at least 0.
        seed: seed of this layer's own random stream.

    Call arguments:
        images: tensor `(batch, height, width, channels)`.
        training: whether to shift.

    Returns:
        A tensor of the shape and dtype of `images`.

    Raises:
        ValueError: if `padding` is not a non-negative integer.
    """

    def __init__(self, padding=4, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.padding = check_whole("padding", padding)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def get_config(self):
        return {
            **super().get_config(),
            "padding": self.padding,
            "seed": self.seed,
        }

    def call(self, images, training=False):
        if not training or self.padding == 0:
            return images
        batch = ops.shape(images)[0]
        height, width, channels = images.shape[1:]
        shifts = keras.random.randint(
            (2, batch, 1), 0, 2 * self.padding + 1, seed=self.seed_generator
        )
        side = (self.padding, self.padding)
        padded = ops.pad(images, ((0, 0), side, side, (0, 0)))
        rows = shifts[0] + ops.arange(height)  # (batch, height)
        columns = shifts[1] + ops.arange(width)  # (batch, width)
        # One index for each pixel of the flattened batch: a single gather.
        padded_width = width + 2 * self.padding
        pixel = rows[:, :, None] * padded_width + columns[:, None, :]
        size = (height + 2 * self.padding) * padded_width
        pixel = pixel + ops.arange(batch)[:, None, None] * size
        return ops.take(ops.reshape(padded, (-1, channels)), pixel, axis=0)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("cct_utils")
class QuietRandomFlip(layers.RandomFlip):
    """Keras's `RandomFlip`, but the identity unless it is told to train.

    Keras's own random layers act where `training` is not given, so that
    `model(images)` would answer at random.
    """

    def call(self, images, training=False):
        return super().call(images, training=training)


@keras.saving.register_keras_serializable("cct_utils")
class QuietRandAugment(layers.RandAugment):
    """Keras's `RandAugment`, but the identity unless it is told to train."""

    def call(self, images, training=False):
        return super().call(images, training=training)


def augmentation_layers(recipe, image_size, seed=None, value_range=(0, 1)):
    """Returns the layers of a recipe that change images alone.

    They are the identity at inference. What mixes labels too belongs to the
    input pipeline: see `BatchAugmentation`.

    Args:
        recipe: one of `AUGMENTATION_RECIPES`.
        image_size: `(height, width)` in pixels, or one number for both; the
            largest shift is an eighth of the smaller side (4 for 32).
        seed: seed of the first layer; the others follow it.
        value_range: lowest and highest value of the images; RandAugment
            needs to know it, and cuts off what lies outside.

    Returns:
        A list of Keras layers, empty for `"none"`.

    Raises:
        ValueError: if the recipe is unknown, and the message names the nearest;
            or the size is not one positive integer or two.
    """
    check_choice("augmentation", recipe, AUGMENTATION_RECIPES)
    if recipe == "none":
        return []
    size = min(parse_size(image_size))
    seeds = [None if seed is None else seed + i for i in range(3)]
    recipe_layers = [
        RandomPadCrop(size // 8, seed=seeds[0], name="augmentation_crop"),
        QuietRandomFlip("horizontal", seed=seeds[1], name="augmentation_flip"),
    ]
    if recipe == "randaugment":
        recipe_layers.append(
            QuietRandAugment(
                value_range=value_range,
                seed=seeds[2],
                name="augmentation_rand",
            )
        )
    return recipe_layers


def data_augmentation(
    images=None, *, image_size=32, recipe="crop_flip", seed=None
):
    """Returns the rescaling and augmentation pipeline, or its result.

    Each call builds a fresh pipeline, so that models of several image sizes
    live side by side.

    Args:
        images: pixels 0..255 `(batch, height, width, channels)`, also
            symbolic ones; None to get the pipeline itself.
        image_size: `(height, width)`, or one number for both; read from
            `images` where they are given.
        recipe: one of `AUGMENTATION_RECIPES`.
        seed: seed of the first layer.

    Returns:
        A `keras.Sequential`; or, with `images`, the images on the scale 0..1,
        augmented if Keras is in training.
    """
    if images is not None:
        image_size = tuple(images.shape[1:3])
    pipeline = keras.Sequential(
        [
            layers.Rescaling(1 / 255, name="preprocessing"),
            *augmentation_layers(recipe, image_size, seed),
        ],
        name="data_augmentation",
    )
    return pipeline if images is None else pipeline(images)
