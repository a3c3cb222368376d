"""The authors' weights in our models: equal logits, and clear refusals.

`authors_models.json` holds what the authors' PyTorch models answer in
evaluation mode when weights and input are drawn by the rule below.
"""

import json
import pathlib
import zlib

import keras
import numpy as np
import pytest

from cct_utils import (
    CCT_VARIANTS,
    VIT_VARIANTS,
    create_cct_model,
    create_cct_variant,
    create_keras_vit,
    create_vit_variant,
    load_authors_weights,
    resize_position_embedding,
    sine_cosine_table,
)
from cct_utils.checkpoints import CLASS_TOKEN, POSITIONS
from cct_utils.models import create_model, parse_name
from tests.authors_parameters import AUTHORS_PARAMETERS

REFERENCE = json.loads(
    pathlib.Path(__file__).with_name("authors_models.json").read_text()
)
# Our name and the authors', which ends in the size of the images.
REFERENCE_NAMES = {
    "cct_2_3x2": "cct_2_3x2_32",
    "cct_7_3x1": "cct_7_3x1_32",
    "vit_lite_2_4": "vit_2_4_32",
    "cvt_2_4": "cvt_2_4_32",
}


def draw(name, shape):
    """Draws one parameter; the rule depends on the name alone."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    w = rng.standard_normal(shape).astype("float32")
    if name.endswith("norm.weight") or "norm1.weight" in name:
        return 1 + 0.1 * w
    if "positional_emb" in name or "class_emb" in name:
        return 0.2 * w
    if name.endswith("bias"):
        return 0.1 * w
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
    return w / np.sqrt(fan_in)


def authors_shapes(variant, num_classes, tokens):
    """Returns the names and shapes of the authors' state dict."""
    row = parse_name(variant)
    dim, hidden = row["embed_dim"], row["embed_dim"] * row["mlp_ratio"]
    is_patch = "patch_size" in row
    kernel = row["patch_size"] if is_patch else row["kernel_size"]
    stages = 1 if is_patch else row["num_conv_layers"]
    widths = [3] + [64] * (stages - 1) + [dim]
    shapes = {
        f"tokenizer.conv_layers.{i}.0.weight": (b, a, kernel, kernel)
        for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False))
    }

    def linear(name, inputs, outputs):
        shapes[f"classifier.{name}.weight"] = (outputs, inputs)
        shapes[f"classifier.{name}.bias"] = (outputs,)

    def norm(name):
        shapes[f"classifier.{name}.weight"] = (dim,)
        shapes[f"classifier.{name}.bias"] = (dim,)

    shapes[POSITIONS] = (1, tokens, dim)
    if is_patch:
        shapes["tokenizer.conv_layers.0.0.bias"] = (dim,)
    if row.get("pooling") == "class":
        shapes[CLASS_TOKEN] = (1, 1, dim)
    else:
        linear("attention_pool", dim, 1)
    for i in range(row["transformer_layers"]):
        norm(f"blocks.{i}.pre_norm")
        linear(f"blocks.{i}.self_attn.qkv", dim, 3 * dim)
        del shapes[f"classifier.blocks.{i}.self_attn.qkv.bias"]
        linear(f"blocks.{i}.self_attn.proj", dim, dim)
        linear(f"blocks.{i}.linear1", dim, hidden)
        norm(f"blocks.{i}.norm1")
        linear(f"blocks.{i}.linear2", hidden, dim)
    norm("norm")
    linear("fc", dim, num_classes)
    return shapes


def drawn_state(variant="cct_2_3x2", num_classes=10, tokens=64):
    shapes = authors_shapes(variant, num_classes, tokens)
    return {name: draw(name, shape) for name, shape in shapes.items()}


def logits(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


@pytest.fixture(scope="module")
def state():
    return drawn_state()


@pytest.fixture
def model():
    return create_cct_variant("cct_2_3x2", include_preprocessing=False)


# Equal to the authors' models


@pytest.mark.parametrize("variant", REFERENCE_NAMES)
def test_logits_equal_the_authors(variant):
    expected = REFERENCE[REFERENCE_NAMES[variant]]
    model = create_model(variant, include_preprocessing=False)
    load_authors_weights(
        model,
        {name: draw(name, shape) for name, shape in expected["state"].items()},
    )
    images = np.random.default_rng(7).standard_normal((2, 3, 32, 32))
    images = images.astype("float32").transpose(0, 2, 3, 1)
    np.testing.assert_allclose(
        logits(model, images), expected["logits"], rtol=1e-4, atol=1e-6
    )
    tokens = model.get_layer("tokenizer")(images)
    assert list(tokens.shape) == expected["tokens_shape"]
    mean = float(keras.ops.mean(tokens))
    assert mean == pytest.approx(expected["tokens_mean"], rel=1e-4)


@pytest.mark.parametrize("variant", REFERENCE_NAMES)
def test_names_and_shapes_are_those_of_the_authors(variant):
    expected = REFERENCE[REFERENCE_NAMES[variant]]
    tokens = expected["state"][POSITIONS][1]
    shapes = authors_shapes(variant, 10, tokens)
    assert shapes == {n: tuple(s) for n, s in expected["state"].items()}
    assert AUTHORS_PARAMETERS[variant, 32, 10] == expected["parameters"]


@pytest.mark.parametrize(("case", "parameters"), AUTHORS_PARAMETERS.items())
def test_every_weight_of_every_variant_is_loaded(case, parameters):
    variant, image_size, num_classes = case
    model = create_model(
        variant, image_size=image_size, num_classes=num_classes
    )
    assert model.count_params() == parameters
    tokens = model.get_layer("position_embedding").sequence_length
    state = drawn_state(variant, num_classes, tokens)
    for weight in model.trainable_weights:
        weight.assign(keras.ops.full(weight.shape, np.nan))
    load_authors_weights(model, state)
    # Transposing moves numbers around but keeps what they add up to.
    received = sum(
        np.abs(keras.ops.convert_to_numpy(weight)).sum(dtype="float64")
        for weight in model.trainable_weights
    )
    expected = sum(np.abs(w).sum(dtype="float64") for w in state.values())
    assert received == pytest.approx(expected, rel=1e-9)


def test_every_row_of_the_variants_is_covered():
    covered = {
        name.partition("_")[0]: {
            parse_name(other)["transformer_layers"]
            for other, *_ in AUTHORS_PARAMETERS
            if other[:3] == name[:3]
        }
        for name, *_ in AUTHORS_PARAMETERS
    }
    assert covered["cct"] == set(CCT_VARIANTS)
    assert covered["vit"] == set(VIT_VARIANTS)


def test_preprocessing_does_not_change_what_is_loaded(state, model):
    with_it = create_cct_variant("cct_2_3x2", include_preprocessing=True)
    for each in (model, with_it):
        load_authors_weights(each, state)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3))
    normalized = with_it.get_layer("preprocessing")(pixels.astype("float32"))
    np.testing.assert_allclose(
        logits(with_it, pixels), logits(model, normalized), atol=1e-5
    )


def test_tensors_of_pytorch_are_accepted(state, model):
    class Tensor:
        """Behaves as a tensor that requires a gradient, on another device."""

        def __init__(self, array, steps=()):
            self.array, self.steps = array, steps

        def _after(self, step):
            return Tensor(self.array, (*self.steps, step))

        def detach(self):
            return self._after("detach")

        def cpu(self):
            return self._after("cpu")

        def float(self):
            return self._after("float")

        def __array__(self, dtype=None, copy=None):
            assert {"detach", "cpu"} <= set(self.steps)
            return np.asarray(self.array, dtype)

    load_authors_weights(model, {k: Tensor(v) for k, v in state.items()})
    head = keras.ops.convert_to_numpy(model.get_layer("logits").kernel)
    np.testing.assert_allclose(head, state["classifier.fc.weight"].T, 1e-6)


# Position embeddings of other kinds and lengths


@pytest.mark.parametrize("shape", [(48, 48, 3), (16, 16, 3), (32, 64, 3)])
def test_a_position_embedding_of_another_length_is_resized(state, shape):
    model = create_cct_variant("cct_2_3x2", input_shape=shape)
    load_authors_weights(model, state)
    received = model.get_layer("position_embedding").position_embeddings
    grid = (shape[0] // 4, shape[1] // 4)
    expected = resize_position_embedding(state[POSITIONS][0], (8, 8), grid)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(received), expected, atol=1e-6
    )
    images = np.zeros((1, *shape), "uint8")
    assert np.isfinite(logits(model, images)).all()


def test_a_position_embedding_of_an_equal_length_is_resized_too(state):
    # 4 x 16 tokens are as many as 8 x 8, but they lie elsewhere.
    model = create_cct_variant("cct_2_3x2", input_shape=(16, 64, 3))
    load_authors_weights(model, state)
    received = model.get_layer("position_embedding").position_embeddings
    expected = resize_position_embedding(state[POSITIONS][0], (8, 8), (4, 16))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(received), expected, atol=1e-6
    )


@pytest.mark.parametrize("shape", [(32, 32, 3), (48, 48, 3), (16, 64, 3)])
def test_the_class_tokens_row_is_kept_apart(shape):
    model = create_vit_variant("vit_lite_2_4", input_shape=shape)
    state = drawn_state("vit_lite_2_4", tokens=65)
    load_authors_weights(model, state)
    received = keras.ops.convert_to_numpy(
        model.get_layer("position_embedding").position_embeddings
    )
    stored, grid = state[POSITIONS][0], (shape[0] // 4, shape[1] // 4)
    expected = resize_position_embedding(stored[1:], (8, 8), grid)
    np.testing.assert_array_equal(received[0], stored[0])
    np.testing.assert_allclose(received[1:], expected, atol=1e-6)


def test_the_table_of_sines_counts_the_class_token():
    model = create_vit_variant("vit_lite_2_4", positional_emb="sine")
    state = drawn_state("vit_lite_2_4", tokens=65)
    load_authors_weights(
        model, {**state, POSITIONS: sine_cosine_table(65, 128)[None]}
    )
    with pytest.raises(ValueError, match="for 65 tokens.*for 64 tokens"):
        load_authors_weights(
            model, {**state, POSITIONS: sine_cosine_table(64, 128)[None]}
        )


@pytest.mark.parametrize("stored", [True, False])
def test_the_fixed_table_of_sine_models_is_accepted(state, stored):
    model = create_cct_variant("cct_2_3x2", positional_emb="sine")
    state = {**state, POSITIONS: sine_cosine_table(64, 128)[None]}
    if not stored:
        del state[POSITIONS]
    load_authors_weights(model, state)


@pytest.mark.parametrize("tokens", [64, 256])
def test_another_table_is_refused_by_sine_models(state, tokens):
    model = create_cct_variant("cct_2_3x2", positional_emb="sine")
    table = draw(POSITIONS, (1, tokens, 128))
    with pytest.raises(ValueError, match='positional_emb="learned"'):
        load_authors_weights(model, {**state, POSITIONS: table})


def test_a_table_is_unexpected_where_the_model_has_none(state):
    model = create_cct_variant("cct_2_3x2", positional_emb="none")
    with pytest.raises(ValueError, match=f"unexpected: {POSITIONS}"):
        load_authors_weights(model, state)


# Refusals


def test_all_problems_are_listed_at_once_and_nothing_is_assigned(state, model):
    before = model.get_weights()
    wrong = {**state, "module.fc.weight": np.zeros(3), "zoo": np.zeros(3)}
    del wrong["classifier.norm.bias"], wrong["classifier.norm.weight"]
    wrong["classifier.blocks.0.linear1.bias"] = np.zeros(7)
    wrong["tokenizer.conv_layers.1.0.weight"] = np.zeros((128, 64, 5, 5))
    with pytest.raises(ValueError) as error:
        load_authors_weights(model, wrong)
    message = str(error.value)
    assert "missing: classifier.norm.bias, classifier.norm.weight;" in message
    assert "unexpected: module.fc.weight, zoo;" in message
    assert (
        "of another shape: classifier.blocks.0.linear1.bias must be (128,) "
        "and is (7,), tokenizer.conv_layers.1.0.weight must be "
        "(128, 64, 3, 3) and is (128, 64, 5, 5)"
    ) in message
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("wrap", "reason"),
    [
        (
            lambda state: {"state_dict": state, "epoch": 3, "arch": "cct"},
            r"give checkpoint\['state_dict'\]. Received: state_dict, arch",
        ),
        (
            lambda state: {"model": state},
            r"give checkpoint\['model'\]. Received: model$",
        ),
        (
            lambda state: {**state, "arch": "cct"},
            "leave others out. Received: arch",
        ),
    ],
)
def test_a_whole_checkpoint_is_refused(state, model, wrap, reason):
    with pytest.raises(ValueError, match=reason):
        load_authors_weights(model, wrap(state))


def test_another_number_of_classes_is_named(state):
    model = create_cct_variant("cct_2_3x2", num_classes=100)
    with pytest.raises(ValueError, match="head for num_classes=10"):
        load_authors_weights(model, state)


def test_another_variant_is_refused(state):
    model = create_cct_variant("cct_4_3x2")
    with pytest.raises(ValueError, match="missing: classifier.blocks.2"):
        load_authors_weights(model, state)


def test_a_cvt_is_no_vit_lite():
    model = create_vit_variant("cvt_2_4")
    with pytest.raises(ValueError) as error:
        load_authors_weights(model, drawn_state("vit_lite_2_4", tokens=65))
    message = str(error.value)
    assert "missing: classifier.attention_pool.bias" in message
    assert f"unexpected: {CLASS_TOKEN}" in message


def test_a_position_embedding_of_another_width_is_refused(state, model):
    wrong = {**state, POSITIONS: draw(POSITIONS, (1, 64, 96))}
    with pytest.raises(
        ValueError, match=r"must be \(64, 128\) and is \(64, 96"
    ):
        load_authors_weights(model, wrong)


@pytest.mark.parametrize("shape", [(1, 65, 128), (64,), (2, 64, 128)])
def test_a_position_embedding_that_is_no_grid_is_refused(state, model, shape):
    wrong = {**state, POSITIONS: draw(POSITIONS, shape)}
    with pytest.raises(ValueError, match="of another shape: .*positional_emb"):
        load_authors_weights(model, wrong)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (create_cct_model, "have biases"),
        (create_keras_vit, "pools neither"),
        (
            lambda: create_vit_variant("cvt_2_4", pooling="average"),
            "pools neither",
        ),
        (
            lambda: create_cct_variant("cct_2_3x2", residual="pre_norm"),
            'residual="paper"',
        ),
        (
            lambda: keras.Sequential(
                [keras.Input((4,)), keras.layers.Dense(2)]
            ),
            "lacks layers",
        ),
    ],
)
def test_a_model_that_computes_something_else_is_refused(state, build, reason):
    with pytest.raises(ValueError, match=reason):
        load_authors_weights(build(), state)
