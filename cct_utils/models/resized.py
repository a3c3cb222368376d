"""A model for images of another size, with the same weights.

Reference: Dosovitskiy et al., arXiv 2010.11929, section 3.2.
"""

import math

import keras
import numpy as np

from cct_utils.layers import (
    CCTTokenizer,
    PatchTokenizer,
    resize_position_embedding,
)


def resized_model(model, image_size):
    """Returns a copy of a model that takes images of another size.

    Convolutions, blocks and sequence pooling do not know how many tokens
    there are; only a learned position embedding does, and it is resized.

    Args:
        model: a model of one of the book's architectures.
        image_size: `(height, width)` of the images that the copy takes.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        ValueError: if the images leave no token, or the head has weights for
            each token (`pooling="flatten"`).
    """
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
        if layer["name"] == "position_embedding":
            arguments["sequence_length"] += more_tokens
    copy = model.__class__.from_config(config)
    copy_resized(model, copy, model.weights, copy.weights)
    return copy


def copy_resized(source, target, values, variables):
    """Gives variables of one model the values of another's of another size.

    Args:
        source: model that the values belong to.
        target: model that the variables belong to.
        values: weights of the source, or what its optimizer keeps of them.
        variables: the same of the target, in the same order.

    Raises:
        ValueError: if the shapes differ by more than the number of tokens.
    """
    old_grid, new_grid = _grid(source), _grid(target)
    for value, variable in zip(values, variables, strict=True):
        value = keras.ops.convert_to_numpy(value)
        if value.shape != tuple(variable.shape):
            # The row of a class token has no place on the grid.
            extra = len(value) - math.prod(old_grid)
            resized = resize_position_embedding(
                value[extra:], old_grid, new_grid
            )
            value = np.concatenate([value[:extra], resized])
        variable.assign(value)


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
