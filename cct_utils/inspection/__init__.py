"""What a model computes inside, and what it costs: arrays and numbers."""

from cct_utils.inspection.activations import (
    attention_maps,
    attention_rollout,
    layer_outputs,
    pooling_weights,
)
from cct_utils.inspection.geometry import Stage, tokenizer_geometry
from cct_utils.inspection.sizes import (
    count_macs,
    count_parameters,
    variant_sizes,
)
from cct_utils.inspection.source import Source, source_of

__all__ = [
    "Source",
    "Stage",
    "attention_maps",
    "attention_rollout",
    "count_macs",
    "count_parameters",
    "layer_outputs",
    "pooling_weights",
    "source_of",
    "tokenizer_geometry",
    "variant_sizes",
]
