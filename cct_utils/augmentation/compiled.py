"""The policies once more as array operations, for images on an accelerator.

Pillow changes one image at a time on the processor. A GPU that trains a small
network takes less time for a step than Pillow for its batch; here the same
operations are part of the compiled step. Each takes and returns one image of
integers; whoever compiles them maps them over a batch.

References: Cubuk et al., AutoAugment, arXiv 1805.09501, and RandAugment, arXiv
1909.13719; Müller and Hutter, TrivialAugment, arXiv 2103.10158; Zhang et al.,
mixup, arXiv 1710.09412; Yun et al., CutMix, arXiv 1905.04899; Zhong et al.,
Random Erasing, arXiv 1708.04896.
"""

import numpy as np
from keras import ops

from cct_utils.augmentation.batch import check_arguments
from cct_utils.augmentation.policies import (
    AUTOAUGMENT_CIFAR10,
    GRAY,
    MOST,
    NAMES,
    POLICIES,
)

# Luma of ITU-R 601-2 in parts of 65,536, as Pillow computes gray.
GRAY_WEIGHTS = (19595, 38470, 7471)
SMOOTH = ((1, 1, 1), (1, 5, 1), (1, 1, 1))  # of 13: Pillow's filter SMOOTH


def _coefficients(name, amount, height, width):
    """Returns the six numbers of Pillow's affine map for a geometric name.

    `amount` is the strength in parts of the most, with its sign. A pixel
    `(x, y)` of the result is `(ax + by + c, dx + ey + f)` of the image.
    """
    if name == "rotate":
        angle = amount * np.pi / 6
        cos, sin = ops.cos(angle), ops.sin(angle)
        x, y = width / 2, height / 2
        # Counterclockwise around the center.
        return (
            *(cos, -sin, x - cos * x + sin * y),
            *(sin, cos, y - sin * x - cos * y),
        )
    kind, axis = name.split("_")
    if kind == "shear":
        return (
            (1, amount * 0.3, 0, 0, 1, 0)
            if axis == "x"
            else (1, 0, 0, amount * 0.3, 1, 0)
        )
    return (
        (1, 0, amount * 0.45 * width, 0, 1, 0)
        if axis == "x"
        else (1, 0, 0, 0, 1, amount * 0.45 * height)
    )


GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")


def _warp(image, coefficients):
    """Returns the image under an affine map: nearest pixels, gray outside."""
    height, width, channels = image.shape
    a, b, c, d, e, f = coefficients
    x = ops.arange(width, dtype="float32")[None, :] + 0.5
    y = ops.arange(height, dtype="float32")[:, None] + 0.5
    column = ops.cast(ops.floor(a * x + b * y + c), "int32")
    row = ops.cast(ops.floor(d * x + e * y + f), "int32")
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixel = ops.clip(row, 0, height - 1) * width
    pixel = pixel + ops.clip(column, 0, width - 1)
    moved = ops.take(ops.reshape(image, (-1, channels)), pixel, axis=0)
    return ops.where(inside[..., None], moved, ops.convert_to_tensor(GRAY))


def _blend(degenerate, image, amount):
    """Returns a mixture of two images, beyond the second where it is above 1.

    `amount` runs from -1 to 1, for factors from 0.1 to 1.9.
    """
    start = ops.cast(degenerate, "float32")
    difference = ops.cast(image, "float32") - start
    mixed = start + (1 + 0.9 * amount) * difference
    # Pillow cuts the digits off.
    return ops.cast(ops.clip(mixed, 0, 255), "int32")


def _gray(image):
    """Returns the brightness of each pixel, `(height, width, 1)`."""
    weights = ops.convert_to_tensor(GRAY_WEIGHTS)
    total = ops.sum(image * weights, axis=-1, keepdims=True)
    return ops.right_shift(total + 0x8000, 16)


def _brightness(image, amount):
    return _blend(ops.zeros_like(image), image, amount)


def _color(image, amount):
    return _blend(_gray(image), image, amount)


def _contrast(image, amount):
    mean = ops.mean(ops.cast(_gray(image), "float32"))
    return _blend(ops.floor(mean + 0.5), image, amount)


def _sharpness(image, amount):
    height, width, _ = image.shape
    inner = sum(
        weight * image[row : row + height - 2, column : column + width - 2]
        for row, weights in enumerate(SMOOTH)
        for column, weight in enumerate(weights)
    )
    inner = ops.cast(ops.floor(ops.cast(inner, "float32") / 13 + 0.5), "int32")
    # The border has no neighbors on one side and stays as it is.
    rows = ops.concatenate([image[1:-1, :1], inner, image[1:-1, -1:]], axis=1)
    smooth = ops.concatenate([image[:1], rows, image[-1:]], axis=0)
    return _blend(smooth, image, amount)


def _posterize(image, amount):
    bits = ops.cast(ops.round(4 * ops.abs(amount)), "int32")
    return ops.left_shift(ops.right_shift(image, bits), bits)


def _solarize(image, amount):
    threshold = ops.round(256 - 256 * ops.abs(amount))
    bright = ops.cast(image, "float32") >= threshold
    return ops.where(bright, 255 - image, image)


def _autocontrast(image, amount):
    low = ops.min(image, axis=(0, 1), keepdims=True)
    spread = ops.max(image, axis=(0, 1), keepdims=True) - low
    stretched = (image - low) * 255 // ops.maximum(spread, 1)
    return ops.where(spread > 0, stretched, image)


def _equalize(image, amount):
    """Makes the histogram of each channel flat, by Pillow's whole numbers."""
    values = ops.arange(256)
    pixels = ops.transpose(ops.reshape(image, (-1, image.shape[-1])))
    counts = ops.sum(
        ops.cast(pixels[:, :, None] == values, "int32"), axis=1
    )  # (channels, 256)
    below = ops.cumsum(counts, axis=1) - counts
    brightest = ops.max(pixels, axis=1, keepdims=True)
    last = ops.take_along_axis(counts, brightest, axis=1)
    step = (pixels.shape[1] - last) // 255
    table = (step // 2 + below) // ops.maximum(step, 1)
    table = ops.where(step > 0, ops.clip(table, 0, 255), values)
    levels = ops.take_along_axis(table, pixels, axis=1)
    return ops.reshape(ops.transpose(levels), image.shape)


def _invert(image, amount):
    return 255 - image


# Name -> function of an image and of the strength in parts of the most, whose
# sign is the direction.
PIXELWISE = {
    "brightness": _brightness,
    "color": _color,
    "contrast": _contrast,
    "sharpness": _sharpness,
    "posterize": _posterize,
    "solarize": _solarize,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "invert": _invert,
}


def apply_operation(image, index, strength, sign):
    """Returns an image changed by one of the policies' operations.

    Args:
        image: int32 tensor `(height, width, 3)` of values 0..255.
        index: position of the operation in `policies.NAMES`; may be a tensor.
        strength: from 0 to `policies.MOST`.
        sign: -1 or 1.

    Returns:
        A tensor of the shape and dtype of `image`: what the function of that
        name in `policies.OPERATIONS` makes of it, but for one level here and
        there where a compiler rounds otherwise, and for pixels on the edge
        between two of a sheared or turned image.
    """
    height, width, _ = image.shape
    amount = ops.cast(sign * strength / MOST, "float32")

    def coefficients(name):
        if name not in GEOMETRIC:
            return ops.convert_to_tensor([1, 0, 0, 0, 1, 0], "float32")
        values = _coefficients(name, amount, height, width)
        return ops.stack([ops.cast(value, "float32") for value in values])

    # Mapped over a batch, each branch is computed for each image: five
    # geometric operations share a single one.
    maps = ops.stack([coefficients(name) for name in NAMES])
    warped = _warp(image, ops.unstack(ops.take(maps, index, axis=0), 6))
    branches = [
        (lambda change=PIXELWISE[name]: change(image, amount))
        if name in PIXELWISE
        else (lambda: warped)
        for name in NAMES
    ]
    return ops.switch(index, branches)


# The policy of CIFAR-10 as three arrays `(25, 2)`.
PAIRS = {
    "indices": [[NAMES.index(n) for n, _, _ in p] for p in AUTOAUGMENT_CIFAR10],
    "probabilities": [[p for _, p, _ in pair] for pair in AUTOAUGMENT_CIFAR10],
    "levels": [[level for _, _, level in pair] for pair in AUTOAUGMENT_CIFAR10],
}


class CompiledAugmentation:
    """What `BatchAugmentation` does, as part of a program compiled by JAX.

    The distributions are the same ones; the numbers that are drawn are not,
    because JAX has generators of its own.

    Args:
        policy, mixup_alpha, cutmix, random_erasing: as for
            `BatchAugmentation`.

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
        import jax

        check_arguments(policy, mixup_alpha, random_erasing)
        self.jax = jax
        self.shifts = policy != "none"
        self.policy = policy if policy in POLICIES else None
        self.mixing = [self._mixup] * (mixup_alpha > 0) + [
            self._cutmix
        ] * cutmix
        self.mixup_alpha = mixup_alpha
        self.random_erasing = random_erasing

    def __call__(self, key, images, labels):
        """Returns an augmented batch; equal keys give equal batches.

        Args:
            key: a key of `jax.random`.
            images: array `(batch, height, width, 3)` of pixels 0..255; uint8
                where there is a policy.
            labels: one-hot float32 array `(batch, classes)`.

        Returns:
            Arrays of the shapes of `images`, float32 on the scale 0..255, and
            of `labels`, whose rows still sum to 1.
        """
        random, vmap = self.jax.random, self.jax.vmap
        shifts, policy, mixing, erasing = random.split(key, 4)

        def each(change, key, images):
            return vmap(change)(random.split(key, len(images)), images)

        if self.shifts:
            images = each(self._shift_and_mirror, shifts, images)
        if self.policy:
            images = each(self._apply_policy, policy, images.astype("int32"))
        images = images.astype("float32")
        if self.mixing:
            images, labels = self._mix(mixing, images, labels)
        if self.random_erasing:
            images = each(self._erase, erasing, images)
        return images, labels

    def _shift_and_mirror(self, key, image):
        """Shifts an image over a border of zeros; mirrors half of them."""
        jnp, random = self.jax.numpy, self.jax.random
        height, width, channels = image.shape
        border = min(height, width) // 8
        shift, mirror = random.split(key)
        side = (border, border)
        top, left = random.randint(shift, (2,), 0, 2 * border + 1)
        shifted = self.jax.lax.dynamic_slice(
            jnp.pad(image, (side, side, (0, 0))), (top, left, 0), image.shape
        )
        return jnp.where(random.bernoulli(mirror), shifted[:, ::-1], shifted)

    def _apply_policy(self, key, image):
        """Changes an image by the operations that the policy draws for it."""
        jnp = self.jax.numpy
        for index, strength, sign, is_applied in zip(
            *self._draw(key), strict=True
        ):
            changed = apply_operation(image, index, strength, sign)
            image = jnp.where(is_applied, changed, image)
        return image

    def _draw(self, key):
        """Returns two indices, strengths, signs, and which are applied."""
        jnp, random = self.jax.numpy, self.jax.random
        which, strength, sign, chance = random.split(key, 4)
        signs = jnp.where(random.bernoulli(sign, shape=(2,)), 1, -1)
        luck = random.uniform(chance, (2,))
        if self.policy == "autoaugment":
            pair = random.randint(which, (), 0, len(AUTOAUGMENT_CIFAR10))
            table = {key: jnp.array(PAIRS[key])[pair] for key in PAIRS}
            strengths = table["levels"] * MOST / 9
            return (
                table["indices"],
                strengths,
                signs,
                luck < table["probabilities"],
            )
        indices = random.randint(which, (2,), 0, len(NAMES))
        if self.policy == "randaugment":
            strengths = jnp.minimum(
                9 + 0.5 * random.normal(strength, (2,)), MOST
            )
            return indices, strengths, signs, luck < 0.5
        strengths = random.uniform(strength, (2,), maxval=MOST)
        return indices, strengths, signs, jnp.array([True, False])

    def _mix(self, key, images, labels):
        """Mixes the images of a batch, and their labels, by one of the ways."""
        jnp, random = self.jax.numpy, self.jax.random
        way, order, details = random.split(key, 3)
        other = random.permutation(order, len(images))
        mixed = [
            mix(details, images, labels, images[other], labels[other])
            for mix in self.mixing
        ]
        if len(mixed) == 1:
            return mixed[0]
        first = random.bernoulli(way)
        return tuple(
            jnp.where(first, a, b) for a, b in zip(*mixed, strict=True)
        )

    def _mixup(self, key, images, labels, other_images, other_labels):
        alpha = self.mixup_alpha
        share = self.jax.random.beta(key, alpha, alpha, (len(images), 1, 1, 1))
        rows = share[:, 0, 0]
        return (
            share * images + (1 - share) * other_images,
            rows * labels + (1 - rows) * other_labels,
        )

    def _cutmix(self, key, images, labels, other_images, other_labels):
        jnp, random = self.jax.numpy, self.jax.random
        count, height, width, _ = images.shape
        share, row, column = random.split(key, 3)
        # Beta(1, 1), as the authors draw it.
        side = jnp.sqrt(1 - random.uniform(share, (count, 1)))
        rows = self._span(row, side * height, height)
        columns = self._span(column, side * width, width)
        inside = rows[:, :, None] & columns[:, None, :]
        kept = 1 - inside.mean((1, 2))[:, None]
        inside = inside[..., None]
        return (
            jnp.where(inside, other_images, images),
            kept * labels + (1 - kept) * other_labels,
        )

    def _span(self, key, lengths, room):
        """Returns where spans of these lengths lie, all of them in the room."""
        places = self.jax.numpy.arange(room)
        starts = self.jax.random.uniform(key, lengths.shape) * (room - lengths)
        return (places >= starts) & (places < starts + lengths)

    def _erase(self, key, image):
        """Fills a rectangle with noise, of the sizes of `BatchAugmentation`."""
        jnp, random = self.jax.numpy, self.jax.random
        height, width, _ = image.shape
        chance, size, shape, row, column, noise = random.split(key, 6)
        area = height * width * random.uniform(size, minval=0.02, maxval=0.33)
        ratio = jnp.exp(
            random.uniform(shape, minval=np.log(0.3), maxval=np.log(3.3))
        )
        rows = jnp.clip(jnp.round(jnp.sqrt(area * ratio)), 1, height)
        columns = jnp.clip(jnp.round(jnp.sqrt(area / ratio)), 1, width)
        top = jnp.floor(random.uniform(row) * (height - rows + 1))
        left = jnp.floor(random.uniform(column) * (width - columns + 1))
        y, x = jnp.arange(height)[:, None], jnp.arange(width)
        inside = (y >= top) & (y < top + rows) & (x >= left)
        inside = inside & (x < left + columns)
        inside = inside & (random.uniform(chance) < self.random_erasing)
        values = random.randint(noise, image.shape, 0, 256).astype(image.dtype)
        return jnp.where(inside[..., None], values, image)
