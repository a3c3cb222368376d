"""ViT-Lite, CVT and the Keras example's ViT: sizes, tokens, bad input."""

import inspect

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cct_utils import (
    VIT_VARIANTS,
    create_cct_variant,
    create_keras_vit,
    create_vit_variant,
    load_trained,
)
from cct_utils._files import write_json
from cct_utils.models import create_model, parse_name, parse_vit_variant
from tests.authors_parameters import AUTHORS_PARAMETERS
from tests.models.helpers import answer, pixels, tiny_keras_vit, tiny_vit

# All of them for 32 pixels and 10 classes.
VARIANT_SIZES = {
    name: count
    for (name, *_), count in AUTHORS_PARAMETERS.items()
    if not name.startswith("cct")
}


# Sizes


@pytest.mark.parametrize(("name", "expected"), VARIANT_SIZES.items())
def test_variant_has_the_authors_number_of_parameters(name, expected):
    model = create_vit_variant(name)
    assert model.count_params() == expected
    assert sum(np.prod(w.shape) for w in model.trainable_weights) == expected
    assert model.output_shape == (None, 10)


def test_keras_vit_has_the_parameters_that_its_docstring_names():
    count = create_keras_vit().count_params()
    assert f"{count:,}" in inspect.getdoc(create_keras_vit)
    assert f"{count / 1e6:.1f}" == "4.7"


def test_classes_and_overrides_reach_the_layers():
    model = create_vit_variant(
        "vit_lite_2_4",
        num_classes=7,
        transformer_layers=3,
        num_heads=4,
        mlp_ratio=2,
        embed_dim=32,
        patch_size=16,
        pooling="average",
    )
    assert model.output_shape == (None, 7)
    assert model.get_layer("tokenizer").output.shape == (None, 4, 32)
    assert model.get_layer("block_2_attention").num_heads == 4
    assert model.get_layer("block_0_mlp_dense_1").units == 64
    assert "class_token" not in {layer.name for layer in model.layers}


@given(
    family=st.sampled_from(["vit_lite", "cvt"]),
    row=st.sampled_from(sorted(VIT_VARIANTS)),
    patch_size=st.integers(1, 32),
)
def test_parse_vit_variant_reads_the_name(family, row, patch_size):
    name = f"{family}_{row}_{patch_size}"
    expected = {
        **VIT_VARIANTS[row],
        "patch_size": patch_size,
        "pooling": {"vit_lite": "class", "cvt": "sequence"}[family],
    }
    assert parse_vit_variant(name) == parse_name(name) == expected


def test_defaults_are_those_of_the_cct():
    ours = inspect.signature(create_vit_variant).parameters
    theirs = dict(inspect.signature(create_cct_variant).parameters)
    del theirs["pooling"]  # here the name says it
    assert list(ours.values()) == list(theirs.values())


@pytest.mark.parametrize("name", ["vit_lite_6_4", "cvt_6_4"])
def test_blocks_and_head_are_those_of_the_cct(name):
    parts = []
    for model in (create_vit_variant(name), create_cct_variant("cct_6_3x2")):
        first = model.layers.index(model.get_layer("block_0_norm_1"))
        parts.append([layer.get_config() for layer in model.layers[first:]])
    if name == "vit_lite_6_4":
        parts = [[c for c in p if c["name"] != "pooling"] for p in parts]
    assert len(parts[0]) > 40
    assert parts[0] == parts[1]


# Parts


def test_class_token_comes_first_and_has_a_position():
    model = tiny_vit()
    names = [layer.name for layer in model.layers]
    first = names.index("tokenizer")
    assert names[first : first + 4] == [
        "tokenizer",
        "class_token",
        "position_embedding",
        "add_position_embedding",
    ]
    assert model.get_layer("position_embedding").sequence_length == 65
    token = model.get_layer("class_token")
    token.token.assign(np.ones((1, 1, 16)))
    inner = keras.Model(model.input, model.get_layer("class_token").output)
    np.testing.assert_array_equal(answer(inner, pixels())[:, 0], 1)


def test_the_answer_is_read_off_the_class_token_alone():
    model = tiny_vit()
    head = keras.Model(model.get_layer("norm").output, model.output)
    tokens = np.random.default_rng(0).normal(size=(2, 65, 16))
    changed = tokens.copy()
    changed[:, 1:] = 0
    np.testing.assert_array_equal(answer(head, tokens), answer(head, changed))
    changed[:, 0] = 0
    assert not np.allclose(answer(head, tokens), answer(head, changed))


@pytest.mark.parametrize("make", [create_vit_variant, create_cct_variant])
@pytest.mark.parametrize("pooling", ["sequence", "class", "average", "flatten"])
def test_every_pooling_fits_every_tokenizer(make, pooling):
    name = {create_vit_variant: "cvt_2_8", create_cct_variant: "cct_2_3x2"}
    model = make(
        name[make], pooling=pooling, embed_dim=8, input_shape=(16, 24, 3)
    )
    tokens = model.get_layer("tokenizer").output.shape[1]
    width = 8 * tokens if pooling == "flatten" else 8
    assert model.get_layer("pooling").output.shape == (None, width)
    assert answer(model, pixels(2, 16, 24)).shape == (2, 10)


def test_average_pooling_is_the_mean():
    model = tiny_vit("cvt_2_4", pooling="average")
    pooling = model.get_layer("pooling")
    tokens = np.random.default_rng(0).normal(size=(2, 64, 16))
    np.testing.assert_allclose(
        pooling(tokens.astype("float32")), tokens.mean(axis=1), atol=1e-6
    )


def test_keras_vit_is_the_example():
    model = create_keras_vit()
    attention = model.get_layer("block_7_attention")
    assert (attention.num_heads, attention.head_dim) == (4, 64)
    assert model.get_layer("pooling").output.shape == (None, 64 * 64)
    names = [layer.name for layer in model.layers]
    assert "class_token" not in names
    assert names[-7:] == [
        "pooling",
        "head_dropout_0",
        "head_dense_1",
        "head_dropout_1",
        "head_dense_2",
        "head_dropout_2",
        "logits",
    ]
    rates = {model.get_layer(f"head_dropout_{i}").rate for i in range(3)}
    assert rates == {0.5}
    images = pixels()
    np.testing.assert_array_equal(model(images), model(images))


def test_keras_vit_without_dropout_is_the_same_in_training():
    model = tiny_keras_vit(
        dropout_rate=0, head_dropout_rate=0, augmentation="none"
    )
    images = pixels(2, 16, 16)
    np.testing.assert_allclose(
        model(images, training=True), answer(model, images), rtol=1e-4
    )


# Image sizes


@given(
    rows=st.integers(1, 4),
    columns=st.integers(2, 4),
    patch_size=st.integers(1, 6),
    name=st.sampled_from(["vit_lite_2_4", "cvt_2_4"]),
    positions=st.sampled_from(["learned", "sine", "none"]),
)
@settings(max_examples=6, deadline=None)
def test_images_need_not_be_square(rows, columns, patch_size, name, positions):
    height, width = rows * patch_size, columns * patch_size
    model = tiny_vit(
        name,
        input_shape=(height, width, 3),
        patch_size=patch_size,
        positional_emb=positions,
    )
    assert np.all(np.isfinite(answer(model, pixels(2, height, width))))
    tokenizer = model.get_layer("tokenizer")
    assert tokenizer.grid(height, width) == (rows, columns)
    extra = int(name == "vit_lite_2_4")
    assert model.get_layer("norm").output.shape[1] == rows * columns + extra


def test_keras_vit_takes_images_that_are_not_square_or_gray():
    model = tiny_keras_vit(image_size=32, input_shape=(16, 24, 1))
    assert model(np.zeros((1, 16, 24, 1))).shape == (1, 10)


# Names


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("article", 416_331),
        ("cct_2_3x2", 283_723),
        ("vit_lite_2_4", 214_666),
        ("cvt_2_4", 214_539),
        ("vit_keras", 4_692_170),
    ],
)
def test_create_model_knows_every_family(name, parameters):
    model = create_model(name, input_shape=(32, 32, 3), num_classes=10)
    assert model.count_params() == parameters


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("artikle", ["'article'"]),
        ("vitlite_2_4", ["'vit_lite_2_4'"]),
        ("cct2_3x2", ["'cct_2_3x2'"]),
        ("vit_kera", ["vit_lite_<layers>"]),
        ("vit_lite_2_4x4", ["'vit_lite_2_4'"]),
        ("cct_3_3x2", ["cct_<layers>_<kernel>x<convolutions>"]),
        (7, ["vit_keras"]),
    ],
)
def test_create_model_names_the_nearest(name, words):
    with pytest.raises(ValueError) as error:
        create_model(name)
    for word in [f"Received: {name!r}", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("name", ["vit_lite_2_4", "cvt_2_4", "vit_keras"])
def test_a_trained_model_is_loaded_by_its_name(name, tmp_path):
    model = create_model(name, input_shape=(16, 24, 3), num_classes=7)
    model.save_weights(tmp_path / "best.weights.h5")
    record = {
        "model": model.name,
        "data": {"image_shape": [16, 24, 3], "num_classes": 7},
    }
    write_json(tmp_path / "record.json", record)
    images = pixels(2, 16, 24)
    np.testing.assert_array_equal(
        answer(load_trained(tmp_path), images), answer(model, images)
    )


# Bad input


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vit_lite_3_4", ["2, 4, 6, 7", "did you mean 'vit_lite_"]),
        ("cvt_14_4", ["2, 4, 6, 7", "did you mean 'cvt_"]),
        ("cvt_2_0", ["'cvt_2_0'"]),
        ("vit_2_4", ["did you mean 'vit_lite_2_4'"]),
        ("cct_2_3x2", ["vit_lite_<layers>_<patch size>"]),
        (None, ["None"]),
    ],
)
def test_unknown_variant_gives_the_nearest(name, words):
    with pytest.raises(ValueError) as error:
        create_vit_variant(name)
    for word in ["Received", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (tiny_vit, {"stochastic_depth_rate": 1}, ["[0, 1)", "1"]),
        (tiny_vit, {"dropout_rate": 2}, ["[0, 1)", "2"]),
        (tiny_vit, {"num_heads": 3}, ["divisible", "num_heads=3"]),
        (tiny_vit, {"positional_emb": "sin"}, ["did you mean 'sine'"]),
        (tiny_vit, {"pooling": "mean"}, ["sequence, class, average, flatten"]),
        (
            tiny_vit,
            {"patchsize": 8},
            ["did you mean 'patch_size'", "patchsize=8"],
        ),
        (tiny_vit, {"image_size": 30}, ["multiples", "30 x 30"]),
        (tiny_vit, {"residual": "post"}, ["pre_norm, paper", "'post'"]),
        (
            tiny_keras_vit,
            {"head_dropout_rate": -1},
            ["head_dropout_rate", "-1"],
        ),
        (tiny_keras_vit, {"transformer_units": (64, 32)}, ["64", "(64, 32)"]),
        (tiny_keras_vit, {"mlp_head_units": 384}, ["mlp_head_units=384"]),
        (tiny_keras_vit, {"projection_dim": 6.5}, ["projection_dim=6.5"]),
        (tiny_vit, {"embed_dim": None}, ["integer", "embed_dim=None"]),
        (tiny_keras_vit, {"input_shape": (24, 24, 3)}, ["agree", "16"]),
        (tiny_keras_vit, {"augmentation": "flip"}, ["crop_flip", "'flip'"]),
    ],
)
def test_models_refuse(make, options, words):
    with pytest.raises(ValueError) as error:
        make(**options)
    for word in ["Received", *words]:
        assert word in str(error.value)


def test_cct_refuses_an_unknown_pooling():
    with pytest.raises(ValueError, match="did you mean 'average'.*Received"):
        create_cct_variant("cct_2_3x2", pooling="averaged")
