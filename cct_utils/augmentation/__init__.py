"""Augmentation: layers in a model, and policies in the input pipeline."""

from cct_utils.augmentation.batch import BatchAugmentation
from cct_utils.augmentation.image_layers import (
    AUGMENTATION_RECIPES,
    QuietRandAugment,
    QuietRandomFlip,
    RandomPadCrop,
    augmentation_layers,
    data_augmentation,
)
from cct_utils.augmentation.policies import (
    AUTOAUGMENT_CIFAR10,
    OPERATIONS,
    POLICIES,
    augment_image,
)

__all__ = [
    "AUGMENTATION_RECIPES",
    "AUTOAUGMENT_CIFAR10",
    "OPERATIONS",
    "POLICIES",
    "BatchAugmentation",
    "QuietRandAugment",
    "QuietRandomFlip",
    "RandomPadCrop",
    "augment_image",
    "augmentation_layers",
    "data_augmentation",
]
