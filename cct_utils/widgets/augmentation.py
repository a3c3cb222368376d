"""The explorer of augmentation: crop, flip, MixUp and CutMix by hand."""

import traitlets

from cct_utils.widgets._base import (
    Explorer,
    check_choice,
    check_image,
    picture,
    script,
)

_RECIPES = ("crop", "mixup", "cutmix")
_MOST_PADDING = 16


class AugmentationExplorer(Explorer):
    """Lets the reader do by hand what augmentation does at random.

    The crop is that of `RandomPadCrop`, the box of CutMix lies within the
    image as in Keras's `CutMix`.

    Args:
        image: uint8 array (height, width, 3), up to 256 pixels a side.
        other: another image of the same shape, to be mixed in.
        labels: the names of the two images.
        padding: zeros on each side before the crop, up to 16.
        recipe: what to show first: `"crop"`, `"mixup"` or `"cutmix"`.

    Raises:
        ValueError: if the images are not two of the same shape, each with a
            name, or `padding` or `recipe` is not one of those above.

    Example:

    >>> import numpy as np
    >>> cat = dog = np.zeros((32, 32, 3), "uint8")
    >>> AugmentationExplorer(cat, dog, ("cat", "dog"))
    AugmentationExplorer: an interactive figure (cat and dog)
    """

    _esm = script("augmentation.js")
    pictures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    most_padding = traitlets.Int(_MOST_PADDING).tag(sync=True)
    recipe = traitlets.Enum(_RECIPES).tag(sync=True)
    padding = traitlets.Int().tag(sync=True)
    row = traitlets.Int().tag(sync=True)
    column = traitlets.Int().tag(sync=True)
    flip = traitlets.Bool(False).tag(sync=True)
    weight = traitlets.Float(0.7).tag(sync=True)
    box_row = traitlets.Float(0.5).tag(sync=True)
    box_column = traitlets.Float(0.5).tag(sync=True)

    def __init__(
        self,
        image,
        other,
        labels=("first", "second"),
        *,
        padding=4,
        recipe="crop",
    ):
        images = [check_image(image), check_image(other, "other")]
        if images[0].shape != images[1].shape:
            raise ValueError(
                "`image` and `other` must have the same shape to be mixed. "
                f"Received: {images[0].shape} and {images[1].shape}"
            )
        names = [str(label) for label in labels]
        if len(names) != 2:
            raise ValueError(
                f"`labels` must name both images. Received: {names}"
            )
        if recipe not in _RECIPES:
            raise ValueError(
                f"`recipe` must be one of {', '.join(_RECIPES)}. "
                f"Received: {recipe!r}"
            )
        padding = check_choice("padding", padding, 0, _MOST_PADDING)
        super().__init__(
            pictures=[picture(image) for image in images],
            labels=names,
            recipe=recipe,
            padding=padding,
            row=padding,
            column=padding,
        )

    def _about(self):
        return f" ({' and '.join(self.labels)})"[:60]
