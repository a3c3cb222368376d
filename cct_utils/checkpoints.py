"""The weights of the authors' PyTorch models, in our models.

Reference: https://github.com/SHI-Labs/Compact-Transformers (`src/cct.py`,
`src/cvt.py`, `src/vit.py`), whose published checkpoints are plain state dicts.
"""

import math

import numpy as np

from cct_utils.layers import (
    ClassPooling,
    PatchTokenizer,
    SequencePooling,
    sine_cosine_table,
)
from cct_utils.layers.position_embedding import resize_position_table

POSITIONS = "classifier.positional_emb"
CLASS_TOKEN = "classifier.class_emb"
HEAD = "classifier.fc.weight"

# How the axes of PyTorch's weights become those of Keras.
CONVOLUTION = (
    2,
    3,
    1,
    0,
)  # (out, in, rows, columns) -> (rows, columns, in, out)
LINEAR = (1, 0)  # (out, in) -> (in, out)
VECTOR = (0,)
AS_IT_IS = (0, 1, 2)  # the class token, (1, 1, dim) in both


def load_authors_weights(model, state):
    """Gives a CCT, CVT or ViT-Lite the weights of the authors' PyTorch model.

    Nothing is assigned unless everything fits. A learned position embedding
    of another length, from a model for images of another size, is resized,
    all but the row of a class token; its own images are taken to be square,
    as the authors' are.

    Args:
        model: a model of `create_cct_variant` or `create_vit_variant`, with or
            without preprocessing.
        state: dict from the authors' parameter names to arrays or tensors in
            PyTorch's layout, for instance what `torch.load(path,
            weights_only=True)` returns, or an entry of it.

    Raises:
        ValueError: if the model is not built as the authors', values are no
            arrays, or names are missing, unexpected or of another shape; the
            message lists all of them.

    Example:

    >>> model = cct_utils.create_cct_variant("cct_7_3x1")
    >>> state = torch.load("cct_7_3x1_32_cifar10.pth", weights_only=True)
    >>> cct_utils.load_authors_weights(model, state)
    """
    _check_model(model)
    arrays = _to_arrays(state)
    places = _places(model)
    if POSITIONS in arrays:
        arrays[POSITIONS] = _fit_positions(arrays[POSITIONS], model)
        if POSITIONS not in places and _position_kind(model) == "sine":
            del arrays[POSITIONS]  # equal to the fixed table of the model
    _check_state(arrays, places, model)
    for name, (variable, axes) in places.items():
        variable.assign(arrays[name].transpose(axes))


def _places(model):
    """Returns where each of the authors' parameters belongs.

    A dict from the authors' name to our variable and the order of PyTorch's
    axes that makes it ours.
    """
    places = {}

    def put(name, variable, axes=VECTOR):
        places[name] = (variable, axes)

    def put_linear(name, layer):
        put(f"{name}.weight", layer.kernel, LINEAR)
        if layer.use_bias:
            put(f"{name}.bias", layer.bias)

    def put_norm(name, layer):
        put(f"{name}.weight", layer.gamma)
        put(f"{name}.bias", layer.beta)

    tokenizer = model.get_layer("tokenizer")
    for i, conv in enumerate(
        [tokenizer.convolution]
        if isinstance(tokenizer, PatchTokenizer)
        else tokenizer.convolutions
    ):
        put(f"tokenizer.conv_layers.{i}.0.weight", conv.kernel, CONVOLUTION)
        if conv.use_bias:
            put(f"tokenizer.conv_layers.{i}.0.bias", conv.bias)
    if _has_class_token(model):
        token = model.get_layer("class_token").token
        put(CLASS_TOKEN, token, AS_IT_IS)
    if _position_kind(model) == "learned":
        embedding = model.get_layer("position_embedding")
        put(POSITIONS, embedding.position_embeddings, (0, 1))
    for i in range(_num_blocks(model)):
        ours, theirs = f"block_{i}", f"classifier.blocks.{i}"
        attention = model.get_layer(f"{ours}_attention")
        put_norm(f"{theirs}.pre_norm", model.get_layer(f"{ours}_norm_1"))
        put_linear(f"{theirs}.self_attn.qkv", attention.qkv)
        put_linear(f"{theirs}.self_attn.proj", attention.projection)
        put_norm(f"{theirs}.norm1", model.get_layer(f"{ours}_norm_2"))
        put_linear(f"{theirs}.linear1", model.get_layer(f"{ours}_mlp_dense_1"))
        put_linear(f"{theirs}.linear2", model.get_layer(f"{ours}_mlp_dense_2"))
    put_norm("classifier.norm", model.get_layer("norm"))
    pooling = model.get_layer("pooling")
    if isinstance(pooling, SequencePooling):
        put_linear("classifier.attention_pool", pooling.score)
    put_linear("classifier.fc", model.get_layer("logits"))
    return places


def _check_model(model):
    """Raises if the model does not compute what the authors' model does."""
    names = {layer.name for layer in model.layers}
    if not {"tokenizer", "block_0_attention", "pooling", "logits"} <= names:
        difference = "it lacks layers of the authors' models"
    elif not isinstance(
        model.get_layer("pooling"), (SequencePooling, ClassPooling)
    ):
        difference = "it pools neither by sequence nor by a class token"
    elif model.get_layer("block_0_attention").use_qkv_bias:
        difference = "its query, key and value have biases"
    elif _stream_of(model.get_layer("block_0_residual_2")) != "block_0_norm_2":
        difference = 'its blocks are not those of residual="paper"'
    else:
        return
    raise ValueError(
        "The model must be built as the authors' is, by create_cct_variant or "
        "create_vit_variant. "
        f"Received: {model.name!r}; {difference}"
    )


def _stream_of(residual):
    """Returns the name of the layer whose output a residual sum starts from."""
    return residual.input[0]._keras_history.operation.name


def _has_class_token(model):
    """Returns whether a class token stands before the others."""
    return isinstance(model.get_layer("pooling"), ClassPooling)


def _num_blocks(model):
    """Returns the number of encoder blocks."""
    return sum(layer.name.endswith("_attention") for layer in model.layers)


def _position_kind(model):
    """Returns `"learned"`, `"sine"` or `"none"`."""
    for layer in model.layers:
        if layer.name == "position_embedding":
            return layer.kind
    return "none"


def _to_arrays(state):
    """Returns a dict of arrays or tensors as one of float32 arrays."""
    arrays, others = {}, {}
    for name, value in state.items():
        try:
            arrays[name] = _to_array(value)
        except (TypeError, ValueError):
            others[name] = value
    if not others:
        return arrays
    inside = [name for name in others if isinstance(others[name], dict)]
    advice = f"give checkpoint[{inside[0]!r}]" if inside else "leave others out"
    raise ValueError(
        "The values of `state` must be arrays or tensors, and those of a whole "
        f"checkpoint are not: {advice}. Received: {', '.join(map(str, others))}"
    )


def _to_array(value):
    """Returns an array or a tensor, also one of PyTorch, as float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().float()
    return np.asarray(value, "float32")


def _fit_positions(table, model):
    """Returns the position embedding for the model's grid of tokens.

    What cannot be made to fit is returned as it is, for the check of shapes
    to report.
    """
    if table.ndim == 3 and len(table) == 1:
        table = table[0]  # (tokens, dim)
    if table.ndim != 2:
        return table
    kind = _position_kind(model)
    grid = model.get_layer("tokenizer").grid(*model.input_shape[1:3])
    # The class token's row, if there is one, has no place on the grid.
    extra = int(_has_class_token(model))
    if kind == "learned":
        side = math.isqrt(max(len(table) - extra, 0))
        if side > 0 and side**2 + extra == len(table):
            return resize_position_table(table, (side, side), grid)
    if kind == "sine":
        expected = sine_cosine_table(extra + grid[0] * grid[1], table.shape[1])
        if (
            table.shape != expected.shape
            or np.abs(table - expected).max() > 0.01
        ):
            raise ValueError(
                f"{POSITIONS} must be the table of sines and cosines for "
                f"{len(expected)} tokens that the model was built with; build "
                'it with positional_emb="learned" to use another one. '
                f"Received: a table for {len(table)} tokens"
            )
    return table


def _check_state(arrays, places, model):
    """Raises if names or shapes differ from the model's, listing all."""
    wrong_shape = []
    for name in sorted(arrays.keys() & places.keys()):
        variable, axes = places[name]
        # The shape that PyTorch's layout gives our variable.
        expected = tuple(
            variable.shape[axes.index(i)] for i in range(len(axes))
        )
        if arrays[name].shape != expected:
            wrong_shape.append(
                f"{name} must be {expected} and is {arrays[name].shape}"
            )
    problems = {
        "missing": sorted(places.keys() - arrays.keys()),
        "unexpected": sorted(arrays.keys() - places.keys()),
        "of another shape": wrong_shape,
    }
    parts = [
        f"{problem}: {', '.join(names)}"
        for problem, names in problems.items()
        if names
    ]
    if not parts:
        return
    advice = "build the variant that the weights belong to"
    if HEAD in arrays and len(arrays[HEAD]) != model.output_shape[-1]:
        advice += f", with a head for num_classes={len(arrays[HEAD])}"
    raise ValueError(
        f"The weights must be those of the model, {model.name!r}; {advice}. "
        f"Received: {'; '.join(parts)}"
    )
