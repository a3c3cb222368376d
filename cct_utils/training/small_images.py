"""A training that begins with smaller images, where each step costs less.

References: Howard, Now anyone can train Imagenet in 18 minutes,
https://www.fast.ai/posts/2018-08-10-fastai-diu-imagenet.html; Tan and Le,
EfficientNetV2, arXiv 2104.00298, section 4 (progressive learning).
"""

import keras
import numpy as np

from cct_utils.models import copy_resized, resized_model

CHUNK = 1000  # images at a time: few enough for the memory as float32


def small_image_size(image_shape, scale):
    """Returns `(height, width)` of images whose sides are `scale` as long."""
    return tuple(max(1, round(scale * side)) for side in image_shape[:2])


def with_small_images(data, scale):
    """Returns a data set whose training and validation images are smaller.

    Args:
        data: a `Dataset`; its test images stay as they are.
        scale: length of the new sides in parts of the old ones.

    Returns:
        A `Dataset`.
    """
    size = small_image_size(data.image_shape, scale)
    return data._replace(
        x_train=_resize(data.x_train, size), x_val=_resize(data.x_val, size)
    )


def _resize(images, size):
    """Returns uint8 images resized bilinearly, with antialiasing."""
    chunks = [
        keras.ops.image.resize(
            images[start : start + CHUNK].astype("float32"),
            size,
            antialias=True,
            data_format="channels_last",
        )
        for start in range(0, len(images), CHUNK)
    ]
    return np.concatenate(
        [
            np.clip(np.rint(keras.ops.convert_to_numpy(chunk)), 0, 255)
            for chunk in chunks
        ]
    ).astype("uint8")


def small_model(model, scale):
    """Returns a copy of a model for images whose sides are `scale` as long."""
    size = small_image_size(model.input_shape[1:], scale)
    return resized_model(model, size)


def grow(small, model):
    """Gives a model the state of its copy for smaller images.

    Args:
        small: compiled and trained model, from `small_model`.
        model: the compiled model for the whole images. It receives the
            weights, and its optimizer what the other has gathered.
    """
    model.optimizer.build(model.trainable_variables)
    copy_resized(small, model, small.weights, model.weights)
    copy_resized(
        small, model, small.optimizer.variables, model.optimizer.variables
    )
