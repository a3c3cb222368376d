"""The assembled models: sizes, names, symmetries, saving, bad input."""

import keras
import numpy as np
import pytest
from keras import ops

from cct_utils import (
    CCT_VARIANTS,
    create_cct_model,
    create_cct_variant,
    load_dataset,
)
from cct_utils.models import parse_variant
from tests.authors_parameters import AUTHORS_PARAMETERS
from tests.models.helpers import answer, pixels, tiny_cct

VARIANT_SIZES = {
    case: count
    for case, count in AUTHORS_PARAMETERS.items()
    if case[0].startswith("cct")
}


# Sizes


@pytest.mark.parametrize(("variant", "image_size", "classes"), VARIANT_SIZES)
def test_variant_has_the_authors_number_of_parameters(
    variant, image_size, classes
):
    model = create_cct_variant(variant, image_size, classes)
    expected = VARIANT_SIZES[variant, image_size, classes]
    assert model.count_params() == expected
    assert all(
        weight.trainable
        for weight in model.weights
        if "seed" not in weight.path
    )
    assert model.output_shape == (None, classes)


def test_every_variant_is_listed():
    listed = {int(name.split("_")[1]) for name, _, _ in VARIANT_SIZES}
    assert listed == set(CCT_VARIANTS)


def test_articles_model_has_its_number_of_parameters():
    assert create_cct_model().count_params() == 416_331


def test_articles_model_with_narrow_heads_is_near_the_papers():
    """The rest of the difference are the biases of q, k and v."""
    count = create_cct_model(key_dim=64).count_params()
    assert count == 284_491
    assert count - 2 * 3 * 128 == VARIANT_SIZES["cct_2_3x2", 32, 10]


@pytest.mark.parametrize("kind", ["sine", "none"])
def test_fixed_or_no_positions_have_no_parameters(kind):
    learned, other = tiny_cct(), tiny_cct(positional_emb=kind)
    assert learned.count_params() - other.count_params() == 16 * 16


def test_overrides_replace_the_row():
    model = create_cct_variant(
        "cct_2_3x2",
        transformer_layers=3,
        num_heads=4,
        mlp_ratio=2,
        embed_dim=32,
        kernel_size=5,
        num_conv_layers=1,
    )
    assert model.get_layer("tokenizer").kernel_size == 5
    assert model.get_layer("tokenizer").output.shape == (None, 256, 32)
    assert model.get_layer("block_2_attention").num_heads == 4
    assert model.get_layer("block_0_mlp_dense_1").units == 64


@pytest.mark.parametrize(
    ("name", "kernel_size", "stride", "padding"),
    [("cct_2_3x1", 3, 1, 1), ("cct_2_7x1", 7, 2, 3), ("cct_2_5x1", 5, 1, 2)],
)
def test_kernel_decides_stride_and_padding(name, kernel_size, stride, padding):
    tokenizer = create_cct_variant(name).get_layer("tokenizer")
    assert tokenizer.kernel_size == kernel_size
    assert (tokenizer.stride, tokenizer.padding) == (stride, padding)


def test_parse_variant_reads_the_name():
    assert parse_variant("cct_14_7x2") == {
        "transformer_layers": 14,
        "num_heads": 6,
        "mlp_ratio": 3,
        "embed_dim": 384,
        "kernel_size": 7,
        "num_conv_layers": 2,
    }


# Parts


def test_layers_can_be_found_by_name():
    names = [layer.name for layer in create_cct_model().layers]
    for name in (
        "preprocessing augmentation_crop augmentation_flip tokenizer "
        "position_embedding add_position_embedding block_0_norm_1 "
        "block_0_attention block_0_residual_1 block_0_norm_2 "
        "block_0_mlp_dense_1 block_0_mlp_dense_2 block_0_residual_2 "
        "block_1_stochastic_depth_1 block_1_stochastic_depth_2 "
        "norm pooling logits"
    ).split():
        assert name in names


def test_stochastic_depth_rises_to_the_last_block():
    model = create_cct_variant("cct_7_3x1", stochastic_depth_rate=0.3)
    rates = [
        layer.drop_prob
        for layer in model.layers
        if layer.name.endswith("stochastic_depth_2")
    ]
    np.testing.assert_allclose(rates, np.linspace(0, 0.3, 7)[1:])


def test_variant_starts_by_the_authors_rule():
    """Truncated normal: std 0.02 for linear maps, 0.2 for positions."""
    model = create_cct_variant("cct_2_3x2")
    keras.utils.set_random_seed(0)
    stds = {w.path: w.numpy().std() for w in model.weights}
    for path, std in stds.items():
        if path.endswith("bias"):
            assert std == 0
        elif path.startswith("position"):
            assert std == pytest.approx(0.2 * 0.88, rel=0.05)
        elif "dense" in path or "attention" in path:
            assert std == pytest.approx(0.02 * 0.88, rel=0.05)


def test_preprocessing_normalizes_pixels():
    images = pixels()
    keras.utils.set_random_seed(0)
    whole = create_cct_variant("cct_2_3x2")
    bare = create_cct_variant("cct_2_3x2", include_preprocessing=False)
    bare.set_weights(whole.get_weights())
    mean = np.array([0.4914, 0.4822, 0.4465])
    std = np.array([0.2470, 0.2435, 0.2616])
    normalized = (images / 255 - mean) / std
    np.testing.assert_allclose(
        answer(bare, normalized),
        answer(whole, images),
        rtol=1e-3,
        atol=1e-5,
    )


@pytest.mark.parametrize("make", [create_cct_model, create_cct_variant])
def test_pixels_may_be_uint8(make):
    model = make() if make is create_cct_model else make("cct_2_3x2")
    images = pixels()
    np.testing.assert_allclose(
        answer(model, images.astype("uint8")),
        answer(model, images),
        rtol=1e-5,
    )


def test_inference_has_no_randomness():
    model, images = create_cct_model(), pixels()
    np.testing.assert_array_equal(model(images), model(images))
    trained = model(images, training=True)
    assert not np.allclose(trained, model(images))


# Order of the tokens


def encoder(model):
    """The part of a model from the tokens to the last norm."""
    return keras.Model(
        model.get_layer("tokenizer").output, model.get_layer("norm").output
    )


@pytest.mark.parametrize("residual", ["paper", "pre_norm"])
@pytest.mark.parametrize("kind", ["learned", "sine", "none"])
def test_encoder_is_equivariant_without_positions_alone(kind, residual):
    encode = encoder(tiny_cct(positional_emb=kind, residual=residual))
    tokens = np.random.default_rng(0).normal(size=(2, 16, 16))
    order = np.random.default_rng(1).permutation(16)
    plain = answer(encode, tokens)[:, order]
    shuffled = answer(encode, tokens[:, order])
    same = np.allclose(shuffled, plain, rtol=1e-3, atol=1e-4)
    assert same == (kind == "none")


# Image sizes


def test_models_of_two_sizes_live_side_by_side():
    small = create_cct_model(image_size=32)
    large = create_cct_model(image_size=64)
    again = create_cct_model(image_size=32)
    for model, size in ((small, 32), (large, 64), (again, 32)):
        images = pixels(2, size, size)
        assert model(images, training=True).shape == (2, 10)
        tokens = model.get_layer("tokenizer").output.shape[1]
        assert tokens == (size // 4) ** 2


@pytest.mark.parametrize(("height", "width"), [(32, 48), (45, 23)])
def test_images_need_not_be_square(height, width):
    for model in (
        create_cct_model(input_shape=(height, width, 3)),
        create_cct_variant("cct_2_3x2", input_shape=(height, width, 3)),
    ):
        images = pixels(2, height, width)
        assert np.all(np.isfinite(model(images, training=True)))
        rows, columns = model.get_layer("tokenizer").grid(height, width)
        assert model.get_layer("tokenizer").output.shape[1] == rows * columns


def test_gray_images():
    model = create_cct_variant("cct_2_3x2", input_shape=(28, 28, 1))
    assert model(np.zeros((1, 28, 28, 1))).shape == (1, 10)


# Training


def test_eight_images_can_be_learned_by_heart():
    keras.utils.set_random_seed(0)
    model = create_cct_variant(
        "cct_2_3x2",
        image_size=16,
        stochastic_depth_rate=0.0,
        attention_dropout_rate=0.0,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(3e-3), loss, jit_compile=False)
    data, labels = load_dataset("digits"), np.arange(8)
    first = [np.flatnonzero(data.y_train == label)[0] for label in labels]
    images = data.x_train[first, ::2, ::2]  # (8, 16, 16, 3)
    history = model.fit(images, labels, epochs=40, verbose=0)
    assert history.history["loss"][0] > 1.5
    assert history.history["loss"][-1] < 0.02


# Saving


def test_weights_file_restores_a_model(tmp_path):
    one, two = tiny_cct(), tiny_cct()
    images = pixels(2, 16, 16)
    one.save_weights(tmp_path / "tiny.weights.h5")
    two.load_weights(tmp_path / "tiny.weights.h5")
    np.testing.assert_array_equal(one(images), two(images))


def test_model_can_be_cloned():
    model = tiny_cct()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    images = pixels(2, 16, 16)
    outputs = [ops.convert_to_numpy(m(images)) for m in (model, clone)]
    np.testing.assert_array_equal(*outputs)


# Bad input


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cct_3_3x2", ["2, 4, 6, 7, 14", "cct_", "'cct_3_3x2'"]),
        ("cct_7_3_1", ["did you mean 'cct_7_3x1'", "'cct_7_3_1'"]),
        ("CCT-7/3x1", ["cct_<layers>_<kernel>x<convolutions>"]),
        ("cct_2_0x2", ["'cct_2_0x2'"]),
        ("vit", ["'vit'"]),
        (None, ["None"]),
    ],
)
def test_unknown_variant_gives_the_nearest(name, words):
    with pytest.raises(ValueError) as error:
        create_cct_variant(name)
    for word in ["Received", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stochastic_depth_rate": 1}, ["[0, 1)", "1"]),
        ({"stochastic_depth_rate": -0.1}, ["[0, 1)", "-0.1"]),
        ({"attention_dropout_rate": 1.0}, ["[0, 1)", "1.0"]),
        ({"dropout_rate": 2}, ["[0, 1)", "2"]),
        ({"num_heads": 3}, ["divisible", "num_heads=3"]),
        ({"embed_dim": "big"}, ["integer of at least 1", "embed_dim='big'"]),
        ({"mlp_ratio": None}, ["integer of at least 1", "mlp_ratio=None"]),
        ({"kernel_size": "3"}, ["integer of at least 1", "kernel_size='3'"]),
        ({"num_conv_layers": 1.5}, ["integer", "num_conv_layers=1.5"]),
        ({"num_classes": True}, ["integer", "num_classes=True"]),
        ({"image_size": None}, ["integer", "image_size=None"]),
        ({"image_size": 0}, ["at least 1", "image_size=0"]),
        ({"positional_emb": "sin"}, ["learned, sine, none", "'sine'"]),
        ({"augmentation": "crop"}, ["crop_flip", "'crop'"]),
        ({"residual": "post"}, ["pre_norm, paper", "'post'"]),
        ({"embed_dims": 64}, ["did you mean 'embed_dim'", "embed_dims=64"]),
        ({"input_shape": (32, 32)}, ["height, width, channels", "(32, 32)"]),
        ({"image_size": (32, 48, 3)}, ["pair (height, width)", "(32, 48, 3)"]),
        ({"image_size": 48, "input_shape": (32, 32, 3)}, ["agree", "48"]),
        ({"image_size": (48, 32), "input_shape": (32, 48, 3)}, ["agree"]),
    ],
)
def test_variant_refuses(options, words):
    with pytest.raises(ValueError) as error:
        create_cct_variant("cct_2_3x2", **options)
    for word in ["Received", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dropout_rate": 1}, ["[0, 1)", "1"]),
        ({"stochastic_depth_rate": 1.2}, ["[0, 1)", "1.2"]),
        ({"transformer_units": [64]}, ["of the tokens, 128", "[64]"]),
        ({"transformer_units": 128}, ["list or tuple of widths", "128"]),
        ({"transformer_units": ()}, ["list or tuple of widths", "()"]),
        ({"projection_dim": "wide"}, ["integer", "projection_dim='wide'"]),
        ({"key_dim": 0}, ["integer of at least 1", "key_dim=0"]),
        ({"transformer_layers": 0}, ["num_layers", "at least 1", "0"]),
        ({"positional_emb": "fixed"}, ["learned, sine, none", "'fixed'"]),
        ({"augmentation": "flip"}, ["crop_flip", "'flip'"]),
    ],
)
def test_articles_model_refuses(options, words):
    with pytest.raises(ValueError) as error:
        create_cct_model(**options)
    for word in ["Received", *words]:
        assert word in str(error.value)


def test_image_too_small_for_the_tokenizer():
    with pytest.raises(ValueError, match="too small") as error:
        create_cct_variant("cct_2_3x2", input_shape=(0, 0, 3))
    assert "0 x 0" in str(error.value)


def test_a_whole_number_may_be_a_float():
    model = create_cct_variant("cct_2_3x2", embed_dim=16.0, mlp_ratio=2.0)
    assert model.get_layer("block_0_mlp_dense_1").units == 32


def test_variant_augments_before_it_cuts_off():
    """RandAugment works on pixels: afterwards it would cut values to 0..1."""
    model = create_cct_variant("cct_2_3x2", augmentation="randaugment")
    names = [layer.name for layer in model.layers]
    assert names.index("augmentation_rand") < names.index("preprocessing")
    images = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3))
    augmented = keras.Model(
        model.input, model.get_layer("preprocessing").output
    )(images.astype("float32"), training=True)
    values = keras.ops.convert_to_numpy(augmented)
    assert values.min() < -1 and values.max() > 1


def test_bare_network_refuses_randaugment():
    with pytest.raises(ValueError, match="needs pixels 0..255.*Received"):
        create_cct_variant(
            "cct_2_3x2",
            augmentation="randaugment",
            include_preprocessing=False,
        )
