"""Vision Transformers to compare a CCT with: patches instead of convolutions.

References: Dosovitskiy et al., An Image is Worth 16x16 Words, arXiv
2010.11929; Hassani et al., arXiv 2104.05704, sections 3.2 and 3.3 (ViT-Lite
and CVT, the two steps from ViT to CCT).
"""

import re

from cct_utils._choices import unknown_choice
from cct_utils.layers import PatchTokenizer
from cct_utils.layers._checks import check_positive
from cct_utils.models._shared import (
    authors_initializers,
    from_tokens,
    override,
    take_pixels,
)
from cct_utils.models.cct import CCT_VARIANTS

# The rows of the CCT that the authors also build from patches. The name of a
# variant says the rest: ViT-Lite-7/4 has 7 layers and patches of 4x4 pixels.
VIT_VARIANTS = {row: CCT_VARIANTS[row] for row in (2, 4, 6, 7)}

# ViT-Lite reads its answer off a class token; CVT pools all tokens, as CCT.
FAMILY_POOLING = {"vit_lite": "class", "cvt": "sequence"}

VIT_NAMES = tuple(
    f"{family}_{row}_{patch_size}"
    for family in FAMILY_POOLING
    for row in VIT_VARIANTS
    for patch_size in (4, 8, 16)
)


def create_vit_variant(
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
    """Returns a ViT-Lite or a CVT, exactly as the CCT's authors build them.

    `create_vit_variant("vit_lite_2_4")` has 214,666 parameters, and
    `create_vit_variant("cvt_2_4")` 214,539. Both cut the image into patches;
    ViT-Lite is a small ViT with a class token, CVT replaces the token by
    sequence pooling. Blocks and initial weights are those of
    `create_cct_variant`. With overrides of the row it builds a ViT of any
    other size.

    Args:
        name: `"vit_lite_<layers>_<patch size>"` or
            `"cvt_<layers>_<patch size>"`; the layers choose a row of
            `VIT_VARIANTS`.
        image_size: height and width of the images in pixels, or
            `(height, width)`.
        num_classes: number of logits.
        input_shape: `(height, width, channels)`, for images that are not in
            color.
        include_preprocessing: whether the model takes pixels 0..255 and
            normalizes them itself; otherwise it is the bare network.
        positional_emb: `"learned"`, `"sine"` or `"none"`.
        stochastic_depth_rate: drop probability of the last block.
        attention_dropout_rate: dropout of the attention weights.
        dropout_rate: dropout in the MLP.
        residual: `"paper"`, or `"pre_norm"` for the usual block.
        augmentation: recipe of `augmentation_layers`.
        **overrides: other values for what the name stands for:
            `transformer_layers`, `num_heads`, `mlp_ratio`, `embed_dim`,
            `patch_size`, and `pooling` (`"class"`, `"sequence"`,
            `"average"` or `"flatten"`).

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)` to
        logits `(batch, num_classes)`.

    Raises:
        ValueError: if the name, an override or a value is not valid, or the
            images cannot be cut into whole patches; the message names the
            nearest valid one.

    Reference:
        Hassani et al. 2021, https://arxiv.org/abs/2104.05704
    """
    sizes = override(parse_vit_variant(name), overrides, "create_vit_variant")
    mlp_ratio, embed_dim = sizes.pop("mlp_ratio"), sizes.pop("embed_dim")
    inputs, images = take_pixels(
        image_size, input_shape, include_preprocessing, augmentation
    )
    # Made before the tokenizer: in this order a seed has always drawn them.
    initializers = authors_initializers()
    tokenizer = PatchTokenizer(
        sizes.pop("patch_size"), embed_dim, "he_normal", name="tokenizer"
    )
    return from_tokens(
        inputs,
        tokenizer(images),
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
        **initializers,
        **sizes,
    )


def create_keras_vit(
    image_size=32,
    input_shape=None,
    *,
    num_classes=10,
    patch_size=4,
    projection_dim=64,
    transformer_layers=8,
    num_heads=4,
    key_dim=None,
    transformer_units=(128, 64),
    mlp_head_units=(896, 384),
    stochastic_depth_rate=0.0,
    dropout_rate=0.1,
    head_dropout_rate=0.5,
    augmentation="crop_flip",
):
    """Returns the ViT of the Keras example, sized to 4.7 million parameters.

    It has no class token: the tokens are flattened into one long vector, and
    an MLP of two wide layers reads the answer off it. The CCT example compares
    itself with a ViT of 4.7 million parameters whose sizes it does not give.
    Here width, heads, blocks and rates of dropout are those of the ViT
    example. That one enlarges images to 72 pixels and cuts them into 144
    patches, and its head of 2,048 and 1,024 units alone has 21 million
    weights. This one leaves images as they are and cuts those of 32 pixels
    into the 64 patches of ViT-Lite/4; then a head of 896 and 384 units makes
    4,692,170 parameters, 86 % of them in the head.

    As in `create_cct_model`, no GELU follows the last linear map of a block's
    MLP, and pixels are rescaled and augmented by the model itself.

    Args:
        image_size: height and width of the images in pixels, or
            `(height, width)`.
        input_shape: `(height, width, channels)`, for images that are not in
            color.
        num_classes: number of logits.
        patch_size: height and width of a patch in pixels.
        projection_dim: width of the tokens.
        transformer_layers: number of encoder blocks.
        num_heads: number of attention heads.
        key_dim: width of one attention head; `projection_dim` if None, as in
            the example.
        transformer_units: widths of the MLP in a block; the last is
            `projection_dim`.
        mlp_head_units: widths of the MLP between the tokens and the logits.
        stochastic_depth_rate: drop probability of the last block.
        dropout_rate: dropout of the attention weights and in the MLP.
        head_dropout_rate: dropout before and in the head's MLP.
        augmentation: recipe of `augmentation_layers`.

    Returns:
        A `keras.Model` from pixels 0..255 `(batch, height, width, channels)`
        to logits `(batch, num_classes)`.

    Raises:
        ValueError: if `image_size` and `input_shape` disagree, the images
            cannot be cut into whole patches, or an argument is out of its
            range.

    References:
        https://keras.io/examples/vision/image_classification_with_vision_transformer/
        and, for the number of parameters, https://keras.io/examples/vision/cct/
    """
    inputs, images = take_pixels(
        image_size, input_shape, augmentation=augmentation
    )
    tokenizer = PatchTokenizer(
        patch_size,
        check_positive("projection_dim", projection_dim),
        # The spread that a dense layer's default gives to tokens of the
        # example's size; a convolution's would be three times smaller.
        "lecun_uniform",
        name="tokenizer",
    )
    return from_tokens(
        inputs,
        tokenizer(images),
        name="vit_keras",
        num_classes=num_classes,
        transformer_layers=transformer_layers,
        num_heads=num_heads,
        key_dim=projection_dim if key_dim is None else key_dim,
        mlp_units=transformer_units,
        positional_emb="learned",
        pooling="flatten",
        head_units=mlp_head_units,
        head_dropout_rate=head_dropout_rate,
        stochastic_depth_rate=stochastic_depth_rate,
        attention_dropout_rate=dropout_rate,
        dropout_rate=dropout_rate,
        residual="pre_norm",
        use_qkv_bias=True,
        position_initializer="random_uniform",
    )


def parse_vit_variant(name):
    """Returns the sizes that a variant's name stands for.

    Args:
        name: for instance `"vit_lite_2_4"` or `"cvt_7_4"`.

    Returns:
        A dict with `transformer_layers`, `num_heads`, `mlp_ratio`,
        `embed_dim`, `patch_size` and `pooling`.

    Raises:
        ValueError: if there is no such variant; the message names the nearest.
    """
    match = re.fullmatch(r"(vit_lite|cvt)_(\d+)_(\d+)", str(name))
    row = VIT_VARIANTS.get(int(match[2])) if match else None
    if row is None or int(match[3]) < 1:
        # The authors' own names for these models begin with vit_2, vit_4, ….
        meant = re.sub(r"^vit_(?=\d)", "vit_lite_", str(name))
        raise unknown_choice(
            "A variant is named vit_lite_<layers>_<patch size> or "
            "cvt_<layers>_<patch size> with layers one of "
            f"{', '.join(map(str, VIT_VARIANTS))}",
            meant,
            VIT_NAMES,
            received=repr(name),
        )
    return {
        **row,
        "patch_size": int(match[3]),
        "pooling": FAMILY_POOLING[match[1]],
    }
