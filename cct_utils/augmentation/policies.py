"""AutoAugment, RandAugment and TrivialAugment: Pillow's operations at random.

Each image draws its own operations. (Keras's `RandAugment` draws the same ones
for a whole batch and computes all eleven to keep two; on a processor it takes
longer than a training step of CCT-2/3x2.)

References: Cubuk et al., AutoAugment, arXiv 1805.09501, and RandAugment, arXiv
1909.13719; Müller and Hutter, TrivialAugment, arXiv 2103.10158.
"""

from PIL import Image, ImageEnhance, ImageOps

# The strength of an operation is a number from 0 (none) to 10 (the most).
MOST = 10
GRAY = (128, 128, 128)


def _affine(image, *coefficients):
    """Maps each pixel `(x, y)` to `(ax + by + c, dx + ey + f)` of `image`."""
    return image.transform(
        image.size, Image.Transform.AFFINE, coefficients, fillcolor=GRAY
    )


def _shear(x, y):
    """Returns an operation that shears by at most 0.3."""

    def apply(image, strength, sign):
        amount = sign * 0.3 * strength / MOST
        return _affine(image, 1, x * amount, 0, y * amount, 1, 0)

    return apply


def _translate(x, y):
    """Returns an operation that shifts by at most 0.45 of the image."""

    def apply(image, strength, sign):
        amount = sign * 0.45 * strength / MOST
        width, height = image.size
        return _affine(
            image, 1, 0, x * amount * width, 0, 1, y * amount * height
        )

    return apply


def _rotate(image, strength, sign):
    """Turns the image by at most 30 degrees."""
    return image.rotate(sign * 30 * strength / MOST, fillcolor=GRAY)


def _enhance(kind):
    """Returns an operation that changes a quality by a factor 0.1 to 1.9."""

    def apply(image, strength, sign):
        return kind(image).enhance(1 + sign * 0.9 * strength / MOST)

    return apply


def _posterize(image, strength, sign):
    """Keeps 8 bits per channel at strength 0, and 4 at the most."""
    return ImageOps.posterize(image, 8 - round(4 * strength / MOST))


def _solarize(image, strength, sign):
    """Inverts the values above a threshold that falls with the strength."""
    return ImageOps.solarize(image, round(256 - 256 * strength / MOST))


# Name -> function of a Pillow image, a strength 0..10 and a sign, -1 or 1.
OPERATIONS = {
    "shear_x": _shear(1, 0),
    "shear_y": _shear(0, 1),
    "translate_x": _translate(1, 0),
    "translate_y": _translate(0, 1),
    "rotate": _rotate,
    "brightness": _enhance(ImageEnhance.Brightness),
    "color": _enhance(ImageEnhance.Color),
    "contrast": _enhance(ImageEnhance.Contrast),
    "sharpness": _enhance(ImageEnhance.Sharpness),
    "posterize": _posterize,
    "solarize": _solarize,
    "autocontrast": lambda image, strength, sign: ImageOps.autocontrast(image),
    "equalize": lambda image, strength, sign: ImageOps.equalize(image),
    "invert": lambda image, strength, sign: ImageOps.invert(image),
}

NAMES = tuple(OPERATIONS)

# The policy found for CIFAR-10 (arXiv 1805.09501, table 7): 25 pairs of
# (operation, probability, level 0..9), one of which is drawn for each image.
AUTOAUGMENT_CIFAR10 = (
    (("invert", 0.1, 7), ("contrast", 0.2, 6)),
    (("rotate", 0.7, 2), ("translate_x", 0.3, 9)),
    (("sharpness", 0.8, 1), ("sharpness", 0.9, 3)),
    (("shear_y", 0.5, 8), ("translate_y", 0.7, 9)),
    (("autocontrast", 0.5, 8), ("equalize", 0.9, 2)),
    (("shear_y", 0.2, 7), ("posterize", 0.3, 7)),
    (("color", 0.4, 3), ("brightness", 0.6, 7)),
    (("sharpness", 0.3, 9), ("brightness", 0.7, 9)),
    (("equalize", 0.6, 5), ("equalize", 0.5, 1)),
    (("contrast", 0.6, 7), ("sharpness", 0.6, 5)),
    (("color", 0.7, 7), ("translate_x", 0.5, 8)),
    (("equalize", 0.3, 7), ("autocontrast", 0.4, 8)),
    (("translate_y", 0.4, 3), ("sharpness", 0.2, 6)),
    (("brightness", 0.9, 6), ("color", 0.2, 8)),
    (("solarize", 0.5, 2), ("invert", 0.0, 3)),
    (("equalize", 0.2, 0), ("autocontrast", 0.6, 0)),
    (("equalize", 0.2, 8), ("equalize", 0.6, 4)),
    (("color", 0.9, 9), ("equalize", 0.6, 6)),
    (("autocontrast", 0.8, 4), ("solarize", 0.2, 8)),
    (("brightness", 0.1, 3), ("color", 0.7, 0)),
    (("solarize", 0.4, 5), ("autocontrast", 0.9, 3)),
    (("translate_y", 0.9, 9), ("translate_y", 0.7, 9)),
    (("autocontrast", 0.9, 2), ("solarize", 0.8, 3)),
    (("equalize", 0.8, 8), ("invert", 0.1, 3)),
    (("translate_y", 0.7, 9), ("autocontrast", 0.9, 1)),
)


def _autoaugment(rng):
    """Draws the operations of one pair of CIFAR-10's policy."""
    pair = AUTOAUGMENT_CIFAR10[rng.integers(len(AUTOAUGMENT_CIFAR10))]
    return [
        (name, level * MOST / 9)
        for name, probability, level in pair
        if rng.random() < probability
    ]


def _randaugment(rng):
    """Draws two operations, each applied half of the time, of strength ~9.

    These are the settings that timm calls `m9-mstd0.5`, which the authors'
    300-epoch recipe uses.
    """
    return [
        (NAMES[rng.integers(len(NAMES))], min(rng.normal(9, 0.5), MOST))
        for _ in range(2)
        if rng.random() < 0.5
    ]


def _trivialaugment(rng):
    """Draws one operation, of any strength."""
    return [(NAMES[rng.integers(len(NAMES))], rng.uniform(0, MOST))]


# Name -> function that draws a list of (operation, strength) for one image.
POLICIES = {
    "autoaugment": _autoaugment,
    "randaugment": _randaugment,
    "trivialaugment": _trivialaugment,
}


def augment_image(image, policy, rng):
    """Changes one image by the operations that a policy draws for it.

    Args:
        image: uint8 array `(height, width, 3)`.
        policy: a name in `POLICIES`.
        rng: a `numpy.random.Generator`.

    Returns:
        A Pillow image of the same size.
    """
    image = Image.fromarray(image)
    for name, strength in POLICIES[policy](rng):
        sign = 1 if rng.random() < 0.5 else -1
        image = OPERATIONS[name](image, strength, sign)
    return image
