"""What holds for every model: initial weights, gradients, mixed precision."""

import itertools

import keras
import numpy as np
import pytest

from cct_utils import create_cct_model
from tests.models.helpers import (
    answer,
    pixels,
    tiny_cct,
    tiny_keras_vit,
    tiny_vit,
)


def tiny_cvt(**options):
    """A CVT that is built and trained in a moment."""
    return tiny_vit("cvt_2_4", **options)


def tiny_article(**options):
    """The keras.io example's CCT, its tokens an eighth as wide."""
    return create_cct_model(projection_dim=16, **options)


MODELS = (tiny_cct, tiny_vit, tiny_cvt, tiny_keras_vit, tiny_article)


@pytest.mark.parametrize("make", MODELS)
def test_no_two_kernels_start_alike(make):
    """One initializer draws the same numbers each time it is called."""
    keras.utils.set_random_seed(0)
    kernels = [
        np.ravel(keras.ops.convert_to_numpy(weight))[:64]
        for weight in make(image_size=16).trainable_weights
        if "kernel" in weight.path
    ]
    for one, two in itertools.combinations(kernels, 2):
        size = min(len(one), len(two))
        # The same numbers on another scale are no better.
        assert abs(np.corrcoef(one[:size], two[:size])[0, 1]) < 0.9


@pytest.mark.parametrize("make", MODELS)
def test_gradient_reaches_every_weight(make):
    # Without what would stop a gradient at random.
    model = make(image_size=16, stochastic_depth_rate=0, dropout_rate=0)
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    before = model.get_weights()
    model.fit(pixels(8, 16, 16), np.ones((8, 10)), epochs=3, verbose=0)
    for weight, old, new in zip(
        model.weights, before, model.get_weights(), strict=True
    ):
        assert np.all(np.isfinite(new)), weight.path
        if weight.path != "pooling/score/bias":  # it cancels in the softmax
            assert not np.array_equal(old, new), weight.path


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("make", MODELS)
def test_mixed_precision_trains_a_step(make, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = make(image_size=16)
    finally:
        keras.config.set_dtype_policy("float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adamw", loss, run_eagerly=True)
    images = pixels(8, 16, 16)
    history = model.fit(images, np.arange(8), epochs=1, verbose=0)
    assert np.all(np.isfinite(history.history["loss"]))
    assert answer(model, images).dtype == "float32"
    attention = model.get_layer("block_0_attention")
    assert attention.compute_dtype == policy.removeprefix("mixed_")
