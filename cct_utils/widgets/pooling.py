"""The explorer of sequence pooling: scores, weights, class probabilities."""

import numpy as np
import traitlets

from cct_utils.inspection import layer_outputs
from cct_utils.inspection.activations import sequence_pooling
from cct_utils.widgets._base import (
    Explorer,
    check_array,
    check_images,
    half,
    image_titles,
    picture,
    script,
    square_grid,
)


class PoolingExplorer(Explorer):
    """Lets the reader change each token's score and see the class move.

    The browser computes `weights = softmax(scores)`, `pooled = weights @
    tokens` and `logits = pooled @ kernel + bias`.

    Args:
        images: uint8 array (images, height, width, 3); three or four of them.
        tokens: array (images, tokens, embed_dim), what the pooling receives.
        scores: array (images, tokens), the learned scores before softmax.
        kernel: array (embed_dim, classes) of the classifier.
        bias: array (classes,) of the classifier.
        class_names: one name for each class.
        grid: (rows, columns) of the tokens; a square if None.
        labels: the true class of each image, named in the list of pictures.

    Raises:
        ValueError: if an array has another shape than the others ask for, or
            the grid has not one place for each token.

    Example:

    >>> import numpy as np
    >>> PoolingExplorer(
    ...     np.zeros((1, 8, 8, 3), "uint8"), np.ones((1, 4, 2)),
    ...     np.zeros((1, 4)), np.ones((2, 3)), np.zeros(3), ["a", "b", "c"])
    PoolingExplorer: an interactive figure (1 image, 4 tokens each)
    """

    _esm = script("pooling.js")
    pictures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    tokens = traitlets.Bytes().tag(sync=True)
    kernel = traitlets.Bytes().tag(sync=True)
    bias = traitlets.List(traitlets.Float()).tag(sync=True)
    learned = traitlets.List().tag(sync=True)
    class_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    grid = traitlets.List(traitlets.Int()).tag(sync=True)
    image = traitlets.Int(0).tag(sync=True)
    token = traitlets.Int(0).tag(sync=True)
    scores = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(
        self,
        images,
        tokens,
        scores,
        kernel,
        bias,
        class_names,
        grid=None,
        labels=None,
    ):
        images = check_images(images)
        scores = check_array(scores, "scores", (len(images), None))
        num_tokens = scores.shape[1]
        tokens = check_array(tokens, "tokens", (len(images), num_tokens, None))
        names = [str(name) for name in class_names]
        kernel = check_array(kernel, "kernel", (tokens.shape[2], len(names)))
        bias = check_array(bias, "bias", (len(names),))
        learned = [[round(float(s), 3) for s in row] for row in scores]
        super().__init__(
            pictures=[picture(image) for image in images],
            titles=image_titles(len(images), labels, names),
            tokens=half(tokens),
            kernel=half(kernel),
            bias=[round(float(value), 4) for value in bias],
            learned=learned,
            class_names=names,
            grid=list(square_grid(grid, num_tokens)),
            token=int(np.argmax(scores[0])),
            scores=learned[0],
        )

    @classmethod
    def from_model(cls, model, images, class_names, labels=None):
        """Returns the explorer of a trained model's own pooling.

        Args:
            model: a CCT or another model with sequence pooling.
            images: uint8 array (images, height, width, 3).
            class_names: one name for each class.
            labels: the true class of each image.

        Raises:
            ValueError: if the model pools in another way, or the images do
                not fit.
        """
        pooling = sequence_pooling(model)
        images = check_images(images)
        tokens = layer_outputs(model, images, ["norm"])["norm"]
        weight, shift = pooling.score.get_weights()
        scores = (tokens @ weight + shift)[..., 0]  # (images, tokens)
        grid = model.get_layer("tokenizer").grid(*images.shape[1:3])
        kernel, bias = model.get_layer("logits").get_weights()
        return cls(
            images, tokens, scores, kernel, bias, class_names, grid, labels
        )

    def _about(self):
        number, (rows, columns) = len(self.pictures), self.grid
        images = "1 image" if number == 1 else f"{number} images"
        return f" ({images}, {rows * columns} tokens each)"
