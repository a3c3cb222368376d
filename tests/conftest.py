"""What all tests share: quiet TensorFlow, and the repository's root."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def root():
    """The repository's folder."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def run_with_jax(root):
    """A function that runs a module of Python with JAX, on the processor.

    It takes the words after `python -m`, and what the environment holds
    besides; the test is skipped where JAX is not installed.
    """

    def run(*words, **environment):
        if importlib.util.find_spec("jax") is None:
            pytest.skip("JAX is not installed")
        done = subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            cwd=root,
            env=os.environ
            | {
                "KERAS_BACKEND": "jax",
                "JAX_PLATFORMS": "cpu",
                # The programs run for a moment: to compile them takes the time.
                "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",
            }
            | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    return run
