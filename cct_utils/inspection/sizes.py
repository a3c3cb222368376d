"""How large a CCT or a ViT is, by formula: tokens, parameters, multiply-adds.

Nothing here builds a model: each number is derived from the sizes alone, in
the order in which an image passes the network.
"""

from typing import NamedTuple

from cct_utils.layers import PatchTokenizer
from cct_utils.models import parse_name
from cct_utils.models.cct import tokenizer_arguments


class Stage(NamedTuple):
    """What one step of the tokenizer puts out.

    The value at `(i, j)` sees the square of `receptive_field` pixels a side
    whose first row is `start + i * jump` and whose first column is
    `start + j * jump`; a negative number lies in the zero padding.
    """

    name: str  # "image", "conv 1", "pool 1", "conv 2", …
    height: int
    width: int
    channels: int
    receptive_field: int  # in pixels of the image
    jump: int  # pixels from one window to the next
    start: int  # first pixel of the first window
    parameters: int
    macs: int  # multiply-adds for one image


def tokenizer_geometry(
    image_size,
    kernel_size=3,
    stride=1,
    padding=1,
    pooling_kernel_size=3,
    pooling_stride=2,
    num_conv_layers=2,
    num_output_channels=(64, 128),
    *,
    channels=3,
):
    """Returns size, receptive field and cost after each step of the tokenizer.

    A window of size `k` that moves in steps of `s` over `n` places with `p`
    zeros on each side makes `(n + 2p - k) // s + 1` places. If its places are
    `jump` pixels apart, the receptive field grows by `(k - 1) * jump`, the
    first window moves out by `p * jump`, and the new places are `s * jump`
    apart.

    Args:
        image_size: height and width in pixels, or `(height, width)`.
        kernel_size: kernel of the convolutions.
        stride: stride of the convolutions.
        padding: zeros on each side before a convolution.
        pooling_kernel_size: window of the max pooling; half of it, rounded
            down, is its padding.
        pooling_stride: stride of the max pooling.
        num_conv_layers: number of stages of convolution and pooling.
        num_output_channels: channels of each stage.
        channels: channels of the image.

    Returns:
        A list of `Stage`: the image, then a convolution and a pooling for each
        stage. The height times the width of the last is the number of tokens.

    Raises:
        ValueError: if the image is too small to leave a single token.
    """
    height, width = _sides(image_size)
    stages = [Stage("image", height, width, channels, 1, 1, 0, 0, 0)]
    for i in range(num_conv_layers):
        before = stages[-1]
        conv = _slide(before, f"conv {i + 1}", kernel_size, stride, padding)
        weights = kernel_size**2 * before.channels * num_output_channels[i]
        conv = conv._replace(
            channels=num_output_channels[i],
            parameters=weights,  # no bias
            macs=conv.height * conv.width * weights,
        )
        pool = _slide(
            conv,
            f"pool {i + 1}",
            pooling_kernel_size,
            pooling_stride,
            pooling_kernel_size // 2,
        )
        stages += [conv, pool]
    if min(stages[-1].height, stages[-1].width) < 1:
        raise ValueError(
            f"An image of {height} x {width} pixels is too small for "
            f"{num_conv_layers} stages with kernel_size={kernel_size}, "
            f"stride={stride}: no token is left; use larger images or fewer "
            f"stages. Received: image_size={image_size}"
        )
    return stages


def _slide(before, name, kernel_size, stride, padding):
    """Returns the stage after a window has moved over the stage `before`."""

    def places(size):
        room = size + 2 * padding - kernel_size
        # Padding alone makes no token.
        return room // stride + 1 if size > 0 and room >= 0 else 0

    grown = (kernel_size - 1) * before.jump
    return Stage(
        name,
        places(before.height),
        places(before.width),
        before.channels,
        receptive_field=before.receptive_field + grown,
        jump=before.jump * stride,
        start=before.start - padding * before.jump,
        parameters=0,
        macs=0,
    )


def variant_sizes(name, image_size=32, num_classes=10):
    """Returns the sizes of a model that the formulas below need.

    Args:
        name: a variant such as `"cct_2_3x2"` or `"vit_lite_2_4"`; or
            `"article"` or `"vit_keras"` for the models of the Keras examples.
        image_size: height and width in pixels, or `(height, width)`.
        num_classes: number of logits.

    Returns:
        A dict of arguments for `count_parameters` and `count_macs`.

    Raises:
        ValueError: if there is no such variant.
    """
    given = {"image_size": image_size, "num_classes": num_classes}
    if name == "vit_keras":
        return {
            **given,
            "transformer_layers": 8,
            "num_heads": 4,
            "embed_dim": 64,
            "patch_size": 4,
            "pooling": "flatten",
            "key_dim": 64,  # for each head, as in the article's model
            "mlp_units": (128, 64),
            "head_units": (896, 384),
            "use_qkv_bias": True,
        }
    is_article = name == "article"
    row = parse_name("cct_2_3x2" if is_article else name)
    ratio, embed_dim = row.pop("mlp_ratio"), row["embed_dim"]
    return {
        **given,
        **row,
        # The article's heads are as wide as the token: twice the paper's.
        "key_dim": embed_dim // (1 if is_article else row["num_heads"]),
        "mlp_units": (ratio * embed_dim, embed_dim),
        "use_qkv_bias": is_article,
    }


def count_parameters(
    *,
    image_size,
    num_classes,
    embed_dim,
    transformer_layers,
    num_heads,
    key_dim,
    mlp_units,
    kernel_size=None,
    num_conv_layers=None,
    patch_size=None,
    pooling="sequence",
    head_units=(),
    use_qkv_bias=False,
    positional_emb="learned",
    channels=3,
):
    """Returns the number of weights of each part of a CCT or a ViT.

    A linear map from `a` to `b` numbers has `a * b` weights and `b` biases, a
    norm a scale and a shift for each of the `embed_dim` numbers of a token.

    Args:
        image_size: height and width in pixels, or `(height, width)`.
        num_classes: number of logits.
        embed_dim: width of a token.
        transformer_layers: number of encoder blocks.
        num_heads: number of attention heads.
        key_dim: width of one head.
        mlp_units: widths of the MLP's linear maps.
        kernel_size: kernel of the convolutions, if the tokenizer is a CCT's.
        num_conv_layers: number of its stages.
        patch_size: side of a patch in pixels, if the tokenizer is a ViT's.
        pooling: `"sequence"`, `"class"`, `"average"` or `"flatten"`.
        head_units: widths of an MLP between pooling and logits.
        use_qkv_bias: whether query, key and value have a bias.
        positional_emb: `"learned"`, `"sine"` or `"none"`; only a learned one
            has weights.
        channels: channels of the image.

    Returns:
        A dict from each part to its number of weights, the blocks' parts
        summed over all blocks. The sum of its values is what Keras counts.
    """
    sizes = _token_sizes(
        image_size,
        kernel_size,
        num_conv_layers,
        patch_size,
        embed_dim,
        channels,
    )
    class_token = int(pooling == "class")
    tokens = sizes.tokens + class_token
    inner_dim = num_heads * key_dim
    norm = 2 * embed_dim

    qkv = _linear(embed_dim, 3 * inner_dim, use_qkv_bias)
    projection = _linear(inner_dim, embed_dim)
    widths = (embed_dim, *mlp_units)
    mlp = sum(_linear(a, b) for a, b in zip(widths, mlp_units, strict=False))

    pooled = tokens * embed_dim if pooling == "flatten" else embed_dim
    widths = (pooled, *head_units)
    head = sum(_linear(a, b) for a, b in zip(widths, head_units, strict=False))

    counts = {
        "tokenizer": sizes.parameters,
        "class token": class_token * embed_dim,
        "position embedding": (
            tokens * embed_dim if positional_emb == "learned" else 0
        ),
        "attention": transformer_layers * (qkv + projection),
        "mlp": transformer_layers * mlp,
        "norms": (2 * transformer_layers + 1) * norm,
        "pooling": _linear(embed_dim, 1) if pooling == "sequence" else 0,
        "head": head,
        "logits": _linear(widths[-1], num_classes),
    }
    return _without_absent(counts)


def count_macs(
    *,
    image_size,
    num_classes,
    embed_dim,
    transformer_layers,
    num_heads,
    key_dim,
    mlp_units,
    kernel_size=None,
    num_conv_layers=None,
    patch_size=None,
    pooling="sequence",
    head_units=(),
    use_qkv_bias=False,
    positional_emb="learned",
    channels=3,
):
    """Returns the multiply-adds of each part of a model, for one image.

    Counted is every product of a number with a weight, and, as `"attention
    products"`, the products of numbers with each other in attention: query
    with key, and weights with values. Biases, norms, softmax, ReLU, GELU and
    the maximum of a pooling are not counted. The authors' table leaves the
    attention products out; subtract them to compare with it.

    Args:
        image_size: height and width in pixels, or `(height, width)`.
        num_classes: number of logits.
        embed_dim: width of a token.
        transformer_layers: number of encoder blocks.
        num_heads: number of attention heads.
        key_dim: width of one head.
        mlp_units: widths of the MLP's linear maps.
        kernel_size: kernel of the convolutions, if the tokenizer is a CCT's.
        num_conv_layers: number of its stages.
        patch_size: side of a patch in pixels, if the tokenizer is a ViT's.
        pooling: `"sequence"`, `"class"`, `"average"` or `"flatten"`.
        head_units: widths of an MLP between pooling and logits.
        use_qkv_bias: changes nothing: additions are not counted. Like
            `positional_emb` it is here so that both functions take the same
            sizes.
        positional_emb: changes nothing, as above.
        channels: channels of the image.

    Returns:
        A dict from each part to its multiply-adds, the blocks' parts summed
        over all blocks. The sum of its values is the whole cost of an image.
    """
    sizes = _token_sizes(
        image_size,
        kernel_size,
        num_conv_layers,
        patch_size,
        embed_dim,
        channels,
    )
    class_token = int(pooling == "class")
    tokens = sizes.tokens + class_token
    inner_dim = num_heads * key_dim

    # Each token passes the same weights: query, key and value, and out again.
    projections = tokens * (embed_dim * 3 * inner_dim + inner_dim * embed_dim)
    # Each token meets each token twice: in the scores and in the average.
    products = 2 * tokens**2 * inner_dim
    widths = (embed_dim, *mlp_units)
    mlp = tokens * sum(a * b for a, b in zip(widths, mlp_units, strict=False))

    pooled = tokens * embed_dim if pooling == "flatten" else embed_dim
    widths = (pooled, *head_units)
    head = sum(a * b for a, b in zip(widths, head_units, strict=False))
    # The scores, then the average; no other pooling multiplies by weights.
    scored = 2 * tokens * embed_dim if pooling == "sequence" else 0

    counts = {
        "tokenizer": sizes.macs,
        "attention projections": transformer_layers * projections,
        "attention products": transformer_layers * products,
        "mlp": transformer_layers * mlp,
        "pooling": scored,
        "head": head,
        "logits": widths[-1] * num_classes,
    }
    return _without_absent(counts)


def _without_absent(counts):
    """Returns the counts without the parts that only other models have."""
    return {
        part: count
        for part, count in counts.items()
        if count or part not in ("class token", "head")
    }


def _linear(inputs, outputs, use_bias=True):
    """Returns the number of weights of a linear map."""
    return inputs * outputs + (outputs if use_bias else 0)


class _TokenSizes(NamedTuple):
    """How many tokens a tokenizer makes of one image, and at what cost."""

    tokens: int
    parameters: int
    macs: int


def _token_sizes(
    image_size, kernel_size, num_conv_layers, patch_size, embed_dim, channels
):
    """Returns the sizes of a tokenizer by the rule that the models follow."""
    if (patch_size is None) == (kernel_size is None or num_conv_layers is None):
        raise ValueError(
            "The tokenizer must be given either by kernel_size and "
            "num_conv_layers, for a CCT, or by patch_size, for a ViT. "
            f"Received: kernel_size={kernel_size}, "
            f"num_conv_layers={num_conv_layers}, patch_size={patch_size}"
        )
    if patch_size is not None:
        tokenizer = PatchTokenizer(patch_size, embed_dim)
        rows, columns = tokenizer.grid(*_sides(image_size))
        inputs = patch_size**2 * channels
        return _TokenSizes(
            rows * columns,
            _linear(inputs, embed_dim),
            rows * columns * inputs * embed_dim,
        )
    stages = tokenizer_geometry(
        image_size,
        **tokenizer_arguments(kernel_size, num_conv_layers, embed_dim),
        channels=channels,
    )
    return _TokenSizes(
        stages[-1].height * stages[-1].width,
        sum(stage.parameters for stage in stages),
        sum(stage.macs for stage in stages),
    )


def _sides(image_size):
    """Returns `(height, width)` of a size given as one number or two."""
    if isinstance(image_size, (tuple, list)):
        height, width = image_size
        return int(height), int(width)
    return int(image_size), int(image_size)
