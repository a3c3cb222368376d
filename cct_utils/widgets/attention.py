"""The explorer of attention: where each token of an image looks."""

import numpy as np
import traitlets

from cct_utils.inspection import attention_maps, pooling_weights
from cct_utils.layers import ClassToken, SequencePooling
from cct_utils.widgets._base import (
    Explorer,
    check_array,
    check_images,
    image_titles,
    picture,
    script,
    square_grid,
)

_MOST_BYTES = 2_000_000


class AttentionExplorer(Explorer):
    """Shows a token's attention over the picture, per block and head.

    Besides the heads there are their mean, the rollout through the blocks
    and, where `pooling_weights` is given, the pooling as the last step. The
    maps are stored as bytes: a weight is exact to 1/255 of its row's largest.

    Args:
        images: uint8 array (images, height, width, 3); three or four of them.
        maps: list over blocks of arrays (images, heads, tokens, tokens), as
            `inspection.attention_maps` returns it.
        grid: (rows, columns) of the tokens; a square if None.
        pooling_weights: array (images, tokens), or None.
        labels: a name for each image, or None.

    Raises:
        ValueError: if an array has another shape than the others ask for, the
            maps are no weights or more than 2,000,000 of them, or the grid has
            not one place for each token.

    Example:

    >>> import numpy as np
    >>> AttentionExplorer(
    ...     np.zeros((1, 8, 8, 3), "uint8"), [np.ones((1, 2, 4, 4))] * 3)
    AttentionExplorer: an interactive figure (3 blocks, 2 heads, 1 image)
    """

    _esm = script("attention.js")
    pictures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    maps = traitlets.Bytes().tag(sync=True)
    blocks = traitlets.Int().tag(sync=True)
    heads = traitlets.Int().tag(sync=True)
    pooling = traitlets.List().tag(sync=True)
    grid = traitlets.List(traitlets.Int()).tag(sync=True)
    image = traitlets.Int(0).tag(sync=True)
    block = traitlets.Int(0).tag(sync=True)
    view = traitlets.Unicode("head 1").tag(sync=True)
    token = traitlets.Int(0).tag(sync=True)

    def __init__(
        self, images, maps, grid=None, pooling_weights=None, labels=None
    ):
        images = check_images(images)
        if len(maps) == 0:
            raise ValueError(
                "`maps` must be a list with one array for each block, as "
                "`inspection.attention_maps` returns it. Received: none"
            )
        first = check_array(maps[0], "maps[0]", (len(images), *[None] * 3))
        heads, tokens = first.shape[1:3]
        shape = (len(images), heads, tokens, tokens)
        maps = np.stack(
            [check_array(m, f"maps[{i}]", shape) for i, m in enumerate(maps)]
        )
        if maps.size > _MOST_BYTES:
            raise ValueError(
                f"`maps` must have at most {_MOST_BYTES:,} weights, so that "
                "the saved notebook stays small; choose fewer images. "
                f"Received: {maps.size:,} weights"
            )
        if maps.min() < 0 or maps.max(axis=-1).min() <= 0:
            raise ValueError(
                "`maps` must hold weights after softmax, none below 0 and no "
                f"row of zeros. Received: weights from {maps.min():g} to "
                f"{maps.max():g}"
            )
        pooling = []
        if pooling_weights is not None:
            shape = (len(images), tokens)
            pooling = check_array(pooling_weights, "pooling_weights", shape)
            pooling = [[float(f"{w:.4g}") for w in row] for row in pooling]
        rows, columns = square_grid(grid, tokens)
        super().__init__(
            pictures=[picture(image) for image in images],
            titles=image_titles(len(images), labels),
            maps=_levels(maps).tobytes(),
            blocks=len(maps),
            heads=heads,
            pooling=pooling,
            grid=[rows, columns],
            token=rows // 2 * columns + columns // 2,
        )

    @classmethod
    def from_model(cls, model, images, labels=None):
        """Returns the explorer of a trained model's attention and pooling.

        A class token has no place in the picture and is left out, and what
        the others take from each other then counts as the whole. There are
        pooling weights where the model has sequence pooling.

        Args:
            model: a CCT, a ViT or any other model of the book.
            images: uint8 array (images, height, width, 3).
            labels: a name for each image, or None.

        Raises:
            ValueError: if the images do not fit the model, or there are more
                weights than an explorer takes.
        """
        images = check_images(images)
        maps = attention_maps(model, images)
        if any(isinstance(layer, ClassToken) for layer in model.layers):
            maps = [weights[..., 1:, 1:] for weights in maps]
        has_weights = isinstance(model.get_layer("pooling"), SequencePooling)
        return cls(
            images,
            maps,
            model.get_layer("tokenizer").grid(*images.shape[1:3]),
            pooling_weights(model, images) if has_weights else None,
            labels,
        )

    def _about(self):
        number = len(self.pictures)
        images = "1 image" if number == 1 else f"{number} images"
        return f" ({self.blocks} blocks, {self.heads} heads, {images})"


def _levels(maps):
    """Returns weights as bytes, 255 for the largest of each row."""
    highest = maps.max(axis=-1, keepdims=True)
    return np.round(255 * maps / highest).astype("uint8")
