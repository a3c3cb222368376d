"""The size calculator: what a CCT of any setting costs."""

import traitlets

from cct_utils.inspection import count_parameters, variant_sizes
from cct_utils.models import parse_variant
from cct_utils.widgets._base import Explorer, check_choice, script

# The models that the authors published, and the keras.io example's.
_PUBLISHED = (
    "cct_2_3x2",
    "cct_4_3x2",
    "cct_6_3x1",
    "cct_6_3x2",
    "cct_7_3x1",
    "cct_7_3x2",
    "cct_7_7x2",
    "cct_14_7x2",
    "article",
)


class SizeExplorer(Explorer):
    """Computes tokens, parameters, multiply-adds and memory of a CCT.

    The numbers are those of `inspection.count_parameters` and `count_macs`.
    Activations are counted as the outputs of all steps of the forward pass,
    four bytes each.

    Args:
        variant: the model to start from, such as `"cct_7_3x1"`, or
            `"article"` for that of the keras.io example.
        image_size: height and width of the images, up to 256.
        num_classes: number of logits.
        batch_size: images in a training batch, up to 512.

    Raises:
        ValueError: if there is no such variant, or a number is out of its
            range.

    Example:

    >>> SizeExplorer("cct_2_3x2")
    SizeExplorer: an interactive figure (283,723 parameters)
    """

    _esm = script("size.js")
    # Pairs, because a saved notebook sorts the keys of a dict.
    variants = traitlets.List().tag(sync=True)
    image_size = traitlets.Int().tag(sync=True)
    num_classes = traitlets.Int().tag(sync=True)
    transformer_layers = traitlets.Int().tag(sync=True)
    num_heads = traitlets.Int().tag(sync=True)
    mlp_ratio = traitlets.Int().tag(sync=True)
    embed_dim = traitlets.Int().tag(sync=True)
    kernel_size = traitlets.Int().tag(sync=True)
    num_conv_layers = traitlets.Int().tag(sync=True)
    positional_emb = traitlets.Unicode("learned").tag(sync=True)
    wide_heads = traitlets.Bool().tag(sync=True)
    use_qkv_bias = traitlets.Bool().tag(sync=True)
    batch_size = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        variant="cct_2_3x2",
        image_size=32,
        num_classes=10,
        *,
        batch_size=128,
    ):
        super().__init__(
            variants=[[name, _row(name)] for name in _PUBLISHED],
            image_size=check_choice("image_size", image_size, 16, 256),
            num_classes=check_choice("num_classes", num_classes, 1, 100_000),
            batch_size=check_choice("batch_size", batch_size, 1, 512),
            **_row(variant),
        )

    def sizes(self):
        """Returns the setting as arguments of the formulas of inspection."""
        narrow = self.embed_dim // self.num_heads
        return {
            "image_size": self.image_size,
            "num_classes": self.num_classes,
            "embed_dim": self.embed_dim,
            "transformer_layers": self.transformer_layers,
            "num_heads": self.num_heads,
            "key_dim": self.embed_dim if self.wide_heads else narrow,
            "mlp_units": (self.mlp_ratio * self.embed_dim, self.embed_dim),
            "kernel_size": self.kernel_size,
            "num_conv_layers": self.num_conv_layers,
            "use_qkv_bias": self.use_qkv_bias,
            "positional_emb": self.positional_emb,
        }

    def _about(self):
        try:
            total = sum(count_parameters(**self.sizes()).values())
        except ValueError:  # a setting that leaves no token
            return ""
        return f" ({total:,} parameters)"


def _row(name):
    """Returns what a model's name says about the controls."""
    row = parse_variant("cct_2_3x2" if name == "article" else name)
    wide = variant_sizes(name)["key_dim"] == row["embed_dim"]
    return {
        **row,
        "wide_heads": wide and row["num_heads"] > 1,
        "use_qkv_bias": name == "article",
        "positional_emb": "learned",
    }
