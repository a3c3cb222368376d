"""A training that begins with smaller images, where each step costs less.

References: Howard, Now anyone can train Imagenet in 18 minutes,
https://www.fast.ai/posts/2018-08-10-fastai-diu-imagenet.html; Tan and Le,
EfficientNetV2, arXiv 2104.00298, section 4 (progressive learning).
"""

import keras
import numpy as np

from cct_utils.models import copy_resized, resized_model

# Patches of four pixels fit, and two stages of a tokenizer halve evenly.
SIDE = 4
CHUNK = 1000  # images at a time, as float32


def small_model(model, scale):
    """Returns a copy of a model for smaller images, with its weights.

    What the model itself does to images at random stays as it is, in pixels.

    Args:
        model: a model of one of the book's architectures.
        scale: length of the new images' sides in parts of the old ones;
            rounded to a multiple of `SIDE` pixels.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        ValueError: if the model cannot take images of that size.
    """
    size = [
        SIDE * max(1, round(scale * side / SIDE))
        for side in model.input_shape[1:3]
    ]
    try:
        return resized_model(model, size)
    except ValueError as error:
        raise ValueError(
            "A recipe with a `small_share` needs a model that can take "
            "smaller images; use small_share=0, or another small_scale. "
            f"Received: small_scale={scale:g}, images of {size[0]} x {size[1]} "
            f"pixels. {error}"
        ) from error


def with_smaller_images(data, size):
    """Returns a data set whose training and validation images are smaller.

    Args:
        data: a `Dataset`; its test images stay as they are.
        size: `(height, width)` of the new images.

    Returns:
        A `Dataset`.
    """
    return data._replace(
        x_train=_resize(data.x_train, size), x_val=_resize(data.x_val, size)
    )


def _resize(images, size):
    """Returns uint8 images resized bilinearly, with antialiasing."""
    resized = np.empty((len(images), *size, images.shape[-1]), "uint8")
    for start in range(0, len(images), CHUNK):
        chunk = keras.ops.image.resize(
            images[start : start + CHUNK].astype("float32"),
            size,
            antialias=True,
            data_format="channels_last",
        )
        chunk = np.clip(np.rint(keras.ops.convert_to_numpy(chunk)), 0, 255)
        resized[start : start + CHUNK] = chunk
    return resized


def grow(small, model):
    """Gives a model the state of its copy for smaller images.

    Args:
        small: compiled and trained model, from `small_model`.
        model: the model for the whole images, from `compile_model`. It
            receives the weights, and its optimizer what the other has gathered.
    """
    copy_resized(small, model, small.weights, model.weights)
    copy_resized(
        small, model, small.optimizer.variables, model.optimizer.variables
    )
