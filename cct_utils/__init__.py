"""Compact Convolutional Transformers in Keras 3, for the book and beyond."""

from cct_utils import _onednn, inspection  # noqa: F401 (first of all)
from cct_utils.augmentation import (
    AUGMENTATION_RECIPES,
    augmentation_layers,
    data_augmentation,
)
from cct_utils.checkpoints import load_authors_weights
from cct_utils.data import Dataset, load_dataset, sample_photo
from cct_utils.export import export_onnx
from cct_utils.layers import (
    CCTTokenizer,
    ClassPooling,
    ClassToken,
    LayerNormalization,
    PatchTokenizer,
    PositionEmbedding,
    SelfAttention,
    SequencePooling,
    StochasticDepth,
    encoder_block,
    mlp,
    resize_position_embedding,
    sine_cosine_table,
    stochastic_depth_rates,
)
from cct_utils.models import (
    CCT_VARIANTS,
    VIT_VARIANTS,
    create_cct_model,
    create_cct_variant,
    create_keras_vit,
    create_vit_variant,
    resized_model,
)
from cct_utils.profiles import profile
from cct_utils.results import (
    load_record,
    load_test_logits,
    load_trained,
    recorded_runs,
)
from cct_utils.training import (
    RECIPES,
    Recipe,
    calibration_bins,
    evaluate_logits,
    expected_calibration_error,
    find_learning_rate,
    run_experiment,
)

__all__ = [
    "RECIPES",
    "Recipe",
    "AUGMENTATION_RECIPES",
    "CCT_VARIANTS",
    "CCTTokenizer",
    "ClassPooling",
    "ClassToken",
    "Dataset",
    "LayerNormalization",
    "PatchTokenizer",
    "PositionEmbedding",
    "SelfAttention",
    "SequencePooling",
    "StochasticDepth",
    "VIT_VARIANTS",
    "augmentation_layers",
    "calibration_bins",
    "create_cct_model",
    "create_cct_variant",
    "create_keras_vit",
    "create_vit_variant",
    "data_augmentation",
    "encoder_block",
    "evaluate_logits",
    "expected_calibration_error",
    "export_onnx",
    "find_learning_rate",
    "inspection",
    "load_authors_weights",
    "load_dataset",
    "load_record",
    "load_test_logits",
    "load_trained",
    "mlp",
    "profile",
    "recorded_runs",
    "resize_position_embedding",
    "resized_model",
    "run_experiment",
    "sample_photo",
    "sine_cosine_table",
    "stochastic_depth_rates",
]
