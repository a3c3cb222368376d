"""How large a CCT or a ViT is, by formula: parameters and multiply-adds.

Nothing here builds a model: each number is derived from the sizes alone, in
the order in which an image passes the network.
"""

import dataclasses
import functools
import itertools
import math
from typing import NamedTuple

from cct_utils._choices import check_choice
from cct_utils._sizes import parse_size
from cct_utils.inspection.geometry import tokenizer_geometry
from cct_utils.layers import PatchTokenizer
from cct_utils.models import parse_name
from cct_utils.models._shared import POOLINGS, POSITION_KINDS
from cct_utils.models.cct import tokenizer_arguments


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


def count_parameters(**sizes):
    """Returns the number of weights of each part of a CCT or a ViT.

    A linear map from `a` to `b` numbers has `a * b` weights and `b` biases, a
    norm a scale and a shift for each of the `embed_dim` numbers of a token.

    Args:
        **sizes: what `variant_sizes` returns, also with other values.
            `image_size`: height and width in pixels, or `(height, width)`.
            `num_classes`: number of logits.
            `embed_dim`: width of a token.
            `transformer_layers`: number of encoder blocks.
            `num_heads`: number of attention heads.
            `key_dim`: width of one head.
            `mlp_units`: widths of the MLP's linear maps.
            `kernel_size`: kernel of the convolutions, for a CCT's tokenizer.
            `num_conv_layers`: number of its stages.
            `patch_size`: side of a patch in pixels, for a ViT's tokenizer.
            `pooling`: `"sequence"`, the default, `"class"`, `"average"` or
            `"flatten"`.
            `head_units`: widths of an MLP between pooling and logits, none by
            default.
            `use_qkv_bias`: whether query, key and value have a bias, False by
            default.
            `positional_emb`: `"learned"`, the default, `"sine"` or `"none"`;
            only a learned one has weights.
            `channels`: channels of the image, 3 by default.

    Returns:
        A dict from each part to its number of weights, the blocks' parts
        summed over all blocks. The sum of its values is what Keras counts.

    Raises:
        ValueError: if the tokenizer is given in two ways or in none, or a
            word is unknown.
        TypeError: if a size is missing or unknown.
    """
    net = _Network(**sizes)
    *head, logits = net.head_maps
    qkv = _linear(net.embed_dim, 3 * net.inner_dim, net.use_qkv_bias)
    projection = _linear(net.inner_dim, net.embed_dim)
    mlp = sum(_linear(*widths) for widths in net.mlp_maps)
    norm = 2 * net.embed_dim
    learned = net.positional_emb == "learned"
    scores = _linear(net.embed_dim, 1)
    counts = {
        "tokenizer": net.tokenizer.parameters,
        "class token": net.class_tokens * net.embed_dim,
        "position embedding": net.tokens * net.embed_dim if learned else 0,
        "attention": net.transformer_layers * (qkv + projection),
        "mlp": net.transformer_layers * mlp,
        "norms": (2 * net.transformer_layers + 1) * norm,
        "pooling": scores if net.pooling == "sequence" else 0,
        "head": sum(_linear(*widths) for widths in head),
        "logits": _linear(*logits),
    }
    return _without_absent(counts)


def count_macs(**sizes):
    """Returns the multiply-adds of each part of a model, for one image.

    Counted is every product of a number with a weight, and, as `"attention
    products"`, the products of numbers with each other in attention: query
    with key, and weights with values. Biases, norms, softmax, ReLU, GELU and
    the maximum of a pooling are not counted. The authors' table leaves the
    attention products out; subtract them to compare with it.

    Args:
        **sizes: as for `count_parameters`. Biases and positions are added, not
            multiplied, and change nothing here.

    Returns:
        A dict from each part to its multiply-adds, the blocks' parts summed
        over all blocks. The sum of its values is the whole cost of an image.

    Raises:
        ValueError, TypeError: as `count_parameters`.
    """
    net = _Network(**sizes)
    *head, logits = net.head_maps
    # Each token passes the same weights: query, key and value, and out again.
    projections = net.tokens * 4 * net.embed_dim * net.inner_dim
    # Each token meets each token twice: in the scores and in the average.
    products = 2 * net.tokens**2 * net.inner_dim
    mlp = net.tokens * sum(a * b for a, b in net.mlp_maps)
    # The scores, then the average; no other pooling multiplies by weights.
    pooling = 2 * net.tokens * net.embed_dim
    counts = {
        "tokenizer": net.tokenizer.macs,
        "attention projections": net.transformer_layers * projections,
        "attention products": net.transformer_layers * products,
        "mlp": net.transformer_layers * mlp,
        "pooling": pooling if net.pooling == "sequence" else 0,
        "head": sum(a * b for a, b in head),
        "logits": math.prod(logits),
    }
    return _without_absent(counts)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Network:
    """The sizes of a model, and what both formulas derive from them.

    Its fields are the sizes that `count_parameters` takes.
    """

    image_size: int | tuple
    num_classes: int
    embed_dim: int
    transformer_layers: int
    num_heads: int
    key_dim: int
    mlp_units: tuple
    kernel_size: int | None = None
    num_conv_layers: int | None = None
    patch_size: int | None = None
    pooling: str = "sequence"
    head_units: tuple = ()
    use_qkv_bias: bool = False
    positional_emb: str = "learned"
    channels: int = 3

    def __post_init__(self):
        check_choice("pooling", self.pooling, POOLINGS)
        check_choice("positional_emb", self.positional_emb, POSITION_KINDS)

    @functools.cached_property
    def tokenizer(self):
        """How many tokens it makes of an image, and at what cost."""
        return _token_sizes(
            self.image_size,
            self.kernel_size,
            self.num_conv_layers,
            self.patch_size,
            self.embed_dim,
            self.channels,
        )

    @property
    def class_tokens(self):
        """How many class tokens stand before the others: one or none."""
        return int(self.pooling == "class")

    @property
    def tokens(self):
        """How many tokens pass the blocks."""
        return self.tokenizer.tokens + self.class_tokens

    @property
    def inner_dim(self):
        """Width of all heads side by side."""
        return self.num_heads * self.key_dim

    @property
    def mlp_maps(self):
        """Inputs and outputs of each linear map of a block's MLP."""
        return list(itertools.pairwise((self.embed_dim, *self.mlp_units)))

    @property
    def head_maps(self):
        """Inputs and outputs of each linear map to the logits, theirs last."""
        pooled = self.embed_dim
        if self.pooling == "flatten":
            pooled *= self.tokens
        widths = (pooled, *self.head_units, self.num_classes)
        return list(itertools.pairwise(widths))


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
        rows, columns = tokenizer.grid(*parse_size(image_size))
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
