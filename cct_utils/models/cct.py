"""The Compact Convolutional Transformer, and its variants as a table.

Reference: Hassani et al., Escaping the Big Data Paradigm with Compact
Transformers, arXiv 2104.05704.
"""

import difflib
import re

import keras
from keras import layers

from cct_utils.augmentation import augmentation_layers
from cct_utils.layers import (
    CCTTokenizer,
    PositionEmbedding,
    SequencePooling,
    encoder_block,
    stochastic_depth_rates,
)

# Table 1 of the paper: layers, heads, MLP ratio, width. The name of a variant
# says the rest: CCT-7/3x1 has 7 layers, and 1 convolution with a 3x3 kernel.
CCT_VARIANTS = {
    2: dict(transformer_layers=2, num_heads=2, mlp_ratio=1, embed_dim=128),
    4: dict(transformer_layers=4, num_heads=2, mlp_ratio=1, embed_dim=128),
    6: dict(transformer_layers=6, num_heads=4, mlp_ratio=2, embed_dim=256),
    7: dict(transformer_layers=7, num_heads=4, mlp_ratio=2, embed_dim=256),
    14: dict(transformer_layers=14, num_heads=6, mlp_ratio=3, embed_dim=384),
}

# Mean and standard deviation of CIFAR-10's training pixels, per channel, on
# the scale 0..1: what the authors normalize their images with.
CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)

POSITION_KINDS = ("learned", "sine", "none")


def create_cct_model(
    image_size=32,
    input_shape=None,
    num_heads=2,
    projection_dim=128,
    transformer_units=None,
    *,
    num_classes=10,
    transformer_layers=2,
    num_conv_layers=2,
    kernel_size=3,
    positional_emb=True,
    stochastic_depth_rate=0.1,
    dropout_rate=0.1,
    key_dim=None,
    augmentation="crop_flip",
):
    """Returns the CCT of the keras.io example, its defects repaired.

    The augmentation and the rescaling of pixels are part of the model. With
    its defaults it has 416,331 parameters: `key_dim=None` means
    `projection_dim` per head, as in the example, which makes the attention
    twice as wide as the authors'. `key_dim=projection_dim // num_heads` gives
    the paper's width; `create_cct_variant` the paper's model.

    Args:
        image_size: height and width of the images.
        input_shape: `(height, width, channels)`, for images that are not
            square or not in color.
        num_heads: number of attention heads.
        projection_dim: width of the tokens.
        transformer_units: widths of the MLP; `(projection_dim,
            projection_dim)` if None.
        num_classes: number of logits.
        transformer_layers: number of encoder blocks.
        num_conv_layers: number of stages of the tokenizer.
        kernel_size: kernel of the tokenizer's convolutions.
        positional_emb: whether to learn a position embedding; or its kind,
            `"learned"`, `"sine"` or `"none"`.
        stochastic_depth_rate: drop probability of the last block.
        dropout_rate: dropout of the attention weights and in the MLP.
        key_dim: width of one attention head.
        augmentation: recipe of `augmentation_layers`.

    Returns:
        A `keras.Model` from pixels 0..255 `(batch, height, width, channels)`
        to logits `(batch, num_classes)`.

    Raises:
        ValueError: if `image_size` and `input_shape` disagree, the images are
            too small for the tokenizer, or an argument is out of its range.

    Reference:
        https://keras.io/examples/vision/cct/
    """
    inputs = layers.Input(_input_shape(image_size, input_shape), name="pixels")
    x = layers.Rescaling(1 / 255, name="preprocessing")(inputs)
    for layer in augmentation_layers(augmentation, inputs.shape[1:3]):
        x = layer(x)
    return _network(
        inputs,
        x,
        name="cct",
        num_classes=num_classes,
        embed_dim=projection_dim,
        transformer_layers=transformer_layers,
        num_heads=num_heads,
        key_dim=key_dim or projection_dim,
        mlp_units=transformer_units or (projection_dim, projection_dim),
        kernel_size=kernel_size,
        num_conv_layers=num_conv_layers,
        positional_emb={True: "learned", False: "none"}.get(
            positional_emb, positional_emb
        ),
        stochastic_depth_rate=stochastic_depth_rate,
        attention_dropout_rate=dropout_rate,
        dropout_rate=dropout_rate,
        residual="pre_norm",
        use_qkv_bias=True,
    )


def create_cct_variant(
    name,
    image_size=32,
    num_classes=10,
    *,
    input_shape=None,
    include_preprocessing=True,
    positional_emb="learned",
    stochastic_depth_rate=0.1,
    attention_dropout_rate=0.1,
    dropout_rate=0.0,
    residual="paper",
    augmentation="none",
    **overrides,
):
    """Returns one of the paper's models, exactly as its authors build it.

    `create_cct_variant("cct_2_3x2")` has 283,723 parameters. The block is the
    authors' (its second norm overwrites the residual stream), query, key and
    value have no bias, and weights are initialized by the authors' rule.

    Args:
        name: `"cct_<layers>_<kernel>x<convolutions>"`, for instance
            `"cct_7_3x1"`; the layers choose a row of `CCT_VARIANTS`.
        image_size: height and width of the images.
        num_classes: number of logits.
        input_shape: `(height, width, channels)`, for images that are not
            square or not in color.
        include_preprocessing: whether the model takes pixels 0..255 and
            normalizes them itself; otherwise it is the bare network.
        positional_emb: `"learned"`, `"sine"` or `"none"`.
        stochastic_depth_rate: drop probability of the last block.
        attention_dropout_rate: dropout of the attention weights.
        dropout_rate: dropout in the MLP.
        residual: `"paper"`, or `"pre_norm"` for the usual block.
        augmentation: recipe of `augmentation_layers`.
        **overrides: other values for the row of `CCT_VARIANTS`.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)` to
        logits `(batch, num_classes)`.

    Raises:
        ValueError: if the name, an override or a value is not valid; the
            message names the nearest valid one.

    Reference:
        Hassani et al. 2021, https://arxiv.org/abs/2104.05704
    """
    sizes = parse_variant(name)
    for key in overrides:
        if key not in sizes:
            raise ValueError(
                f"`{key}` is not an argument of create_cct_variant"
                f"{_nearest(key, sizes)}; overrides are "
                f"{', '.join(sizes)}. Received: {key}={overrides[key]!r}"
            )
    sizes.update(overrides)
    mlp_ratio = sizes.pop("mlp_ratio")
    inputs = layers.Input(_input_shape(image_size, input_shape), name="pixels")
    x = inputs
    for layer in _first_layers(
        inputs.shape[1:], include_preprocessing, augmentation
    ):
        x = layer(x)
    embed_dim = sizes["embed_dim"]
    return _network(
        inputs,
        x,
        name=name,
        num_classes=num_classes,
        key_dim=None,
        mlp_units=(mlp_ratio * embed_dim, embed_dim),
        positional_emb=positional_emb,
        stochastic_depth_rate=stochastic_depth_rate,
        attention_dropout_rate=attention_dropout_rate,
        dropout_rate=dropout_rate,
        residual=residual,
        use_qkv_bias=False,
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        position_initializer=keras.initializers.TruncatedNormal(stddev=0.2),
        **sizes,
    )


def create_model(name, **arguments):
    """Returns the keras.io example's model or one of the paper's, by name.

    Args:
        name: `"article"` for `create_cct_model`, or the name of a variant.
        **arguments: passed on to the function that builds the model.

    Returns:
        A `keras.Model` from pixels to logits.

    Raises:
        ValueError: if there is no such model; the message names the nearest.
    """
    if name == "article":
        return create_cct_model(**arguments)
    return create_cct_variant(name, **arguments)


def parse_variant(name):
    """Returns the sizes that a variant's name stands for.

    Args:
        name: for instance `"cct_7_3x1"`.

    Returns:
        A dict with `transformer_layers`, `num_heads`, `mlp_ratio`,
        `embed_dim`, `kernel_size` and `num_conv_layers`.

    Raises:
        ValueError: if there is no such variant; the message names the nearest.
    """
    match = re.fullmatch(r"cct_(\d+)_(\d+)x(\d+)", str(name))
    row = CCT_VARIANTS.get(int(match[1])) if match else None
    if row is None or int(match[2]) < 1 or int(match[3]) < 1:
        published = [
            f"cct_{layers_}_{conv}"
            for layers_ in CCT_VARIANTS
            for conv in ("3x1", "3x2", "7x1", "7x2")
        ]
        raise ValueError(
            "A variant is named cct_<layers>_<kernel>x<convolutions> with "
            f"layers one of {', '.join(map(str, CCT_VARIANTS))}"
            f"{_nearest(name, published)}. Received: {name!r}"
        )
    return {
        **row,
        "kernel_size": int(match[2]),
        "num_conv_layers": int(match[3]),
    }


def tokenizer_arguments(kernel_size, num_conv_layers, embed_dim):
    """Returns the arguments of the tokenizer, by the authors' rule.

    Args:
        kernel_size: kernel of the convolutions.
        num_conv_layers: number of stages.
        embed_dim: width of the tokens.

    Returns:
        A dict of arguments of `CCTTokenizer`: stride and padding follow from
        the kernel, and all stages but the last have 64 channels.
    """
    return {
        "kernel_size": kernel_size,
        "stride": max(1, kernel_size // 2 - 1),
        "padding": max(1, kernel_size // 2),
        "num_conv_layers": num_conv_layers,
        "num_output_channels": (64,) * (num_conv_layers - 1) + (embed_dim,),
    }


def _network(
    inputs,
    images,
    *,
    name,
    num_classes,
    embed_dim,
    transformer_layers,
    num_heads,
    key_dim,
    mlp_units,
    kernel_size,
    num_conv_layers,
    positional_emb,
    stochastic_depth_rate,
    attention_dropout_rate,
    dropout_rate,
    residual,
    use_qkv_bias,
    kernel_initializer="glorot_uniform",
    position_initializer="glorot_uniform",
):
    """Returns the model from `inputs` to logits: the figure of the paper."""
    if positional_emb not in POSITION_KINDS:
        raise ValueError(
            f"`positional_emb` must be one of {', '.join(POSITION_KINDS)}"
            f"{_nearest(positional_emb, POSITION_KINDS)}. "
            f"Received: positional_emb={positional_emb!r}"
        )
    tokenizer = CCTTokenizer(
        **tokenizer_arguments(kernel_size, num_conv_layers, embed_dim),
        name="tokenizer",
    )
    x = tokenizer(images)  # (batch, tokens, embed_dim)

    if positional_emb != "none":
        positions = PositionEmbedding(
            sequence_length=x.shape[1],
            initializer=position_initializer,
            kind=positional_emb,
            name="position_embedding",
        )(x)
        x = layers.Add(name="add_position_embedding")([x, positions])

    rates = stochastic_depth_rates(stochastic_depth_rate, transformer_layers)
    for i, drop_prob in enumerate(rates):
        x = encoder_block(
            x,
            num_heads=num_heads,
            key_dim=key_dim,
            mlp_units=mlp_units,
            drop_prob=drop_prob,
            residual=residual,
            use_qkv_bias=use_qkv_bias,
            attention_dropout_rate=attention_dropout_rate,
            dropout_rate=dropout_rate,
            kernel_initializer=kernel_initializer,
            name=f"block_{i}",
        )

    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    # Copies, because one initializer draws the same numbers each time.
    initializer = keras.initializers.get(kernel_initializer)
    x = SequencePooling(initializer.clone(), name="pooling")(x)  # (batch, dim)
    # Logits in float32 also under mixed precision: the loss needs the digits.
    logits = layers.Dense(
        num_classes,
        kernel_initializer=initializer.clone(),
        dtype="float32",
        name="logits",
    )(x)
    return keras.Model(inputs, logits, name=name)


def _input_shape(image_size, input_shape):
    """Returns `(height, width, channels)`, or raises if the two disagree."""
    if input_shape is None:
        return (image_size, image_size, 3)
    if len(input_shape) != 3:
        raise ValueError(
            "`input_shape` must be (height, width, channels). "
            f"Received: input_shape={tuple(input_shape)}"
        )
    # 32 is the default of `image_size`: only another value can contradict.
    if image_size != 32 and image_size not in input_shape[:2]:
        raise ValueError(
            "`image_size` and `input_shape` must agree; give only one of them. "
            f"Received: image_size={image_size}, "
            f"input_shape={tuple(input_shape)}"
        )
    return tuple(input_shape)


def _first_layers(input_shape, include_preprocessing, augmentation):
    """Returns normalization and augmentation, in the order that suits both."""
    *image_size, channels = input_shape
    augment = augmentation_layers(
        augmentation, image_size, value_range=(0, 255)
    )
    normalize = [_normalization(channels)] if include_preprocessing else []
    if augmentation != "randaugment":
        # The border that a shift fills with zeros then has the mean color.
        return normalize + augment
    if not include_preprocessing:
        raise ValueError(
            "RandAugment needs pixels 0..255 and the bare network takes "
            "normalized values: keep include_preprocessing=True, or augment "
            "in the input pipeline. Received: augmentation='randaugment', "
            "include_preprocessing=False"
        )
    return augment + normalize


def _normalization(channels):
    """Returns the layer from pixels 0..255 to normalized values."""
    if channels == 3:
        mean, std = CIFAR10_MEAN, CIFAR10_STD
    else:
        mean, std = (0.5,) * channels, (0.25,) * channels
    return layers.Rescaling(
        scale=[1 / (255 * s) for s in std],
        offset=[-m / s for m, s in zip(mean, std, strict=True)],
        name="preprocessing",
    )


def _nearest(name, valid):
    """Returns "; did you mean ...?" if a valid name is near, or nothing."""
    near = difflib.get_close_matches(str(name), list(valid), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
