"""The Compact Convolutional Transformer, and its variants as a table.

Reference: Hassani et al., Escaping the Big Data Paradigm with Compact
Transformers, arXiv 2104.05704.
"""

import re

from keras import layers

from cct_utils._choices import unknown_choice
from cct_utils.augmentation import augmentation_layers
from cct_utils.layers import CCTTokenizer
from cct_utils.layers._checks import check_positive
from cct_utils.models._shared import (
    authors_initializers,
    check_input_shape,
    from_tokens,
    override,
    take_pixels,
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

# The names that the paper and its authors use; others are built as well.
CCT_NAMES = tuple(
    f"cct_{row}_{tokenizer}"
    for row in CCT_VARIANTS
    for tokenizer in ("3x1", "3x2", "7x1", "7x2")
)


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
        image_size: height and width of the images in pixels, or
            `(height, width)`.
        input_shape: `(height, width, channels)`, for images that are not in
            color.
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
    input_shape = check_input_shape(image_size, input_shape)
    inputs = layers.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 255, name="preprocessing")(inputs)
    for layer in augmentation_layers(augmentation, inputs.shape[1:3]):
        x = layer(x)
    embed_dim = check_positive("projection_dim", projection_dim)
    if transformer_units is None:
        transformer_units = (embed_dim, embed_dim)
    tokenizer = CCTTokenizer(
        **tokenizer_arguments(kernel_size, num_conv_layers, embed_dim),
        name="tokenizer",
    )
    return from_tokens(
        inputs,
        tokenizer(x),
        name="cct",
        num_classes=num_classes,
        transformer_layers=transformer_layers,
        num_heads=num_heads,
        key_dim=embed_dim if key_dim is None else key_dim,
        mlp_units=transformer_units,
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
    pooling="sequence",
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
        image_size: height and width of the images in pixels, or
            `(height, width)`.
        num_classes: number of logits.
        input_shape: `(height, width, channels)`, for images that are not in
            color.
        include_preprocessing: whether the model takes pixels 0..255 and
            normalizes them itself; otherwise it is the bare network.
        positional_emb: `"learned"`, `"sine"` or `"none"`.
        pooling: how the tokens become one vector: `"sequence"`; `"class"`,
            by a class token; `"average"` or `"flatten"`.
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
    sizes = override(parse_variant(name), overrides, "create_cct_variant")
    mlp_ratio, embed_dim = sizes.pop("mlp_ratio"), sizes.pop("embed_dim")
    inputs, images = take_pixels(
        image_size, input_shape, include_preprocessing, augmentation
    )
    # Made before the tokenizer: in this order a seed has always drawn them.
    initializers = authors_initializers()
    arguments = tokenizer_arguments(
        sizes.pop("kernel_size"), sizes.pop("num_conv_layers"), embed_dim
    )
    tokenizer = CCTTokenizer(**arguments, name="tokenizer")
    return from_tokens(
        inputs,
        tokenizer(images),
        name=name,
        num_classes=num_classes,
        key_dim=None,
        mlp_units=(mlp_ratio * embed_dim, embed_dim),
        positional_emb=positional_emb,
        pooling=pooling,
        stochastic_depth_rate=stochastic_depth_rate,
        attention_dropout_rate=attention_dropout_rate,
        dropout_rate=dropout_rate,
        residual=residual,
        use_qkv_bias=False,
        **initializers,
        **sizes,
    )


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
        raise unknown_choice(
            "A variant is named cct_<layers>_<kernel>x<convolutions> with "
            f"layers one of {', '.join(map(str, CCT_VARIANTS))}",
            name,
            CCT_NAMES,
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

    Raises:
        ValueError: if the kernel or the number of stages is not at least 1.
    """
    kernel_size = check_positive("kernel_size", kernel_size)
    num_conv_layers = check_positive("num_conv_layers", num_conv_layers)
    return {
        "kernel_size": kernel_size,
        "stride": max(1, kernel_size // 2 - 1),
        "padding": max(1, kernel_size // 2),
        "num_conv_layers": num_conv_layers,
        "num_output_channels": (64,) * (num_conv_layers - 1) + (embed_dim,),
    }
