"""Saved models of every kind answer the same in a process of their own."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from cct_utils import create_cct_model, create_keras_vit
from cct_utils.models import create_model
from tests.models.helpers import answer, pixels


def tiny(name="cct_2_3x2", **options):
    """A variant that is built and saved in a moment."""
    small = {"embed_dim": 16, "input_shape": (16, 16, 3)}
    return create_model(name, **(small | options))


SAVED = {
    "article": lambda: create_cct_model(),
    "article_64": lambda: create_cct_model(64, num_heads=4),
    "cct_2_3x2": lambda: create_model("cct_2_3x2"),
    "sine": lambda: tiny(positional_emb="sine"),
    "none": lambda: tiny(positional_emb="none", residual="pre_norm"),
    "bare": lambda: tiny(include_preprocessing=False),
    "randaugment": lambda: create_cct_model(augmentation="randaugment"),
    "wide": lambda: tiny(input_shape=(16, 24, 3)),
    "class token": lambda: tiny(pooling="class"),
    "vit_lite": lambda: tiny("vit_lite_2_4", augmentation="randaugment"),
    "cvt": lambda: tiny("cvt_2_4", input_shape=(16, 24, 3)),
    "average": lambda: tiny("cvt_2_4", pooling="average"),
    "vit_keras": lambda: create_keras_vit(
        16, transformer_layers=2, mlp_head_units=(12, 8)
    ),
}

LOADER = """
import pathlib, sys
import keras, numpy
import cct_utils

for path in pathlib.Path(sys.argv[1]).glob("*.keras"):
    model = keras.saving.load_model(path)
    images = numpy.load(path.with_suffix(".images.npy"))
    answer = keras.ops.convert_to_numpy(model(images))
    numpy.save(path.with_suffix(".again.npy"), answer)
"""


@pytest.fixture(scope="module")
def loaded_elsewhere(tmp_path_factory):
    """Saves all models, lets a fresh process load them and answer."""
    folder = tmp_path_factory.mktemp("models")
    for name, make in SAVED.items():
        model = make()
        images = pixels(3, *model.input_shape[1:3])
        path = folder / f"{name}.keras"
        model.save(path)
        np.save(path.with_suffix(".images.npy"), images)
        np.save(path.with_suffix(".npy"), answer(model, images))
    root = pathlib.Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", LOADER, folder],
        check=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    return folder


@pytest.mark.parametrize("name", SAVED)
def test_saved_model_answers_the_same_in_a_fresh_process(
    loaded_elsewhere, name
):
    before = np.load(loaded_elsewhere / f"{name}.npy")
    again = np.load(loaded_elsewhere / f"{name}.again.npy")
    np.testing.assert_allclose(again, before, rtol=1e-5, atol=1e-6)
