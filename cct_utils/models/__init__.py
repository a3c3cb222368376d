"""Models that read like the paper's figure."""

from cct_utils.models.architecture import (
    architecture,
    check_model_arguments,
    is_augmentation,
    recorded_name,
)
from cct_utils.models.by_name import (
    create_model,
    parse_name,
    supported_arguments,
)
from cct_utils.models.cct import (
    CCT_VARIANTS,
    create_cct_model,
    create_cct_variant,
    parse_variant,
)
from cct_utils.models.resized import copy_resized, resized_model
from cct_utils.models.vit import (
    VIT_VARIANTS,
    create_keras_vit,
    create_vit_variant,
    parse_vit_variant,
)

__all__ = [
    "CCT_VARIANTS",
    "VIT_VARIANTS",
    "architecture",
    "check_model_arguments",
    "copy_resized",
    "create_cct_model",
    "create_cct_variant",
    "create_keras_vit",
    "create_model",
    "create_vit_variant",
    "is_augmentation",
    "parse_name",
    "parse_variant",
    "parse_vit_variant",
    "recorded_name",
    "resized_model",
    "supported_arguments",
]
