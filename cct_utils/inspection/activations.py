"""Look inside a model: attention, pooling weights and outputs of layers.

Reference: Abnar and Zuidema, Quantifying Attention Flow in Transformers,
arXiv 2005.00928 (rollout).
"""

from functools import partial

import keras
import numpy as np
from keras import ops

from cct_utils._choices import unknown_choice
from cct_utils.layers import ClassPooling, SequencePooling

BATCH_SIZE = 64  # images at a time, so that memory does not grow with them
ROUNDING = 0.02  # of a row's sum, where half precision computed the weights


def layer_outputs(model, images, names):
    """Returns what chosen layers put out for some images.

    Args:
        model: a model whose layers have the names.
        images: array `(batch, height, width, channels)`, as the model takes
            them.
        names: names of layers, for instance `["tokenizer", "norm"]`.

    Returns:
        A dict from each name to a float32 array, batch first.

    Raises:
        ValueError: if a layer does not exist, or the images do not fit.
    """
    outputs = [_layer(model, name).output for name in names]
    arrays = _compute(model, images, outputs)
    return dict(zip(names, arrays, strict=True))


def attention_maps(model, images):
    """Returns the attention weights of every block.

    Row `i` of a map says how much token `i` takes from each token; it sums
    to 1. A class token, where a model has one, is token 0. Nothing is dropped:
    it is what the model does at inference.

    Args:
        model: a model with layers `block_0_attention`, `block_1_attention`, …
        images: array `(batch, height, width, channels)`, as the model takes
            them.

    Returns:
        A list over the blocks of float32 arrays
        `(batch, heads, tokens, tokens)`.

    Raises:
        ValueError: if the model has no such layer, or the images do not fit.
    """
    names = ["block_0_attention"]
    present = {layer.name for layer in model.layers}
    while (following := f"block_{len(names)}_attention") in present:
        names.append(following)
    layers = [_layer(model, name) for name in names]
    inputs = _compute(model, images, [layer.input for layer in layers])
    return [
        _in_batches(partial(layer, return_attention_scores=True), x)[1]
        for layer, x in zip(layers, inputs, strict=True)
    ]


def pooling_weights(model, images):
    """Returns the weights with which sequence pooling averages the tokens.

    Args:
        model: a model with a layer `pooling`, a `SequencePooling`.
        images: array `(batch, height, width, channels)`, as the model takes
            them.

    Returns:
        A float32 array `(batch, tokens)` whose rows sum to 1.

    Raises:
        ValueError: if the model has no such layer, because it pools in another
            way, or the images do not fit.
    """
    pooling = sequence_pooling(model)
    (tokens,) = _compute(model, images, [pooling.input])
    return _in_batches(partial(pooling, return_weights=True), tokens)[1]


def sequence_pooling(model):
    """Returns the layer with which a model pools its tokens.

    Args:
        model: a model with a layer `pooling`, a `SequencePooling`.

    Raises:
        ValueError: if the model has no such layer, or it pools in another way.
    """
    pooling = _layer(model, "pooling")
    if not isinstance(pooling, SequencePooling):
        hint = (
            "; what its class token looks at is in the first row of each of "
            "its `attention_maps`"
            if isinstance(pooling, ClassPooling)
            else ""
        )
        raise ValueError(
            "The model must pool its tokens by a SequencePooling to have "
            f"pooling weights{hint}. Received: {model.name!r}, whose layer "
            f"'pooling' is a {type(pooling).__name__}"
        )
    return pooling


def attention_rollout(maps, residual=0.5):
    """Returns how much of each input token arrives at each output token.

    Each block is taken as one matrix: the mean of its heads for the attention
    branch, and the identity, with weight `residual`, for the stream around
    it. Their product follows the tokens through all blocks.

    Args:
        maps: list over the blocks of arrays `(batch, heads, tokens, tokens)`,
            as `attention_maps` returns it.
        residual: weight of the residual stream, from 0 to 1.

    Returns:
        A float32 array `(batch, tokens, tokens)` whose rows sum to 1: row `i`
        says what output token `i` is made of.

    Raises:
        ValueError: if there is no map, the maps differ in shape or are no
            attention weights, or `residual` is not from 0 to 1.

    Reference:
        Abnar and Zuidema 2020, https://arxiv.org/abs/2005.00928
    """
    if len(maps) == 0:
        raise ValueError(
            "`maps` must hold the attention weights of at least one block, as "
            "`attention_maps` returns them. Received: an empty list"
        )
    if not 0 <= residual <= 1:
        raise ValueError(
            "`residual` is the share of the residual stream and must be a "
            f"number from 0 to 1. Received: residual={residual!r}"
        )
    maps = [_check_map(weights, i) for i, weights in enumerate(maps)]
    shapes = {weights.shape for weights in maps}
    if len(shapes) > 1:
        raise ValueError(
            "`maps` must have the same shape for each block. "
            f"Received: {', '.join(map(str, sorted(shapes)))}"
        )
    identity = np.eye(maps[0].shape[-1], dtype="float32")
    rollout = identity
    for weights in maps:
        mean = np.mean(weights, axis=1)  # (batch, tokens, tokens)
        step = (1 - residual) * mean + residual * identity
        rollout = step @ rollout
    return rollout


def _check_map(weights, block):
    """Returns the attention weights of a block, or says what is wrong."""
    weights = np.asarray(ops.convert_to_numpy(weights), "float32")
    if weights.ndim != 4 or weights.shape[2] != weights.shape[3]:
        raise ValueError(
            f"`maps[{block}]` must have shape (batch, heads, tokens, tokens). "
            f"Received: shape {weights.shape}"
        )
    sums = weights.sum(axis=-1)
    # Written so that a NaN does not pass.
    if not ((weights >= 0).all() and (np.abs(sums - 1) < ROUNDING).all()):
        raise ValueError(
            f"`maps[{block}]` must hold weights after softmax, none below 0, "
            "whose rows sum to 1, as `attention_maps` returns them. Received: "
            f"weights from {weights.min():g} to {weights.max():g}, sums from "
            f"{sums.min():g} to {sums.max():g}"
        )
    return weights


def _layer(model, name):
    """Returns the layer of this name, or raises, naming the nearest."""
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise unknown_choice(
            f"The model {model.name!r} must have a layer of the name asked "
            "for (`model.summary()` lists them)",
            name,
            names,
        )
    return model.get_layer(name)


def _compute(model, images, tensors):
    """Returns symbolic tensors of the model as arrays, for these images."""
    images = ops.convert_to_numpy(images)
    expected = tuple(model.input_shape)
    if images.shape[1:] != expected[1:] or len(images) == 0:
        raise ValueError(
            "Images must have the shape (batch, height, width, channels) that "
            f"the model was built for, {expected}; write images[None] for a "
            f"single one. Received: shape {images.shape}"
        )
    part = keras.Model(model.input, tensors)
    return _in_batches(partial(part, training=False), images)


def _in_batches(function, x):
    """Returns the tensors that `function` gives for `x`, as float32 arrays."""
    batches = [
        keras.tree.flatten(function(x[start : start + BATCH_SIZE]))
        for start in range(0, len(x), BATCH_SIZE)
    ]
    return [
        np.concatenate(
            [ops.convert_to_numpy(ops.cast(part, "float32")) for part in parts]
        )
        for parts in zip(*batches, strict=True)
    ]
