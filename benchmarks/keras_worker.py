"""Measures one Keras model, or the machine's matrix product, on request.

Started by `speed.py`; the protocol is that of `worker.py`.
"""

import itertools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Several workers share a GPU: none may take all of its memory.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import keras
import numpy as np
from worker import serve

from cct_utils import LayerNormalization
from cct_utils.data import Dataset
from cct_utils.models import create_model
from cct_utils.training import CompiledEpochs, Member, Recipe, compile_model


def prepare(case):
    """Returns what `worker.serve` needs for a case of `plan.py`."""
    keras.utils.set_random_seed(0)
    if case["task"] == "product":
        return matrix_product(case["size"], case["precision"]), {}
    keras.config.set_dtype_policy(case["precision"])
    model = build(case)
    make = training if case["task"] == "train" else inference
    if case["members"]:
        make = together
    return make(model, case), {"parameters": model.count_params()}


def build(case):
    """Returns the model of a case."""
    arguments = {
        "image_size": case["image_size"],
        "augmentation": case["augmentation"],
    }
    if case["layers"] is not None:
        arguments["transformer_layers"] = case["layers"]
    model = create_model(case["model"], **arguments)
    return with_keras_norm(model) if case["keras_norm"] else model


def with_keras_norm(model):
    """Returns the model with the parent in the place of each layer norm."""

    def clone(layer):
        kind = type(layer)
        if kind is LayerNormalization:
            kind = keras.layers.LayerNormalization
        return kind.from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=clone)


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
    batch = images_of(case), np.eye(10, dtype="float32")[classes_of(case)]
    batches = forever(batch)

    def run(steps):
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    return run


def classes_of(case):
    """Returns labels for a batch, all classes in turn."""
    return np.arange(case["batch"]) % 10


def forever(batch):
    """Returns what gives `fit` the same batch again and again."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.data.Dataset.from_tensors(batch).repeat()
    return (batch for _ in itertools.count())


def together(model, case):
    """Returns a function that trains several models with common steps.

    Its epochs are of as many steps as the case has in an execution, and each
    is one program, data and all.
    """
    count = case["steps_per_execution"]
    images = np.concatenate([images_of(case)] * count)
    labels = np.concatenate([classes_of(case)] * count)
    part = images, labels
    test = images[:10], labels[:10]
    data = Dataset("random", tuple("0123456789"), *part, *test, *test)
    recipe = Recipe(augmentation="none", batch_size=case["batch"])
    epochs = CompiledEpochs(
        [
            Member(f"seed {seed}", seed, recipe, model, data)
            for seed in range(case["members"])
        ]
    )
    state = epochs.state()

    def run(steps):
        nonlocal state
        for _ in range(steps // count):
            state, _ = epochs.train_epoch(state, 0)

    return run


def inference(model, case):
    """Returns a function that answers the same images so many times."""
    images = images_of(case)
    answer = {
        "compiled": compiled_answer(model, images, case["jit_compile"]),
        "predict_on_batch": model.predict_on_batch,
        "eager": lambda x: model(x, training=False),
    }[case["call"]]

    def run(steps):
        for _ in range(steps):
            np.asarray(answer(images))  # waits for a device

    return run


def compiled_answer(model, images, jit_compile):
    """Returns the model's answer as one function of the backend's compiler."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(lambda x: model(x, training=False))
    import tensorflow as tf

    return tf.function(
        lambda x: model(x, training=False),
        input_signature=[tf.TensorSpec(images.shape, "uint8")],
        jit_compile=bool(jit_compile),
    )


def matrix_product(size, precision):
    """Returns a function that multiplies two square matrices."""
    rng = np.random.default_rng(0)
    left, right = (
        keras.ops.convert_to_tensor(rng.normal(size=(size, size)), precision)
        for _ in range(2)
    )

    def run(steps):
        for _ in range(steps):
            product = keras.ops.matmul(left, right)
        # Waits for a device. (NumPy takes no single bfloat16 of TensorFlow.)
        keras.ops.convert_to_numpy(product[:1, 0])

    return run


if __name__ == "__main__":
    serve(prepare)
