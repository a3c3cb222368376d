"""What the models share: first layers, positions, blocks, pooling, head."""

import keras
from keras import layers

from cct_utils._choices import check_choice, unknown_choice
from cct_utils._sizes import parse_size
from cct_utils.augmentation import augmentation_layers
from cct_utils.layers import (
    ClassPooling,
    ClassToken,
    LayerNormalization,
    PositionEmbedding,
    SequencePooling,
    encoder_block,
    gelu,
    stochastic_depth_rates,
)
from cct_utils.layers._checks import check_positive, check_rate

# Mean and standard deviation of CIFAR-10's training pixels, per channel, on
# the scale 0..1: what the authors normalize their images with.
CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)

POSITION_KINDS = ("learned", "sine", "none")
POOLINGS = ("sequence", "class", "average", "flatten")


# The steps of a model


def take_pixels(
    image_size, input_shape, include_preprocessing=True, augmentation="none"
):
    """Returns a model's input, and the images as its tokenizer sees them."""
    input_shape = check_input_shape(image_size, input_shape)
    inputs = images = layers.Input(input_shape, name="pixels")
    for layer in first_layers(input_shape, include_preprocessing, augmentation):
        images = layer(images)
    return inputs, images


def first_layers(input_shape, include_preprocessing, augmentation):
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


def from_tokens(
    inputs,
    tokens,
    *,
    name,
    num_classes,
    positional_emb,
    pooling="sequence",
    kernel_initializer="glorot_uniform",
    position_initializer="glorot_uniform",
    head_units=(),
    head_dropout_rate=0.0,
    **encoder_arguments,
):
    """Returns the model from `inputs` to logits: the figure of the paper."""
    check_choice("positional_emb", positional_emb, POSITION_KINDS)
    check_choice("pooling", pooling, POOLINGS)
    x = tokens
    if pooling == "class":
        x = ClassToken(name="class_token")(x)
    x = add_positions(x, positional_emb, position_initializer)
    x = encoder(x, kernel_initializer=kernel_initializer, **encoder_arguments)
    initializer = keras.initializers.get(kernel_initializer)
    x = pool(x, pooling, initializer)  # (batch, embed_dim)
    x = head(x, head_units, head_dropout_rate, initializer)
    logits = classify(x, num_classes, initializer)
    return keras.Model(inputs, logits, name=name)


def add_positions(x, kind, initializer):
    """Returns the tokens with an embedding of their positions added."""
    if kind == "none":
        return x
    positions = PositionEmbedding(
        sequence_length=x.shape[1],
        initializer=initializer,
        kind=kind,
        name="position_embedding",
    )(x)
    return layers.Add(name="add_position_embedding")([x, positions])


def encoder(x, transformer_layers, stochastic_depth_rate, **block_arguments):
    """Returns the tokens after all encoder blocks and the last norm."""
    rates = stochastic_depth_rates(stochastic_depth_rate, transformer_layers)
    for i, drop_prob in enumerate(rates):
        x = encoder_block(
            x, drop_prob=drop_prob, name=f"block_{i}", **block_arguments
        )
    return LayerNormalization(epsilon=1e-5, name="norm")(x)


def pool(x, pooling, initializer):
    """Returns one vector for each image, by one of `POOLINGS`."""
    if pooling == "sequence":
        # A copy, because one initializer draws the same numbers each time.
        layer = SequencePooling(initializer.clone(), name="pooling")
    else:
        kinds = {
            "class": ClassPooling,
            "average": layers.GlobalAveragePooling1D,
            "flatten": layers.Flatten,
        }
        layer = kinds[pooling](name="pooling")
    return layer(x)


def head(x, units, dropout_rate, initializer):
    """Returns the vector of each image after an MLP, GELU after each map."""
    check_rate("head_dropout_rate", dropout_rate)
    if not isinstance(units, list | tuple):
        raise ValueError(
            "`mlp_head_units` must be widths of the head's hidden layers, for "
            f"instance (896, 384). Received: mlp_head_units={units!r}"
        )
    if dropout_rate > 0:
        x = layers.Dropout(dropout_rate, name="head_dropout_0")(x)
    for i, width in enumerate(units, start=1):
        x = layers.Dense(
            width,
            activation=gelu,
            kernel_initializer=initializer.clone(),
            name=f"head_dense_{i}",
        )(x)
        if dropout_rate > 0:
            x = layers.Dropout(dropout_rate, name=f"head_dropout_{i}")(x)
    return x


def classify(x, num_classes, initializer):
    """Returns the logits."""
    return layers.Dense(
        check_positive("num_classes", num_classes),
        kernel_initializer=initializer.clone(),
        # Also under mixed precision: the loss needs the digits.
        dtype="float32",
        name="logits",
    )(x)


# Arguments


def check_input_shape(image_size, input_shape):
    """Returns `(height, width, channels)`, or raises if the two disagree."""
    height, width = parse_size(image_size)
    if input_shape is None:
        return (height, width, 3)
    if len(input_shape) != 3:
        raise ValueError(
            "`input_shape` must be (height, width, channels). "
            f"Received: input_shape={tuple(input_shape)}"
        )
    sides = tuple(input_shape[:2])
    agree = height in sides if height == width else sides == (height, width)
    # 32 is the default of `image_size`: only another value can contradict.
    if (height, width) != (32, 32) and not agree:
        raise ValueError(
            "`image_size` and `input_shape` must agree; give only one of them. "
            f"Received: image_size={image_size}, "
            f"input_shape={tuple(input_shape)}"
        )
    return tuple(input_shape)


def override(sizes, overrides, function):
    """Returns a row of sizes with other values for some of its keys."""
    sizes = dict(sizes)
    for key, value in overrides.items():
        if key not in sizes:
            raise unknown_choice(
                f"`{key}` is not an argument of {function}, whose overrides "
                f"are {', '.join(sizes)}",
                key,
                sizes,
                received=f"{key}={value!r}",
            )
        is_number = isinstance(sizes[key], int)
        sizes[key] = check_positive(key, value) if is_number else value
    return sizes


def authors_initializers():
    """Returns the authors' initializers, of linear maps and of positions."""
    return {
        "kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.02),
        "position_initializer": keras.initializers.TruncatedNormal(stddev=0.2),
    }
