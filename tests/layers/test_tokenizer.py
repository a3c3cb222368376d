"""The tokenizer against a convolution and a pooling written in NumPy."""

import keras
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from keras import ops

from cct_utils import CCTTokenizer
from tests.layers.check_layer import check_layer


def windows(x, size, stride):
    """All windows of `x`, (batch, rows, columns, channels, size, size)."""
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return view[:, ::stride, ::stride]


def tokens_by_numpy(images, kernels, stride, padding, pool_size, pool_stride):
    """Convolution, ReLU and max pooling of each stage, window by window."""
    x = images.astype("float64")
    for kernel in kernels:  # (size, size, channels in, channels out)
        side = (padding, padding)
        x = np.pad(x, ((0, 0), side, side, (0, 0)))
        patches = windows(x, len(kernel), stride)
        x = np.einsum("brcixy,xyio->brco", patches, kernel).clip(min=0)
        side = (pool_size // 2, pool_size // 2)
        infinity = ((0, 0), side, side, (0, 0))
        x = np.pad(x, infinity, constant_values=-np.inf)
        x = windows(x, pool_size, pool_stride).max((-2, -1))
    return x.reshape(len(x), -1, x.shape[-1])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_conv_layers": 1, "num_output_channels": (8,)},
        {"kernel_size": 7, "stride": 2, "padding": 3},
        {"kernel_size": 4, "stride": 1, "padding": 0},
        {"pooling_kernel_size": 2, "pooling_stride": 2},
        {"num_conv_layers": 3, "num_output_channels": (4, 5, 6)},
    ],
)
def test_tokenizer_equals_numpy(options):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 20, 17, 3)).astype("float32")
    layer = CCTTokenizer(**options)
    tokens = ops.convert_to_numpy(layer(images))
    expected = tokens_by_numpy(
        images,
        [w.astype("float64") for w in layer.get_weights()],
        layer.stride,
        layer.padding,
        layer.pooling_kernel_size,
        layer.pooling_stride,
    )
    assert tokens.shape == expected.shape
    np.testing.assert_allclose(tokens, expected, rtol=1e-4, atol=1e-4)


SIZES = st.integers(1, 30)


@example(1, 1, 2, 1, 0, (2, 1), 1)
@given(
    height=SIZES,
    width=SIZES,
    kernel_size=st.integers(1, 7),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    pooling=st.tuples(st.integers(1, 4), st.integers(1, 3)),
    num_conv_layers=st.integers(1, 3),
)
@settings(max_examples=15, deadline=None)
def test_tokenizer_grid_is_the_number_of_tokens(
    height, width, kernel_size, stride, padding, pooling, num_conv_layers
):
    layer = CCTTokenizer(
        kernel_size, stride, padding, *pooling, num_conv_layers, (2, 2, 2)
    )
    try:
        rows, columns = layer.grid(height, width)
    except ValueError as error:
        assert "too small" in str(error)
        assume(False)
    images = np.ones((1, height, width, 1), "float32")
    shapes = [x.shape for x in layer.feature_maps(images)]
    assert shapes[-1] == (1, rows, columns, 2)
    assert len(shapes) == num_conv_layers
    assert layer.compute_output_shape(images.shape) == (1, rows * columns, 2)


@given(size=st.integers(1, 300), stages=st.integers(1, 4))
@settings(deadline=None)
def test_default_tokenizer_halves_the_side_at_each_stage(size, stages):
    layer = CCTTokenizer(
        num_conv_layers=stages, num_output_channels=(8,) * stages
    )
    side = size
    for _ in range(stages):
        side = (side + 1) // 2
    assert layer.grid(size, 2 * size)[0] == side


def test_tokenizer_has_the_articles_sizes():
    images = np.zeros((1, 32, 32, 3), "float32")
    layer = CCTTokenizer()
    assert layer(images).shape == (1, 64, 128)
    assert layer.count_params() == 3 * 3 * 3 * 64 + 3 * 3 * 64 * 128
    stages = layer.feature_maps(images)
    assert [x.shape for x in stages] == [(1, 16, 16, 64), (1, 8, 8, 128)]


def test_tokenizer_counts_tokens_row_by_row():
    layer = CCTTokenizer(num_output_channels=(2, 3))
    images = np.random.default_rng(0).normal(size=(1, 12, 20, 3))
    maps = ops.convert_to_numpy(layer.feature_maps(images)[-1])  # (1, 3, 5, 3)
    tokens = ops.convert_to_numpy(layer(images))  # (1, 15, 3)
    np.testing.assert_array_equal(tokens[0, 1 * 5 + 2], maps[0, 1, 2])


def test_tokenizer_keeps_its_contract():
    layer = CCTTokenizer(num_output_channels=(4, 6))
    check_layer(layer, (2, 10, 14, 3), num_weights=2)


def test_tokenizer_accepts_lists_and_more_channels_than_stages():
    layer = CCTTokenizer(num_conv_layers=1, num_output_channels=[4, 6])
    assert layer(np.zeros((1, 8, 8, 3))).shape == (1, 16, 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kernel_size": 0}, ["kernel_size", "at least 1", "0"]),
        ({"stride": -1}, ["stride", "at least 1", "-1"]),
        ({"padding": -1}, ["padding", "-1"]),
        ({"num_conv_layers": 0}, ["num_conv_layers", "at least 1"]),
        ({"num_conv_layers": 3}, ["num_output_channels", "3", "(64, 128)"]),
    ],
)
def test_tokenizer_refuses(options, words):
    with pytest.raises(ValueError) as error:
        CCTTokenizer(**options)
    for word in ["Received", *words]:
        assert word in str(error.value)


def test_tokenizer_refuses_images_that_leave_no_token():
    layer = CCTTokenizer(kernel_size=7, padding=0)
    with pytest.raises(ValueError, match="8 x 8 pixels is too small"):
        layer(np.zeros((1, 8, 8, 3)))
    with pytest.raises(ValueError, match="8 x 32 pixels is too small"):
        layer(keras.Input((8, 32, 3)))


def test_tokenizer_refuses_a_single_image_without_batch():
    with pytest.raises(ValueError, match="batch, height, width, channels"):
        CCTTokenizer()(np.zeros((32, 32, 3)))
