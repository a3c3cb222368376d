"""Compact Convolutional Transformers in Keras 3, for the book and beyond."""

from cct_utils.augmentation import data_augmentation
from cct_utils.layers import *  # noqa: F403
from cct_utils.models import *  # noqa: F403
