"""Models for images of another size."""

import keras
import numpy as np
import pytest

from cct_utils import (
    create_cct_model,
    create_cct_variant,
    create_vit_variant,
    resize_position_embedding,
)
from cct_utils.models import create_keras_vit, resized_model


def weights_of(model):
    """The weights by the layer and name of each."""
    return {weight.path: weight for weight in model.weights}


@pytest.mark.parametrize("size", [(24, 24), (48, 40)])
@pytest.mark.parametrize("pooling", ["sequence", "class", "average"])
def test_only_the_positions_differ_and_they_are_resized(size, pooling):
    model = create_cct_variant("cct_2_3x2", pooling=pooling)
    copy = resized_model(model, size)
    grid = copy.get_layer("tokenizer").grid(*size)
    class_tokens = int(pooling == "class")
    for path, weight in weights_of(model).items():
        received, expected = map(
            keras.ops.convert_to_numpy, (weights_of(copy)[path], weight)
        )
        if "position_embedding" in path:
            # By the definition: the class token's row is no place.
            expected = np.concatenate(
                [
                    expected[:class_tokens],
                    resize_position_embedding(
                        expected[class_tokens:], (8, 8), grid
                    ),
                ]
            )
        np.testing.assert_array_equal(received, expected, err_msg=path)
    assert copy(np.zeros((2, *size, 3))).shape == (2, 10)


@pytest.mark.parametrize(
    "build",
    [
        create_cct_model,
        create_keras_vit,
        lambda: create_vit_variant("vit_lite_2_4"),
        lambda: create_cct_variant("cct_2_3x2", positional_emb="sine"),
        lambda: create_cct_variant("cct_2_3x2", positional_emb="none"),
    ],
)
def test_there_and_back_every_architecture_is_itself_again(build):
    model = build()
    size = tuple(model.input_shape[1:3])
    larger = tuple(3 * side // 2 for side in size)
    try:
        copy = resized_model(resized_model(model, larger), size)
    except ValueError as error:
        assert "flatten" in str(error)
        return
    images = np.random.default_rng(0).uniform(0, 255, (2, *size, 3))
    received, expected = (
        keras.ops.convert_to_numpy(each(images)) for each in (copy, model)
    )
    if "position_embedding/embeddings" not in "".join(weights_of(model)):
        np.testing.assert_allclose(received, expected, atol=1e-5)
    assert received.shape == expected.shape
