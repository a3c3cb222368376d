"""The building blocks of CCT and ViT, one public layer per file."""

from cct_utils.layers.class_pooling import ClassPooling
from cct_utils.layers.class_token import ClassToken
from cct_utils.layers.encoder_block import encoder_block, gelu, mlp
from cct_utils.layers.layer_normalization import LayerNormalization
from cct_utils.layers.patch_tokenizer import PatchTokenizer
from cct_utils.layers.position_embedding import (
    PositionEmbedding,
    resize_position_embedding,
    sine_cosine_table,
)
from cct_utils.layers.self_attention import SelfAttention
from cct_utils.layers.sequence_pooling import SequencePooling
from cct_utils.layers.stochastic_depth import (
    StochasticDepth,
    stochastic_depth_rates,
)
from cct_utils.layers.tokenizer import CCTTokenizer

__all__ = [
    "CCTTokenizer",
    "ClassPooling",
    "ClassToken",
    "LayerNormalization",
    "PatchTokenizer",
    "PositionEmbedding",
    "SelfAttention",
    "SequencePooling",
    "StochasticDepth",
    "encoder_block",
    "gelu",
    "mlp",
    "resize_position_embedding",
    "sine_cosine_table",
    "stochastic_depth_rates",
]
