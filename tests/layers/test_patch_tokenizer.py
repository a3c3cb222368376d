"""The patch tokenizer against patches cut out and mapped with NumPy."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from cct_utils import PatchTokenizer
from tests.layers.check_layer import check_layer


@given(
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    patch_size=st.integers(1, 5),
    channels=st.integers(1, 3),
)
@settings(max_examples=10, deadline=None)
def test_tokenizer_equals_numpy(rows, columns, patch_size, channels):
    rng = np.random.default_rng(0)
    shape = (2, rows * patch_size, columns * patch_size, channels)
    images = rng.normal(size=shape).astype("float32")
    layer = PatchTokenizer(patch_size, embed_dim=6)
    layer.build(shape)
    kernel, bias = layer.get_weights()
    bias = rng.normal(size=bias.shape)
    layer.set_weights([kernel, bias])
    expected = [
        [
            image[
                r * patch_size : (r + 1) * patch_size,
                c * patch_size : (c + 1) * patch_size,
            ].ravel()
            @ kernel.reshape(-1, 6)
            + bias
            for r in range(rows)
            for c in range(columns)
        ]
        for image in images
    ]
    assert layer.grid(*shape[1:3]) == (rows, columns)
    np.testing.assert_allclose(layer(images), expected, rtol=1e-4, atol=1e-4)


def test_a_pixel_changes_its_own_token_alone():
    layer = PatchTokenizer(4, embed_dim=8)
    images = np.zeros((2, 8, 12, 3), "float32")
    images[1, 5, 9] = 1  # row 1, column 2 of the 2 x 3 patches
    tokens = ops.convert_to_numpy(layer(images))
    changed = np.abs(tokens[1] - tokens[0]).max(axis=-1) > 0
    assert np.flatnonzero(changed).tolist() == [1 * 3 + 2]


def test_tokenizer_has_the_authors_sizes():
    layer = PatchTokenizer()
    assert layer(np.zeros((1, 32, 32, 3))).shape == (1, 64, 128)
    assert layer.count_params() == 4 * 4 * 3 * 128 + 128


def test_tokenizer_keeps_its_contract():
    layer = PatchTokenizer(2, embed_dim=6)
    check_layer(layer, (2, 10, 14, 3), num_weights=2)


@pytest.mark.parametrize("options", [{"patch_size": 0}, {"embed_dim": -1}])
def test_tokenizer_refuses(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}.*at least 1.*Received"):
        PatchTokenizer(**options)


@pytest.mark.parametrize("size", [(30, 32), (32, 2), (0, 4)])
def test_tokenizer_refuses_images_that_leave_part_of_a_patch(size):
    height, width = size
    with pytest.raises(ValueError, match="multiples.*4.*Received") as error:
        PatchTokenizer(4)(keras.Input((height, width, 3)))
    assert f"{height} x {width} pixels" in str(error.value)


def test_tokenizer_refuses_a_single_image_without_batch():
    with pytest.raises(ValueError, match="batch, height, width, channels"):
        PatchTokenizer()(np.zeros((32, 32, 3)))
