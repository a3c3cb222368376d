"""Position embeddings: learned rows, the sine table, and resizing."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from cct_utils import (
    PositionEmbedding,
    resize_position_embedding,
    sine_cosine_table,
)
from tests.layers.check_layer import check_layer


def test_learned_embedding_is_the_table_for_each_sample():
    layer = PositionEmbedding(5)
    x = np.random.default_rng(0).normal(size=(3, 5, 4))
    positions = ops.convert_to_numpy(layer(x))
    (table,) = layer.get_weights()
    assert table.shape == (5, 4)
    np.testing.assert_array_equal(positions, np.stack([table] * 3))


@pytest.mark.parametrize("kind", ["learned", "sine"])
def test_shorter_sequences_take_rows_from_the_start_index(kind):
    layer = PositionEmbedding(6, kind=kind)
    whole = ops.convert_to_numpy(layer(np.zeros((1, 6, 4))))
    part = ops.convert_to_numpy(layer(np.zeros((2, 3, 4)), start_index=2))
    np.testing.assert_array_equal(part, np.repeat(whole[:, 2:5], 2, axis=0))


def test_initializer_reaches_the_table():
    layer = PositionEmbedding(5, initializer="ones")
    assert np.all(ops.convert_to_numpy(layer(np.zeros((1, 5, 4)))) == 1)


@given(length=st.integers(1, 40), dim=st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_sine_cosine_table_equals_its_formula(length, dim):
    table = sine_cosine_table(length, dim)
    assert table.shape == (length, dim) and table.dtype == np.float32
    for p in {0, length // 2, length - 1}:
        for c in range(dim):
            angle = p / 10000 ** ((c - c % 2) / dim)
            wave = math.cos(angle) if c % 2 else math.sin(angle)
            assert table[p, c] == pytest.approx(wave, abs=1e-6)


def test_sine_embedding_is_the_table_and_has_no_weights():
    layer = PositionEmbedding(7, kind="sine")
    output = ops.convert_to_numpy(layer(np.ones((2, 7, 6))))
    np.testing.assert_array_equal(output[1], sine_cosine_table(7, 6))
    assert layer.weights == []


def test_sine_rows_depend_on_distance_alone():
    """The inner product of two rows is a function of how far apart they are."""
    products = sine_cosine_table(12, 16) @ sine_cosine_table(12, 16).T
    for distance in range(12):
        diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], rtol=1e-4)


def resize_by_numpy(table, old_grid, new_grid):
    """Bilinear interpolation between pixel centers, point by point."""
    image = table.reshape(*old_grid, -1).astype("float64")
    result = np.zeros((*new_grid, image.shape[-1]))
    for target in np.ndindex(*new_grid):
        corners = []
        for i, old, new in zip(target, old_grid, new_grid, strict=True):
            center = np.clip((i + 0.5) * old / new - 0.5, 0, old - 1)
            low = int(center)
            high, share = min(low + 1, old - 1), center - low
            corners.append(((low, 1 - share), (high, share)))
        for row, row_weight in corners[0]:
            for column, column_weight in corners[1]:
                result[target] += (
                    row_weight * column_weight * image[row, column]
                )
    return result.reshape(-1, image.shape[-1])


@pytest.mark.parametrize(
    ("old_grid", "new_grid"),
    [((8, 8), (14, 14)), ((8, 8), (5, 11)), ((3, 4), (6, 8)), ((4, 4), (2, 3))],
)
def test_resized_embedding_equals_numpy(old_grid, new_grid):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(old_grid[0] * old_grid[1], 6)).astype("float32")
    resized = resize_position_embedding(table, old_grid, new_grid)
    expected = resize_by_numpy(table, old_grid, new_grid)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, expected, rtol=1e-5, atol=1e-5)


def test_resizing_to_the_same_grid_changes_nothing():
    table = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
    resized = resize_position_embedding(table, (3, 4), (3, 4))
    np.testing.assert_array_equal(resized, table)


def test_resizing_keeps_a_constant():
    resized = resize_position_embedding(np.full((9, 2), 3.0), (3, 3), (7, 5))
    np.testing.assert_allclose(resized, np.full((35, 2), 3.0), rtol=1e-6)


def test_resizing_does_not_depend_on_where_keras_has_the_channels():
    table = np.random.default_rng(0).normal(size=(64, 4))
    expected = resize_position_embedding(table, (8, 8), (4, 4))
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        resized = resize_position_embedding(table, (8, 8), (4, 4))
    finally:
        keras.config.set_image_data_format(before)
    assert resized.shape == (16, 4)
    np.testing.assert_array_equal(resized, expected)


@pytest.mark.parametrize("shape", [(63, 4), (64,), (8, 8, 4)])
def test_resizing_refuses_a_table_of_another_grid(shape):
    with pytest.raises(ValueError, match=r"old_grid=\(8, 8\)") as error:
        resize_position_embedding(np.zeros(shape), (8, 8), (4, 4))
    assert str(shape) in str(error.value)


def test_learned_embedding_keeps_its_contract():
    check_layer(PositionEmbedding(6), (2, 6, 4), num_weights=1)


@pytest.mark.filterwarnings("ignore:The model does not have any trainable")
def test_sine_embedding_keeps_its_contract():
    check_layer(PositionEmbedding(6, kind="sine"), (2, 6, 4), num_weights=0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sequence_length": None}, ["integer", "None"]),
        ({"sequence_length": 0}, ["at least 1", "0"]),
        ({"sequence_length": 4, "kind": "sin"}, ["learned, sine", "'sin'"]),
    ],
)
def test_embedding_refuses(options, words):
    with pytest.raises(ValueError) as error:
        PositionEmbedding(**options)
    for word in ["Received", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(("tokens", "start_index"), [(7, 0), (6, 1)])
def test_embedding_refuses_more_tokens_than_positions(tokens, start_index):
    layer = PositionEmbedding(6)
    with pytest.raises(ValueError, match="sequence_length=6") as error:
        layer(np.zeros((1, tokens, 4)), start_index=start_index)
    assert f"{tokens} tokens" in str(error.value)


@pytest.mark.parametrize("start_index", [-6, -1, 1.5, None])
def test_embedding_refuses_a_start_that_is_no_position(start_index):
    layer = PositionEmbedding(16)
    with pytest.raises(ValueError, match="`start_index` must be an integer"):
        layer(np.zeros((1, 4, 4)), start_index=start_index)
