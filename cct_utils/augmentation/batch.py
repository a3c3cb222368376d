"""Augmentation of whole batches in the input pipeline, labels included.

References: Zhang et al., mixup, arXiv 1710.09412; Yun et al., CutMix, arXiv
1905.04899; Zhong et al., Random Erasing, arXiv 1708.04896.
"""

import difflib

import keras
import numpy as np
from keras import layers

from cct_utils.augmentation.image_layers import augmentation_layers
from cct_utils.augmentation.policies import POLICIES, augment_image

IMAGE_POLICIES = ("none", "crop_flip", *POLICIES)


class BatchAugmentation:
    """Changes a batch of images and labels at random.

    In this order: shift and mirror, one policy of Pillow's operations, MixUp
    or CutMix, random erasing. All but the policies are Keras layers.

    Args:
        policy: one of `IMAGE_POLICIES`; all but `"none"` shift by at most an
            eighth of the smaller side, and mirror.
        image_size: `(height, width)` in pixels.
        mixup_alpha: parameter of MixUp's Beta distribution; 0 for no MixUp.
        cutmix: whether to use CutMix; with MixUp as well, each batch draws
            one of the two.
        random_erasing: probability that a rectangle of an image is replaced
            by noise.

    Raises:
        ValueError: if the policy is unknown or a number is out of its range.
    """

    def __init__(
        self,
        policy="crop_flip",
        image_size=32,
        *,
        mixup_alpha=0.0,
        cutmix=False,
        random_erasing=0.0,
    ):
        if policy not in IMAGE_POLICIES:
            near = difflib.get_close_matches(str(policy), IMAGE_POLICIES, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"A policy is one of {', '.join(IMAGE_POLICIES)}{hint}. "
                f"Received: {policy!r}"
            )
        if mixup_alpha < 0:
            raise ValueError(
                "`mixup_alpha` must be at least 0, where 0 means no MixUp. "
                f"Received: mixup_alpha={mixup_alpha}"
            )
        if not 0 <= random_erasing <= 1:
            raise ValueError(
                "`random_erasing` must be a probability, from 0 to 1. "
                f"Received: random_erasing={random_erasing}"
            )
        self.policy = policy if policy in POLICIES else None
        # Whatever the precision of the training is.
        dtype = "float32"
        self.shift_and_mirror = augmentation_layers(
            "none" if policy == "none" else "crop_flip", image_size, dtype=dtype
        )
        self.mixing = []
        if mixup_alpha:
            self.mixing.append(layers.MixUp(alpha=mixup_alpha, dtype=dtype))
        if cutmix:
            # Keras draws an image's share from Beta(a, a), with `a` in this
            # range: Beta(1, 1) is the authors' choice.
            self.mixing.append(layers.CutMix(factor=(1.0, 1.0), dtype=dtype))
        # A single number as the factor would halve the probability.
        self.erasing = (
            layers.RandomErasing(
                factor=(random_erasing, random_erasing),
                value_range=(0, 255),
                dtype=dtype,
            )
            if random_erasing
            else None
        )
        self.streams = [
            stream.state
            for layer in (
                *self.shift_and_mirror,
                *self.mixing,
                *([self.erasing] if self.erasing else []),
            )
            for stream in _seed_generators(layer)
        ]

    @property
    def is_active(self):
        """Whether there is anything that it changes."""
        return bool(
            self.shift_and_mirror or self.policy or self.mixing or self.erasing
        )

    def __call__(self, images, labels, seed):
        """Returns an augmented batch; equal seeds give equal batches.

        Args:
            images: uint8 array `(batch, height, width, 3)`.
            labels: one-hot float32 array `(batch, classes)`.
            seed: what the batch is drawn from, a number or several.

        Returns:
            Arrays of the shapes of `images`, on the scale 0..255, and of
            `labels`, whose rows still sum to 1.

        Raises:
            ValueError: if labels shall be mixed and are not one-hot.
        """
        rng = np.random.default_rng(seed)
        for state in self.streams:
            value = rng.integers(2**31, size=state.shape)
            state.assign(value.astype(state.dtype))
        for layer in self.shift_and_mirror:
            images = layer(images, training=True)
        images = keras.ops.convert_to_numpy(images)
        if self.policy:
            images = images.astype("uint8")
            for i, image in enumerate(images):
                images[i] = augment_image(image, self.policy, rng)
        if self.mixing:
            images, labels = self._mix(images, labels, rng)
        if self.erasing:
            images = self.erasing(images.astype("float32"), training=True)
            images = keras.ops.convert_to_numpy(images)
        return images, labels

    def _mix(self, images, labels, rng):
        """Mixes the images of a batch, and their labels, by one of the ways."""
        if np.ndim(labels) != 2:
            raise ValueError(
                "MixUp and CutMix need one-hot labels (batch, classes), for "
                "instance from keras.utils.to_categorical. Received: labels "
                f"of shape {np.shape(labels)}"
            )
        layer = self.mixing[rng.integers(len(self.mixing))]
        mixed = layer(
            {
                "images": images.astype("float32"),
                "labels": np.asarray(labels, "float32"),
            },
            training=True,
        )
        return tuple(
            keras.ops.convert_to_numpy(mixed[key])
            for key in ("images", "labels")
        )


def _seed_generators(layer):
    """Returns the random streams of a layer, which Keras calls `generator`."""
    return [
        getattr(layer, name)
        for name in ("seed_generator", "generator")
        if isinstance(getattr(layer, name, None), keras.random.SeedGenerator)
    ]
