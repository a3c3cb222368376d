"""Small models, pixels to ask a model about, and its answer."""

import numpy as np
from keras import ops

from cct_utils import create_cct_variant, create_keras_vit, create_vit_variant


def tiny_cct(**options):
    """A CCT that is built and trained in a moment."""
    small = {"embed_dim": 16, "transformer_layers": 2, "image_size": 16}
    return create_cct_variant("cct_2_3x2", **(small | options))


def tiny_vit(name="vit_lite_2_4", **options):
    """A ViT-Lite or a CVT that is built and trained in a moment."""
    return create_vit_variant(name, **({"embed_dim": 16} | options))


def tiny_keras_vit(**options):
    """The Keras example's ViT, built and trained in a moment."""
    small = {"image_size": 16, "transformer_layers": 2}
    return create_keras_vit(**(small | {"mlp_head_units": (12, 8)} | options))


def pixels(count=2, height=32, width=32):
    """Random images, the same at each call."""
    shape = (count, height, width, 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype("float32")


def answer(model, images):
    """The model's output at inference, as an array."""
    return ops.convert_to_numpy(model(images))
