"""Data sets as plain arrays: by name, from a file, from folders of images."""

from cct_utils.data.catalog import DATASETS
from cct_utils.data.checks import check_images, check_labels
from cct_utils.data.dataset import Dataset, load_dataset
from cct_utils.data.photos import sample_photo

__all__ = [
    "DATASETS",
    "Dataset",
    "check_images",
    "check_labels",
    "load_dataset",
    "sample_photo",
]
