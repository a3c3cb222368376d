"""A model for images of another size, with the same weights.

Reference: Dosovitskiy et al., arXiv 2010.11929, section 3.2.
"""

import math

import keras

from cct_utils._sizes import parse_size
from cct_utils.layers import CCTTokenizer, PatchTokenizer, PositionEmbedding
from cct_utils.layers.position_embedding import resize_position_table


def resized_model(model, image_size):
    """Returns a copy of a model that takes images of another size.

    Convolutions, blocks and pooling do not know how many tokens there are;
    only the position embedding does. A learned one is resized as an image of
    its grid of tokens. A sine one counts tokens along a line: it is made
    longer or shorter, and its rows then belong to other places of the image.

    Args:
        model: a model of one of the book's architectures.
        image_size: height and width in pixels of the images that the copy
            takes, or `(height, width)`.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        ValueError: if the size is not one positive integer or two, the images
            leave no token or cannot be cut into whole patches, there is no
            tokenizer, or the head has weights for each token
            (`pooling="flatten"`).
    """
    image_size = parse_size(image_size)
    grid = _tokenizer(model).grid(*image_size)
    more_tokens = math.prod(grid) - math.prod(_grid(model))
    if any(isinstance(layer, keras.layers.Flatten) for layer in model.layers):
        raise ValueError(
            "The model must pool its tokens in a way that does not depend on "
            'their number: use any other pooling. Received: "flatten"'
        )
    config = model.get_config()
    for layer in config["layers"]:
        arguments = layer["config"]
        if layer["class_name"] == "InputLayer":
            *_, channels = arguments["batch_shape"]
            arguments["batch_shape"] = (None, *image_size, channels)
        if layer["class_name"] == PositionEmbedding.__name__:
            arguments["sequence_length"] += more_tokens
    copy = model.__class__.from_config(config)
    copy_resized(model, copy, model.weights, copy.weights)
    return copy


def copy_resized(source, target, values, variables):
    """Gives variables of one model the values of another's of another size.

    Args:
        source: model that the values belong to.
        target: model that the variables belong to, from `resized_model` of
            the source or the other way round.
        values: variables of the source, or of its optimizer.
        variables: the same of the target, in the same order.
    """
    grids = _grid(source), _grid(target)
    tables = [
        layer.name
        for layer in source.layers
        if isinstance(layer, PositionEmbedding)
    ]
    for value, variable in zip(values, variables, strict=True):
        array = keras.ops.convert_to_numpy(value)
        # What an optimizer keeps of a weight is called after the weight.
        if array.ndim == 2 and any(name in value.path for name in tables):
            array = resize_position_table(array, *grids)
        variable.assign(array)


def _grid(model):
    """Returns the `(rows, columns)` of a model's tokens."""
    return _tokenizer(model).grid(*model.input_shape[1:3])


def _tokenizer(model):
    """Returns the layer that makes the tokens."""
    for layer in model.layers:
        if isinstance(layer, CCTTokenizer | PatchTokenizer):
            return layer
    raise ValueError(
        "The model must have a CCTTokenizer or a PatchTokenizer, which knows "
        "how many tokens an image of another size has. Received: "
        f"{model.name!r}, without one"
    )
