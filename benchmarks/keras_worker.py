"""Measures one Keras model, or the machine's matrix product, on request.

Started by `speed.py`; the protocol is that of `worker.py`.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Several workers share a GPU: none may take all of its memory.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import keras
import numpy as np
import tensorflow as tf
from worker import serve

from cct_utils.models import create_model
from cct_utils.training import compile_model


def prepare(case):
    """Returns what `worker.serve` needs for a case of `plan.py`."""
    if keras.backend.backend() != "tensorflow":
        sys.exit(
            "The benchmark compiles inference with TensorFlow; set "
            "KERAS_BACKEND=tensorflow. Received: "
            f"KERAS_BACKEND={keras.backend.backend()}"
        )
    keras.utils.set_random_seed(0)
    if case["task"] == "product":
        return matrix_product(case["size"], case["precision"]), {}
    keras.config.set_dtype_policy(case["precision"])
    model = build(case)
    make = training if case["task"] == "train" else inference
    return make(model, case), {"parameters": model.count_params()}


def build(case):
    """Returns the model of a case."""
    arguments = {
        "image_size": case["image_size"],
        "augmentation": case["augmentation"],
    }
    if case["layers"] is not None:
        arguments["transformer_layers"] = case["layers"]
    return create_model(case["model"], **arguments)


def images_of(case):
    """Returns random pixels `(batch, height, width, 3)`, as data sets are."""
    shape = (case["batch"], case["image_size"], case["image_size"], 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


def training(model, case):
    """Returns a function that trains so many steps with `fit`.

    The batch is always the same one, so that nothing but the step is timed.
    """
    compile_model(model)
    if case["jit_compile"] is not None:
        model.jit_compile = case["jit_compile"]
    model.steps_per_execution = case["steps_per_execution"]
    labels = np.eye(10, dtype="float32")[np.arange(case["batch"]) % 10]
    batch = tf.data.Dataset.from_tensors((images_of(case), labels))
    batches = batch.repeat()

    def run(steps):
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    return run


def inference(model, case):
    """Returns a function that answers the same images so many times."""
    images = images_of(case)
    answer = {
        "compiled": tf.function(
            lambda x: model(x, training=False),
            input_signature=[tf.TensorSpec(images.shape, "uint8")],
            jit_compile=bool(case["jit_compile"]),
        ),
        "predict_on_batch": model.predict_on_batch,
        "eager": lambda x: model(x, training=False),
    }[case["call"]]

    def run(steps):
        for _ in range(steps):
            np.asarray(answer(images))  # waits for a device

    return run


def matrix_product(size, precision):
    """Returns a function that multiplies two square matrices."""
    rng = np.random.default_rng(0)
    left, right = (
        tf.cast(rng.normal(size=(size, size)), precision) for _ in range(2)
    )

    def run(steps):
        for _ in range(steps):
            product = tf.linalg.matmul(left, right)
        product[0, 0].numpy()  # waits for a device

    return run


if __name__ == "__main__":
    serve(prepare)
