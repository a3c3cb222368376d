"""Pixels to ask a model about, and its answer."""

import numpy as np
from keras import ops


def pixels(count=2, height=32, width=32):
    shape = (count, height, width, 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype("float32")


def answer(model, images):
    """The model's output at inference, as an array."""
    return ops.convert_to_numpy(model(images))
