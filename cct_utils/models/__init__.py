"""Models that read like the paper's figure."""

from cct_utils.models.cct import (
    CCT_VARIANTS,
    create_cct_model,
    create_cct_variant,
    create_model,
    parse_variant,
)

__all__ = [
    "CCT_VARIANTS",
    "create_cct_model",
    "create_cct_variant",
    "create_model",
    "parse_variant",
]
