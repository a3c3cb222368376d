"""What tells networks apart, and what does not."""

import keras
import pytest
from keras import layers

from cct_utils.models import (
    architecture,
    check_model_arguments,
    create_cct_model,
    create_model,
    resized_model,
)

SMALL = {"embed_dim": 16, "transformer_layers": 2}

# Keras 3.10 and 3.15 find the same; records hold such numbers.
KNOWN = {
    "article": "08c808090c395b4a",
    "vit_keras": "54327d2e2e54219d",
    "cct_2_3x2": "8d8ebafc7c4249b6",
    "vit_lite_2_4": "192c57ded9b2d854",
    "cvt_7_4": "096187542a48bc88",
}


def small(name="cct_2_3x2", **arguments):
    return create_model(name, **(SMALL | arguments))


@pytest.mark.parametrize("name", KNOWN)
def test_a_network_keeps_its_number(name):
    """Or a record would no longer be read with the next version."""
    assert architecture(create_model(name)) == KNOWN[name]


@pytest.mark.parametrize(
    "change",
    [
        {"num_heads": 4},  # these three change no weight's shape
        {"residual": "pre_norm"},
        {"positional_emb": "sine"},
        {"stochastic_depth_rate": 0.2},
        {"attention_dropout_rate": 0.0},
        {"pooling": "average"},
        {"embed_dim": 32},
        {"num_classes": 7},
        {"image_size": 64},
        {"include_preprocessing": False},
    ],
)
def test_another_network_has_another_number(change):
    assert architecture(small(**change)) != architecture(small())


def test_names_seeds_precision_and_augmentation_do_not_matter():
    expected = architecture(small())
    keras.utils.set_random_seed(5)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert architecture(small()) == expected
    finally:
        keras.config.set_dtype_policy(before)
    frozen = small()
    frozen.trainable = False
    assert architecture(frozen) == expected
    assert architecture(resized_model(small(), (32, 32))) == expected
    assert architecture(small("cct_4_3x2")) == expected
    for augmentation in ("crop_flip", "randaugment"):
        model = small(augmentation=augmentation)
        assert architecture(model) == expected
        whole = architecture(model, with_augmentation=True)
        assert whole not in (expected, architecture(small()))
    whole = architecture(small(), with_augmentation=True)
    assert whole == expected


def by_hand(rate=0.5, turned=False):
    """A model whose layers Keras names, with a model in it."""
    inputs = keras.Input((8, 8, 3))
    inner = keras.Sequential([layers.Dropout(rate), layers.Dense(4)])
    first, second = inner(layers.Flatten()(inputs)), layers.Dense(4)
    x = layers.Flatten()(inputs)
    parts = [first, second(x)]
    x = layers.Subtract()(parts[::-1] if turned else parts)
    return keras.Model(inputs, x * 2)


def test_models_in_the_model_and_the_order_of_inputs_are_looked_at():
    assert architecture(by_hand()) == architecture(by_hand())
    assert architecture(by_hand(rate=0.4)) != architecture(by_hand())
    assert architecture(by_hand(turned=True)) != architecture(by_hand())


# What a record says a model was built with


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cct_2_3x2", SMALL),
        ("cct_2_3x2", {**SMALL, "residual": "pre_norm"}),
        ("vit_lite_2_4", {**SMALL, "pooling": "sequence"}),
        ("article", {"transformer_layers": 1}),
        ("vit_keras", {"transformer_layers": 1}),
    ],
)
@pytest.mark.parametrize(
    "given",
    [{}, {"input_shape": (16, 24, 1), "num_classes": 3}],
    ids=["usual", "other images"],
)
@pytest.mark.parametrize("augmentation", ["none", "crop_flip"])
def test_arguments_that_build_the_model_again_are_welcome(
    name, arguments, given, augmentation
):
    model = create_model(name, augmentation=augmentation, **given, **arguments)
    check_model_arguments(model, arguments)


def test_a_model_of_another_name_says_nothing():
    for name in ("small", "cct_mine", "resnet_50"):
        model = by_hand()
        model.name = name
        check_model_arguments(model, {"width": 3})
    check_model_arguments(create_cct_model(), {})


@pytest.mark.parametrize(
    "arguments",
    [{}, {"embed_dim": 32}, {**SMALL, "num_heads": 4}, {**SMALL, "width": 3}],
)
def test_arguments_of_another_network_are_refused(arguments):
    with pytest.raises(ValueError, match="`model_arguments` must be") as error:
        check_model_arguments(small(), arguments)
    assert f"Received: model_arguments={arguments}" in str(error.value)
