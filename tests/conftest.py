"""What all tests share: quiet TensorFlow, and the repository's root."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def root():
    """The repository's folder."""
    return Path(__file__).resolve().parents[1]
