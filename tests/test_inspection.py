"""Inspection: formulas equal what Keras builds, maps what it computes."""

import ast

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cct_utils import inspection
from cct_utils.layers import CCTTokenizer, SelfAttention, SequencePooling
from cct_utils.models import (
    create_cct_model,
    create_cct_variant,
    create_model,
    create_vit_variant,
)
from tests.authors_parameters import AUTHORS_PARAMETERS

# (model, image size, classes): what the authors' code counts, and the examples.
PARAMETERS = {
    **AUTHORS_PARAMETERS,
    ("article", 32, 10): 416_331,
    ("vit_keras", 32, 10): 4_692_170,
}
# Billions of multiply-adds in the README of the authors' examples, without
# the attention products.
PUBLISHED_MACS = {
    "cct_2_3x2": 0.033,
    "cct_4_3x2": 0.046,
    "cct_6_3x2": 0.241,
    "cct_7_3x2": 0.275,
    "cct_6_3x1": 0.813,
    "cct_7_3x1": 0.947,
    "vit_lite_6_4": 0.205,
    "vit_lite_7_4": 0.239,
    "cvt_6_4": 0.202,
    "cvt_7_4": 0.236,
}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return create_cct_variant("cct_2_3x2", image_size=16)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (3, 16, 16, 3), dtype="uint8")


@pytest.mark.parametrize(("case", "expected"), PARAMETERS.items())
def test_count_parameters_equals_the_known_counts(case, expected):
    counts = inspection.count_parameters(**inspection.variant_sizes(*case))
    assert sum(counts.values()) == expected


@pytest.mark.parametrize(
    "name",
    [
        "cct_2_3x2",
        "cct_6_3x1",
        "article",
        "vit_lite_2_4",
        "cvt_2_4",
        "vit_keras",
    ],
)
def test_count_parameters_equals_keras_part_by_part(name):
    model = create_model(name)
    kinds = {
        "tokenizer": "tokenizer",
        "position_embedding": "position embedding",
        "attention": "attention",
        "mlp": "mlp",
        "norm": "norms",
        "pooling": "pooling",
        "head": "head",
        "logits": "logits",
        "class": "class token",
    }
    built = dict.fromkeys(kinds.values(), 0)
    for layer in model.layers:
        if layer.count_params():
            word = layer.name.removeprefix("position_embedding")
            key = next(
                (key for key in kinds if key in layer.name.split("_")),
                "position_embedding" if not word else None,
            )
            built[kinds[key]] += layer.count_params()
    counts = inspection.count_parameters(**inspection.variant_sizes(name))
    assert {**dict.fromkeys(built, 0), **counts} == built


@pytest.mark.parametrize(
    ("positional_emb", "num_classes", "image_size"),
    [("sine", 3, 32), ("none", 10, 32), ("learned", 7, (24, 40))],
)
def test_count_parameters_follows_the_options(
    positional_emb, num_classes, image_size
):
    sizes = inspection.variant_sizes("cct_2_3x2", image_size, num_classes)
    counts = inspection.count_parameters(**sizes, positional_emb=positional_emb)
    shape = (32, 32, 3) if image_size == 32 else (*image_size, 3)
    model = create_cct_variant(
        "cct_2_3x2",
        input_shape=shape,
        num_classes=num_classes,
        positional_emb=positional_emb,
    )
    assert sum(counts.values()) == model.count_params()


@settings(max_examples=10, deadline=None)
@given(
    pooling=st.sampled_from(["sequence", "class", "average", "flatten"]),
    positional_emb=st.sampled_from(["learned", "sine", "none"]),
    grid=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    patch_size=st.integers(1, 8),
    num_classes=st.integers(1, 5),
)
def test_count_parameters_of_a_vit_follows_the_options(
    pooling, positional_emb, grid, patch_size, num_classes
):
    image_size = (grid[0] * patch_size, grid[1] * patch_size)
    sizes = inspection.variant_sizes(
        f"cvt_2_{patch_size}", image_size, num_classes
    )
    sizes |= {"embed_dim": 8, "key_dim": 4, "mlp_units": (8, 8)}
    sizes |= {"pooling": pooling, "positional_emb": positional_emb}
    model = create_vit_variant(
        f"cvt_2_{patch_size}",
        input_shape=(*image_size, 3),
        num_classes=num_classes,
        embed_dim=8,
        pooling=pooling,
        positional_emb=positional_emb,
    )
    counts = inspection.count_parameters(**sizes)
    assert sum(counts.values()) == model.count_params()


@pytest.mark.parametrize(
    "tokenizer", [{}, {"kernel_size": 3}, {"patch_size": 4, "kernel_size": 3}]
)
def test_sizes_need_one_tokenizer(tokenizer):
    sizes = inspection.variant_sizes("cct_2_3x2")
    del sizes["kernel_size"]
    if "kernel_size" not in tokenizer or "patch_size" not in tokenizer:
        del sizes["num_conv_layers"]
    for count in (inspection.count_parameters, inspection.count_macs):
        with pytest.raises(ValueError, match="either.*patch_size.*Received"):
            count(**sizes, **tokenizer)


@pytest.mark.parametrize("count", ["count_parameters", "count_macs"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pooling": "mean"}, "`pooling` must be one of sequence, class"),
        ({"positional_emb": "sin"}, "did you mean 'sine'"),
    ],
)
def test_counts_refuse_a_word_that_names_no_part(count, changes, words):
    sizes = inspection.variant_sizes("cct_2_3x2") | changes
    with pytest.raises(ValueError, match=words):
        getattr(inspection, count)(**sizes)


@pytest.mark.parametrize(("name", "expected"), PUBLISHED_MACS.items())
def test_count_macs_without_products_is_the_published_count(name, expected):
    counts = inspection.count_macs(**inspection.variant_sizes(name))
    without = sum(counts.values()) - counts["attention products"]
    assert abs(without / 1e9 - expected) < 0.0006


def test_count_macs_of_the_smallest_variant_with_and_without_products():
    counts = inspection.count_macs(**inspection.variant_sizes("cct_2_3x2"))
    assert sum(counts.values()) == 35_341_568
    assert counts["attention products"] == 2_097_152


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="counts TensorFlow's graph"
)
@pytest.mark.parametrize(
    "name", ["cct_2_3x2", "article", "vit_lite_2_4", "cvt_2_4", "vit_keras"]
)
def test_count_macs_equals_the_products_in_the_graph(name):
    import tensorflow as tf

    model = create_model(name)
    graph = (
        tf.function(lambda x: model(x, training=False))
        .get_concrete_function(tf.TensorSpec((1, 32, 32, 3)))
        .graph
    )
    macs = 0
    for op in graph.get_operations():
        if op.type == "Conv2D":
            macs += np.prod(op.outputs[0].shape) * np.prod(
                op.inputs[1].shape[:3]
            )
        elif op.type in ("MatMul", "BatchMatMulV2"):
            macs += np.prod(op.outputs[0].shape) * op.inputs[0].shape[-1]
    counts = inspection.count_macs(**inspection.variant_sizes(name))
    assert sum(counts.values()) == macs


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(16, 48),
    width=st.integers(16, 48),
    kernel_size=st.sampled_from([1, 3, 5, 7]),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    pooling_kernel_size=st.integers(1, 4),
    num_conv_layers=st.integers(1, 2),
)
def test_tokenizer_geometry_equals_the_layer(height, width, **sizes):
    tokenizer = CCTTokenizer(num_output_channels=(4, 5), **sizes)
    try:
        grid = tokenizer.grid(height, width)
    except ValueError as error:
        with pytest.raises(ValueError, match="too small"):
            inspection.tokenizer_geometry((height, width), **sizes)
        assert "too small" in str(error)
        return
    tokenizer.build((None, height, width, 3))
    stages = inspection.tokenizer_geometry(
        (height, width), **sizes, num_output_channels=(4, 5)
    )
    assert (stages[-1].height, stages[-1].width) == grid
    total = sum(stage.parameters for stage in stages)
    assert total == tokenizer.count_params()
    names = ["image", "conv 1", "pool 1", "conv 2", "pool 2"]
    assert [stage.name for stage in stages] == names[: len(stages)]


@pytest.mark.parametrize("size", [(32, 48), [32, 48], np.array([32, 48])])
def test_tokenizer_geometry_takes_a_size_in_any_form(size):
    image, *_, last = inspection.tokenizer_geometry(size)
    assert (image.height, image.width) == (32, 48)
    assert (last.height, last.width) == (8, 12)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"image_size": 32.9}, "image_size=32.9"),
        ({"image_size": "32"}, "image_size='32'"),
        ({"image_size": (32, 32, 3)}, r"image_size=\(32, 32, 3\)"),
        ({"stride": 0}, "stride=0"),
        ({"kernel_size": 0}, "kernel_size=0"),
        ({"padding": -1}, "padding=-1"),
        ({"pooling_stride": 0}, "pooling_stride=0"),
        ({"num_conv_layers": 0}, "num_conv_layers=0"),
        ({"num_conv_layers": 3}, r"3 stages. .*channels=\(64, 128\)"),
        ({"channels": 0}, "channels=0"),
    ],
)
def test_tokenizer_geometry_refuses_what_the_layer_refuses(sizes, words):
    with pytest.raises(ValueError, match=words):
        inspection.tokenizer_geometry(**{"image_size": 32, **sizes})


@pytest.mark.parametrize("name", ["cct_2_3x2", "cvt_2_4"])
def test_counts_refuse_a_size_that_is_none(name):
    for count in (inspection.count_parameters, inspection.count_macs):
        with pytest.raises(ValueError, match="image_size='32'"):
            count(**inspection.variant_sizes(name, "32"))


@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding", "num_conv_layers"),
    [(3, 1, 1, 1), (3, 1, 1, 2), (7, 2, 3, 2)],
)
def test_receptive_field_is_what_a_pixel_can_change(
    kernel_size, stride, padding, num_conv_layers
):
    sizes = dict(
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        num_conv_layers=num_conv_layers,
        num_output_channels=(1, 1),
    )
    side = 96
    # With positive weights every pixel that is seen raises the token.
    tokenizer = CCTTokenizer(**sizes, kernel_initializer="ones")
    last = inspection.tokenizer_geometry(side, **sizes, channels=1)[-1]
    row = last.height // 2
    lines = np.eye(side, dtype="float32")[:, :, None, None]
    images = np.tile(lines, (1, 1, side, 1))  # image y has a line in row y
    tokens = tokenizer.feature_maps(images)[-1]
    column = last.width // 2
    raised = keras.ops.convert_to_numpy(tokens)[:, row, column, 0] > 0
    touched = np.flatnonzero(raised).tolist()
    first = last.start + row * last.jump
    assert touched == list(range(first, first + last.receptive_field))


def test_attention_maps_are_those_of_the_layers(model, images):
    maps = inspection.attention_maps(model, images)
    assert [m.shape for m in maps] == [(3, 2, 16, 16)] * 2
    for weights in maps:
        assert weights.dtype == np.float32
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    # The first block by hand, from the output of the layer before it.
    outputs = inspection.layer_outputs(model, images, ["block_0_norm_1"])
    attention = model.get_layer("block_0_attention")
    x = outputs["block_0_norm_1"]
    qkv = x @ keras.ops.convert_to_numpy(attention.qkv.kernel)
    q, k, _ = np.split(qkv.reshape(3, 16, 6, 64), 3, axis=2)
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / 8
    expected = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(maps[0], expected, atol=1e-5)


def test_pooling_weights_are_those_of_the_layer(model, images):
    weights = inspection.pooling_weights(model, images)
    assert weights.shape == (3, 16)
    tokens = inspection.layer_outputs(model, images, ["norm", "pooling"])
    pooled = np.einsum("bn,bnd->bd", weights, tokens["norm"])
    np.testing.assert_allclose(pooled, tokens["pooling"], atol=1e-5)


def test_maps_and_rollout_of_a_vit_count_the_class_token(images):
    model = create_vit_variant("vit_lite_2_4", image_size=16)
    maps = inspection.attention_maps(model, images)
    assert [m.shape for m in maps] == [(3, 2, 17, 17)] * 2
    rollout = inspection.attention_rollout(maps)
    assert rollout.shape == (3, 17, 17)
    np.testing.assert_allclose(rollout.sum(-1), 1, atol=1e-5)


def test_pooling_weights_need_sequence_pooling(images):
    cvt = create_vit_variant("cvt_2_4", image_size=16)
    assert inspection.pooling_weights(cvt, images).shape == (3, 16)
    vit = create_vit_variant("vit_lite_2_4", image_size=16)
    with pytest.raises(ValueError, match="attention_maps.*'vit_lite_2_4'"):
        inspection.pooling_weights(vit, images)
    mean = create_cct_variant("cct_2_3x2", image_size=16, pooling="average")
    with pytest.raises(ValueError, match="GlobalAverage") as error:
        inspection.pooling_weights(mean, images)
    assert "class token" not in str(error.value)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_inspection_returns_float32_under_mixed_precision(images, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = create_cct_model(image_size=16)
    finally:
        keras.config.set_dtype_policy(before)
    arrays = [
        *inspection.attention_maps(model, images),
        inspection.pooling_weights(model, images),
        *inspection.layer_outputs(model, images, ["tokenizer"]).values(),
    ]
    assert {array.dtype for array in arrays} == {np.dtype("float32")}


def test_inspection_does_not_depend_on_the_size_of_the_batch(model, images):
    many = np.tile(images, (30, 1, 1, 1))  # more than one batch inside
    np.testing.assert_allclose(
        inspection.pooling_weights(model, many)[-3:],
        inspection.pooling_weights(model, images),
        atol=1e-6,
    )
    maps = inspection.attention_maps(model, many)
    assert maps[1].shape == (90, 2, 16, 16)


def test_inspection_leaves_the_model_as_it_is(model, images):
    before = keras.ops.convert_to_numpy(model(images))
    inspection.attention_maps(model, images)
    inspection.pooling_weights(model, images)
    after = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_array_equal(before, after)


def test_layer_outputs_name_the_nearest_layer(model, images):
    with pytest.raises(ValueError, match="did you mean 'tokenizer'"):
        inspection.layer_outputs(model, images, ["tokeniser"])


def test_attention_maps_need_blocks(images):
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, keras.layers.Flatten()(inputs))
    with pytest.raises(ValueError, match="block_0_attention"):
        inspection.attention_maps(model, images)


@pytest.mark.parametrize("shape", [(16, 16, 3), (2, 8, 8, 3), (0, 16, 16, 3)])
def test_inspection_names_a_wrong_image_shape(model, shape):
    with pytest.raises(ValueError, match=r"Received: shape \("):
        inspection.pooling_weights(model, np.zeros(shape, "uint8"))


def test_layers_can_be_inspected_where_they_have_other_widths(images):
    inputs = keras.Input((16, 16, 3))
    x = CCTTokenizer(num_conv_layers=1, num_output_channels=(12,))(inputs)
    x = SelfAttention(3, name="block_0_attention")(x)
    model = keras.Model(inputs, SequencePooling(name="pooling")(x))
    assert inspection.attention_maps(model, images)[0].shape == (3, 3, 64, 64)
    assert inspection.pooling_weights(model, images).shape == (3, 64)


def _random_maps(blocks=3, heads=2, tokens=5):
    scores = np.random.default_rng(1).random((blocks, 4, heads, tokens, tokens))
    return list((scores / scores.sum(-1, keepdims=True)).astype("float32"))


def test_rollout_rows_sum_to_one():
    rollout = inspection.attention_rollout(_random_maps())
    assert rollout.shape == (4, 5, 5)
    np.testing.assert_allclose(rollout.sum(-1), 1, atol=1e-5)


def test_rollout_of_one_block_is_the_mean_and_the_stream():
    (weights,) = _random_maps(blocks=1)
    rollout = inspection.attention_rollout([weights], residual=0.25)
    expected = 0.75 * weights.mean(axis=1) + 0.25 * np.eye(5)
    np.testing.assert_allclose(rollout, expected, atol=1e-6)


def test_rollout_multiplies_later_blocks_from_the_left():
    maps = _random_maps(blocks=2)
    rollout = inspection.attention_rollout(maps, residual=0)
    expected = maps[1].mean(axis=1) @ maps[0].mean(axis=1)
    np.testing.assert_allclose(rollout, expected, atol=1e-6)


def test_rollout_of_the_stream_alone_is_the_identity():
    rollout = inspection.attention_rollout(_random_maps(), residual=1)
    np.testing.assert_array_equal(rollout, np.tile(np.eye(5), (4, 1, 1)))


@pytest.mark.parametrize("residual", [-0.1, 1.5])
def test_rollout_refuses_a_wrong_share(residual):
    with pytest.raises(ValueError, match=r"residual=-?\d"):
        inspection.attention_rollout(_random_maps(), residual=residual)


def test_rollout_needs_a_map():
    with pytest.raises(ValueError, match="at least one block"):
        inspection.attention_rollout([])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda maps: [maps[0] * 2.5, maps[1]], r"maps\[0\].*sums from 2.5"),
        (lambda maps: [maps[0], maps[1] * np.nan], r"maps\[1\].*sum to 1"),
        (lambda maps: [2 * maps[0] - np.eye(5)], "none below 0"),
        (lambda maps: [maps[0][0]], r"maps\[0\].*shape \(2, 5, 5\)"),
        (lambda maps: [maps[0][..., :4]], r"shape \(4, 2, 5, 4\)"),
        (lambda maps: [maps[0], maps[1][:3]], r"same shape.*\(3, 2, 5, 5\)"),
    ],
)
def test_rollout_refuses_what_is_no_attention(change, words):
    with pytest.raises(ValueError, match=words):
        inspection.attention_rollout(change(_random_maps(blocks=2)))


def test_rollout_takes_what_half_precision_computed():
    maps = [weights.astype("float16") for weights in _random_maps(tokens=200)]
    rollout = inspection.attention_rollout(maps)
    assert rollout.dtype == np.float32
    np.testing.assert_allclose(rollout.sum(-1), 1, atol=0.01)


def documented(x):
    """What it is for.

    More of it.
    """
    # The reason.
    return x + 1  # at the right


def test_source_is_without_its_docstring_and_keeps_comments():
    source = inspection.source_of(documented)
    assert source == (
        "def documented(x):\n"
        "    # The reason.\n"
        "    return x + 1  # at the right"
    )
    assert repr(source) == source


def test_source_of_a_method_begins_at_the_margin():
    source = inspection.source_of(SequencePooling.call)
    assert source.startswith("def call(self")
    assert source.splitlines()[1].startswith("    ")
    ast.parse(source)


def test_source_is_shown_as_python():
    source = inspection.source_of(documented)
    assert source._repr_markdown_() == f"```python\n{source}\n```"


def typed():
    """A function whose lines nobody keeps, as of an interpreter."""
    names = {}
    exec("def typed(x):\n    return x", names)
    return names["typed"]


@pytest.mark.parametrize(
    "function",
    [len, np.add, 3, lambda x: x, typed()],
    ids=["built in", "ufunc", "number", "lambda", "typed"],
)
def test_source_that_cannot_be_shown_is_a_type_error(function):
    with pytest.raises(TypeError, match="`def`.*Received"):
        inspection.source_of(function)


def test_variant_sizes_refuse_an_unknown_name():
    with pytest.raises(ValueError, match="did you mean 'cct_._3x2'"):
        inspection.variant_sizes("cct_3_3x2")
