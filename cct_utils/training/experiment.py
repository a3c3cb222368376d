"""One experiment from a model to its test result, resumable at any moment."""

import dataclasses
import tempfile
import time

import keras
import numpy as np

from cct_utils._devices import accelerators
from cct_utils._environment import command_line, describe_environment
from cct_utils.augmentation.batch import check_pixels
from cct_utils.data import check_images, check_labels, load_dataset
from cct_utils.models import (
    architecture,
    check_model_arguments,
    is_augmentation,
    recorded_name,
)
from cct_utils.training.batches import (
    OrderedBatches,
    ShuffledBatches,
    without_pauses,
)
from cct_utils.training.evaluation import evaluate_logits, predict_logits
from cct_utils.training.progress import Progress
from cct_utils.training.recipes import Recipe, find_recipe
from cct_utils.training.run_folder import RunFolder
from cct_utils.training.small_images import (
    grow,
    small_model,
    with_smaller_images,
)


def compile_model(
    model, recipe=None, steps_per_epoch=1, *, steps_per_execution=1
):
    """Compiles a classifier for one-hot labels as the experiment needs it.

    Args:
        model: model from images to logits.
        recipe: a `Recipe`; the keras.io example's if None.
        steps_per_epoch: number of steps of an epoch, for the schedule.
        steps_per_execution: steps between two returns to Python; more than
            one is worth it where a step takes a GPU few milliseconds.

    Returns:
        The model, compiled with cross-entropy, accuracy and top-5 accuracy.
    """
    recipe = recipe or Recipe()
    model.compile(
        optimizer=recipe.make_optimizer(model, steps_per_epoch),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        ),
        metrics=[
            keras.metrics.CategoricalAccuracy(name="accuracy"),
            keras.metrics.TopKCategoricalAccuracy(5, name="top-5-accuracy"),
        ],
        steps_per_execution=steps_per_execution,
        # On a processor XLA makes this network slower, not faster, in
        # TensorFlow. JAX would compile nothing without it.
        jit_compile="auto"
        if accelerators() or keras.backend.backend() == "jax"
        else False,
    )
    # If its variables were made in the first step, TensorFlow would trace that
    # twice: seconds, for Muon.
    model.optimizer.build(model.trainable_variables)
    return model


def run_experiment(
    model,
    data=None,
    *,
    recipe=None,
    seed=0,
    run_dir=None,
    progress=True,
    model_arguments=None,
    steps_per_execution=1,
    **settings,
):
    """Trains a classifier, tests its best weights once, and says the result.

    The epoch with the best validation accuracy is the one that is tested, and
    its weights are in the model when the function returns. With a `run_dir`
    the same call goes on where a killed one stopped; the run's record,
    weights and test predictions are there at the end.

    Args:
        model: model from pixels 0..255 to logits.
        data: a `Dataset`, or the name of one; CIFAR-10 if None.
        recipe: a `Recipe` or the name of one. None stands for the keras.io
            example's, with no augmentation but what is part of the model.
        seed: seed of the batches' order, dropout and augmentation. The
            initial weights were drawn when the model was built.
        run_dir: folder of the run; a temporary one if None.
        progress: whether to show progress and print the result.
        model_arguments: what the model was built with besides its name, data
            and defaults; recorded, so that `load_trained` can build it again.
            A `run_dir` of one of the book's models needs them.
        steps_per_execution: see `compile_model`.
        **settings: other values for settings of the recipe, for instance
            `num_epochs=10` or `learning_rate=0.002`; see `Recipe`.

    Returns:
        The `keras.callbacks.History` of all epochs, also of those done before
        the run was resumed. Its `record` attribute is the run's record.

    Raises:
        ValueError: if images or labels do not fit the model, there are no
            validation images, a setting is unknown or not valid, images would
            be augmented twice, the model is not made of layers, its name and
            `model_arguments` make another network, or `run_dir` belongs to
            another run or is in use.
        TypeError: if the model has a layer that Keras does not know.
        FloatingPointError: if the training diverges; says when and why.
    """
    recipe_name = recipe if isinstance(recipe, str) else None
    if isinstance(recipe, str):
        recipe = find_recipe(recipe)
    recipe = (recipe or Recipe()).replace(**settings)
    if data is None or isinstance(data, str):
        data = load_dataset(data or "cifar10")
    # Before a long run, not after it.
    environment, tested = describe_environment(), float32_copy(model)
    data = check_data(data, model, recipe)
    check_augmented_once(model, recipe)
    if run_dir is not None or model_arguments is not None:
        check_model_arguments(model, model_arguments or {})
    described = {
        **describe_run(model, data, recipe),
        "model_arguments": model_arguments or {},
        "recipe": recipe_name,
        "seed": int(seed),
    }
    small = None
    if recipe.small_epochs:
        small = small_model(model, recipe.small_scale)
    with (
        tempfile.TemporaryDirectory() as temporary,
        RunFolder(run_dir or temporary, described) as folder,
    ):
        steps_per_epoch = -(-len(data.x_train) // recipe.batch_size)
        for each in (model, small):
            if each is not None:
                compile_model(
                    each,
                    recipe,
                    steps_per_epoch,
                    steps_per_execution=steps_per_execution,
                )
        history = _fit(model, small, data, recipe, seed, folder, progress)
        folder.restore_best(model)
        # A run that is finished keeps the record of how it was made.
        history.record = folder.record
        if history.record is None:
            tested.set_weights(model.get_weights())
            logits = predict_logits(tested, data.x_test)
            history.record = {
                "schema": 1,
                "command": command_line(),
                **environment,
                **described,
                "history": folder.history,
                "best_epoch": best_epoch(folder.history, recipe.small_epochs),
                "test": evaluate_logits(logits, data.y_test),
            }
            folder.finish(tested, history.record, logits, data.y_test)
    test = history.record["test"]
    if progress:
        print(f"Test accuracy: {test['accuracy']:.2%}")
        print(f"Test top 5 accuracy: {test['top-5-accuracy']:.2%}")
    return history


def _augmentation_layers(model):
    """Returns the names of the layers that change images, at any depth."""
    names = []
    for layer in model.layers:
        if is_augmentation(layer.name):
            names.append(layer.name)
        elif isinstance(layer, keras.Model):
            names += _augmentation_layers(layer)
    return names


def check_augmented_once(model, recipe):
    """Raises if both the model and the recipe would change the images."""
    inside = _augmentation_layers(model)
    if inside and recipe.augmentation != "none":
        raise ValueError(
            "Images must be augmented once: build the model with "
            'augmentation="none", or train it with augmentation="none". '
            f"Received: a model with {', '.join(inside)} and "
            f"augmentation={recipe.augmentation!r}"
        )


def describe_run(model, data, recipe):
    """Returns what a record says of model, data and settings."""
    settings = dataclasses.asdict(recipe)
    del settings["model"]  # the model is described by its own arguments
    return {
        "model": recorded_name(model),
        "architecture": architecture(model),
        "parameters": model.count_params(),
        "data": {
            "name": data.name,
            "source": data.source,
            "fingerprint": data.fingerprint,
            "image_shape": data.image_shape,
            "num_classes": model.output_shape[-1],
            "images": [len(data.x_train), len(data.x_val), len(data.x_test)],
        },
        "settings": {
            **settings,
            "augmentation_layers": _augmentation_layers(model),
            "precision": keras.config.dtype_policy().name,
        },
    }


def check_data(data, model, recipe):
    """Returns the data set as it is trained on, if it fits model and recipe.

    Args:
        data: a `Dataset`; its labels may be of shape `(n, 1)`, and images and
            labels may be lists.
        model: model from pixels 0..255 to logits.
        recipe: a `Recipe`.

    Returns:
        A `Dataset` of arrays, with `int64` labels `(n,)`.

    Raises:
        ValueError: if there are too few images, or images or labels do not
            fit the model or the recipe.
    """
    if recipe.batch_size > len(data.x_train):
        raise ValueError(
            "A batch must not be larger than the training data, "
            f"{len(data.x_train)} images. "
            f"Received: batch_size={recipe.batch_size}"
        )
    if len(data.x_val) == 0:
        raise ValueError(
            "The data set needs validation images to choose the best epoch "
            "by; load it with a validation_split above 0. Received: "
            f"{len(data.x_val)} validation images"
        )
    for part in ("train", "val", "test"):
        data = check_part(data, part, model)
    check_pixels(recipe.augmentation, data.x_train)
    return data


def check_part(data, part, model):
    """Returns the data set with one part as arrays, if it fits the model.

    Args:
        data: a `Dataset`.
        part: `"train"`, `"val"` or `"test"`.
        model: model from pixels 0..255 to logits.

    Returns:
        The `Dataset`; the part's labels are `int64` of shape `(n,)`.

    Raises:
        ValueError: if images are no pixels, labels are no classes, or either
            does not fit the model.
    """
    images, labels = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
    expected = tuple(model.input_shape[1:])
    images = check_images(images, name=f"x_{part}")
    if images.shape[1:] != expected:
        raise ValueError(
            f"x_{part} must have the shape the model was built for, "
            f"{expected}. Received: {images.shape[1:]}"
        )
    labels = check_labels(
        labels, model.output_shape[-1], len(images), name=f"y_{part}"
    )
    return data._replace(**{f"x_{part}": images, f"y_{part}": labels})


def _fit(model, small, data, recipe, seed, folder, progress):
    """Trains the epochs that `folder` does not hold yet; returns a History.

    The first epochs, if there is a `small` model, are on smaller images.
    """
    done, num_epochs = folder.epochs_done, recipe.num_epochs
    callbacks = []
    if progress:
        price = np.ones(num_epochs)
        price[: recipe.small_epochs] = recipe.small_scale**2
        callbacks = [Progress(num_epochs, done, price)]
    if small is not None and done <= recipe.small_epochs:
        if done:
            folder.restore_last(small)
        if done < recipe.small_epochs:
            smaller = with_smaller_images(data, small.input_shape[1:3])
            until = recipe.small_epochs
            _fit_epochs(small, smaller, recipe, seed, folder, callbacks, until)
            # At its end Keras puts the moving average, if there is one, in
            # the place of the weights. A resumed run goes on from these.
            folder.restore_last(small)
        grow(small, model)
    elif 0 < done < num_epochs:
        folder.restore_last(model)
    if done < num_epochs:
        _fit_epochs(model, data, recipe, seed, folder, callbacks, num_epochs)
    history = keras.callbacks.History()
    history.set_model(model)
    history.history, history.epoch = folder.history, list(range(num_epochs))
    return history


def _fit_epochs(model, data, recipe, seed, folder, callbacks, until):
    """Trains a model from the folder's last epoch to another."""
    num_classes, done = model.output_shape[-1], folder.epochs_done
    batches = ShuffledBatches(
        data.x_train,
        keras.utils.to_categorical(data.y_train, num_classes),
        recipe.batch_size,
        seed,
        epoch=done,
        augment=recipe.batch_augmentation,
    )
    callbacks = [
        *callbacks,
        _StopOnDivergence(recipe.learning_rate, num_classes),
        SeedEachEpoch(seed, batches),
        _SaveEachEpoch(folder, recipe.small_epochs),
    ]
    if recipe.ema_momentum is not None:
        # Validates with the averaged weights; the saved ones are the others,
        # and the optimizer that is saved with them holds the average.
        callbacks.insert(0, keras.callbacks.SwapEMAWeights())
    model.fit(
        without_pauses(batches),
        initial_epoch=done,
        epochs=until,
        validation_data=without_pauses(
            OrderedBatches(
                data.x_val,
                keras.utils.to_categorical(data.y_val, num_classes),
                batch_size=256,
            )
        ),
        # The batches have an order of their own; Keras would draw another.
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
    )


def best_epoch(history, small_epochs):
    """Returns the epoch, counted from 1, with the best validation accuracy.

    Epochs on small images do not count: their weights are not the model's.
    """
    whole = history["val_accuracy"][small_epochs:]
    return small_epochs + int(np.argmax(whole)) + 1


class _StopOnDivergence(keras.callbacks.Callback):
    """Ends the training when the loss is not a number, or out of all bounds."""

    def __init__(self, learning_rate, num_classes):
        super().__init__()
        self.learning_rate = learning_rate
        # Ten times what a model loses that finds all classes equally likely.
        self.limit = 10 * np.log(num_classes)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if not logs["loss"] <= self.limit:
            raise FloatingPointError(
                f"The loss became {logs['loss']:g} in epoch {self.epoch + 1}, "
                f"step {batch + 1}: the training diverged. Use a learning rate "
                f"below {self.learning_rate:g}, or look for images or labels "
                "that are not numbers"
            )


class SeedEachEpoch(keras.callbacks.Callback):
    """Sets the batches, and each random stream of the model, by the epoch.

    What an epoch draws then does not depend on how it was reached, so that a
    resumed run repeats the uninterrupted one.
    """

    def __init__(self, seed, batches):
        super().__init__()
        self.seed, self.batches = seed, batches

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.set_epoch(epoch)
        streams = [
            variable
            for variable in self.model.non_trainable_variables
            if "seed_generator_state" in variable.path
        ]
        states = stream_states(self.seed, epoch, len(streams))
        for stream, state in zip(streams, states, strict=True):
            stream.assign(state.astype(stream.dtype))


def stream_states(seed, epoch, count):
    """Returns the states of a model's random streams for an epoch.

    Args:
        seed: seed of the training.
        epoch: the epoch, counted from 0.
        count: number of streams.

    Returns:
        A list of `count` arrays of two numbers.
    """
    sequence = np.random.SeedSequence((seed, epoch))
    # The upper half of the range does not fit each backend's integers.
    return [words.generate_state(2) >> 1 for words in sequence.spawn(count)]


class _SaveEachEpoch(keras.callbacks.Callback):
    """Adds the epoch's time to its metrics, and saves the run's state."""

    def __init__(self, folder, small_epochs):
        super().__init__()
        self.folder, self.small_epochs = folder, small_epochs

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        values = {
            **{name: float(value) for name, value in logs.items()},
            "seconds": time.perf_counter() - self.start[0],
            "cpu_seconds": time.process_time() - self.start[1],
        }
        history = self.folder.history
        history = {
            name: [*history.get(name, []), value]
            for name, value in values.items()
        }
        is_small = epoch < self.small_epochs
        best = best_epoch(history, 0 if is_small else self.small_epochs)
        self.folder.save(self.model, history, best == epoch + 1)


def copy_of(model):
    """Returns the model once more, uncompiled, with equal weights."""
    # Not clone_model: it would copy the optimizer as well.
    copy = model.__class__.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


def float32_copy(model):
    """Returns the model in single precision, uncompiled, with equal weights.

    A model that was trained in mixed precision is tested as its reader will
    load it.

    Raises:
        ValueError: if the model is not made of layers from input to output.
        TypeError: if Keras does not know a layer; says how to register it.
    """
    config = model.get_config()
    if "layers" not in config:
        raise ValueError(
            "The model must be one of layers, `keras.Model(inputs, outputs)` "
            "or `keras.Sequential`, which can be built once more for the test. "
            f"Received: a model of the class {type(model).__name__}"
        )
    _set_float32(config)
    copy = model.__class__.from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _set_float32(config):
    """Sets the precision of all layers in a model's configuration."""
    for layer in config["layers"]:
        layer["config"]["dtype"] = "float32"
        if "layers" in layer["config"]:  # a model in the model
            _set_float32(layer["config"])
