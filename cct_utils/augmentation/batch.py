"""Augmentation of whole batches in the input pipeline, labels included.

References: Zhang et al., mixup, arXiv 1710.09412; Yun et al., CutMix, arXiv
1905.04899; Zhong et al., Random Erasing, arXiv 1708.04896.
"""

import numpy as np
from keras import ops
from keras.layers import CutMix, MixUp

from cct_utils._choices import check_choice
from cct_utils.augmentation.policies import POLICIES, augment_image

IMAGE_POLICIES = ("none", "crop_flip", *POLICIES)


def check_arguments(policy, mixup_alpha, random_erasing):
    """Raises if a policy is unknown or a number is out of its range."""
    check_choice("policy", policy, IMAGE_POLICIES)
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


def check_pixels(policy, images):
    """Raises if Pillow's operations, should a policy draw on them, cannot work.

    Args:
        policy: one of `IMAGE_POLICIES`.
        images: array `(n, height, width, channels)`.
    """
    if policy not in POLICIES:
        return
    if images.dtype != np.uint8 or images.shape[-1] != 3:
        raise ValueError(
            f"The operations of {policy!r} need color images of the type "
            "uint8: convert them, or use policy 'crop_flip'. Received: "
            f"{images.dtype} images with {images.shape[-1]} channels"
        )


class BatchAugmentation:
    """Changes a batch of images and labels at random.

    In this order: shift and mirror, one policy of Pillow's operations, MixUp
    or CutMix, random erasing. MixUp and CutMix are Keras's layers. Shifts and
    erasing are written in NumPy: Keras's layers for them take a quarter of
    the time of a training step of CCT-2/3x2 on a processor.

    Args:
        policy: one of `IMAGE_POLICIES`; all but `"none"` shift by at most an
            eighth of the smaller side, and mirror.
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
        *,
        mixup_alpha=0.0,
        cutmix=False,
        random_erasing=0.0,
    ):
        check_arguments(policy, mixup_alpha, random_erasing)
        self.shifts = policy != "none"
        self.policy = policy if policy in POLICIES else None
        self.random_erasing = random_erasing
        # In float32 whatever the precision of the training is.
        self.mixing = []
        if mixup_alpha:
            self.mixing.append(MixUp(alpha=mixup_alpha, dtype="float32"))
        if cutmix:
            # Keras draws an image's share from Beta(a, a), with `a` in this
            # range: Beta(1, 1) is the authors' choice.
            self.mixing.append(CutMix(factor=(1.0, 1.0), dtype="float32"))

    @property
    def is_active(self):
        """Whether there is anything that it changes."""
        return bool(
            self.shifts or self.policy or self.mixing or self.random_erasing
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
            ValueError: if labels shall be mixed and are not one-hot, or the
                policy's operations cannot work on such images.
        """
        rng = np.random.default_rng(seed)
        images = np.array(images)  # a copy: the data stay as they are
        check_pixels(self.policy, images)
        if self.shifts:
            images = _shift_and_mirror(images, rng)
        if self.policy:
            for i, image in enumerate(images):
                images[i] = augment_image(image, self.policy, rng)
        if self.mixing:
            images, labels = self._mix(images, labels, rng)
        if self.random_erasing:
            _erase(images, self.random_erasing, rng)
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
        # Keras calls a layer's random stream its generator.
        state = layer.generator.state
        state.assign(rng.integers(2**31, size=state.shape).astype(state.dtype))
        mixed = layer(
            {
                "images": images.astype("float32"),
                "labels": np.asarray(labels, "float32"),
            },
            training=True,
        )
        # Copies, because a backend's arrays may be read-only.
        return tuple(
            np.array(ops.convert_to_numpy(mixed[key]))
            for key in ("images", "labels")
        )


def _shift_and_mirror(images, rng):
    """Returns the images, each shifted over a border of zeros, half mirrored.

    The shift is at most an eighth of the smaller side (He et al., arXiv
    1512.03385, section 4.2, who shift 32 pixels by 4), as in `RandomPadCrop`.
    """
    count, height, width = images.shape[:3]
    padding = min(height, width) // 8
    side = (padding, padding)
    padded = np.pad(images, ((0, 0), side, side, (0, 0)))
    shifts = rng.integers(2 * padding + 1, size=(2, count))
    mirrored = rng.random(count) < 0.5
    result = np.empty_like(images)
    for i in range(count):
        top, left = shifts[:, i]
        cut = padded[i, top : top + height, left : left + width]
        result[i] = cut[:, ::-1] if mirrored[i] else cut
    return result


def _erase(images, probability, rng):
    """Fills a rectangle of some of the images with noise, in place.

    As in the paper (arXiv 1708.04896) it covers 2 to 33 % of the image, and
    its sides have a ratio of 0.3 to 3.3; what would stick out is cut off.
    """
    count, height, width, channels = images.shape
    for i in np.flatnonzero(rng.random(count) < probability):
        area = height * width * rng.uniform(0.02, 0.33)
        ratio = np.exp(rng.uniform(np.log(0.3), np.log(3.3)))
        rows = int(np.clip(round(np.sqrt(area * ratio)), 1, height))
        columns = int(np.clip(round(np.sqrt(area / ratio)), 1, width))
        top = rng.integers(height - rows + 1)
        left = rng.integers(width - columns + 1)
        noise = rng.integers(256, size=(rows, columns, channels))
        images[i, top : top + rows, left : left + columns] = noise
