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


@pytest.mark.parametrize("size", [(24, 24), (16, 64)])
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
    ("build", "exact"),
    [
        (lambda: create_cct_variant("cct_2_3x2", positional_emb="sine"), True),
        (lambda: create_cct_variant("cct_2_3x2", positional_emb="none"), True),
        (lambda: create_cct_variant("cct_2_3x2"), False),
        (create_cct_model, False),
        (lambda: create_vit_variant("vit_lite_2_4"), False),
        (lambda: create_vit_variant("cvt_2_4"), False),
    ],
)
def test_there_and_back_a_model_answers_the_same(build, exact):
    keras.utils.set_random_seed(0)
    model, other = build(), build()
    copy = resized_model(resized_model(model, (48, 48)), (32, 32))
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    received, expected, another = (
        keras.ops.convert_to_numpy(each(images))
        for each in (copy, model, other)
    )
    error = np.abs(received - expected).max()
    if exact:
        assert error < 1e-5
    else:  # of a learned table the finest detail is lost on the way
        assert 1e-6 < error < 0.05 * np.abs(another - expected).max()


@pytest.mark.parametrize("size", [24, (24, 24), (24.0, 24.0), [24, 24]])
def test_a_size_may_be_given_in_any_form(size):
    copy = resized_model(create_cct_variant("cct_2_3x2"), size)
    assert copy.input_shape == (None, 24, 24, 3)


def test_the_model_itself_is_left_as_it_was():
    model = create_cct_variant("cct_2_3x2")
    before = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
    resized_model(model, (24, 24))
    assert model.input_shape == (None, 32, 32, 3)
    for weight, expected in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize(
    ("build", "size", "reason"),
    [
        (create_keras_vit, (36, 36), 'Received: "flatten"'),
        (
            lambda: create_vit_variant("vit_lite_2_4"),
            (30, 30),
            "must be multiples of the patch size",
        ),
        (
            lambda: create_cct_variant("cct_2_3x2"),
            (0, 24),
            r"at least 1.*Received: image_size=\(0, 24\)",
        ),
        (lambda: create_cct_variant("cct_2_3x2"), "48", "image_size='48'"),
        (lambda: keras.Sequential([keras.Input((4, 4, 3))]), (2, 2), "must ha"),
    ],
)
def test_what_cannot_be_resized_is_refused(build, size, reason):
    with pytest.raises(ValueError, match=reason):
        resized_model(build(), size)
