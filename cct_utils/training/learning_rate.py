"""A learning-rate finder: one short training with a rate that rises.

Reference: Smith, Cyclical Learning Rates for Training Neural Networks, arXiv
1506.01186, section 3.3.
"""

import keras
import numpy as np

from cct_utils.augmentation.batch import check_pixels
from cct_utils.training.batches import ShuffledBatches, without_pauses
from cct_utils.training.experiment import (
    SeedEachEpoch,
    check_augmented_once,
    check_part,
    compile_model,
    copy_of,
)
from cct_utils.training.recipes import Recipe, find_recipe

# A loss so many times the first one is no noise: the weights have exploded.
EXPLODED = 4


def find_learning_rate(
    model, data, *, recipe=None, start=1e-5, stop=1.0, steps=100, seed=0
):
    """Trains a copy of a model with a rate that grows by a factor each step.

    Too low a rate changes nothing, a good one lowers the loss, too high a one
    makes it explode, where the search ends. The model itself is not changed.

    Args:
        model: model from pixels 0..255 to logits.
        data: a `Dataset`; only its training part is used.
        recipe: a `Recipe` or the name of one, whose rate and schedule are
            replaced; the keras.io example's if None.
        start: rate of the first step.
        stop: rate of the last step.
        steps: number of steps.
        seed: seed of the batches' order and of the augmentation.

    Returns:
        `(rates, losses)`: two arrays `(n,)`, the rate of each step and the
        loss of its batch before the step. `n` is `steps`, or fewer where the
        loss became infinite or four times the first one.

    Raises:
        ValueError: if the rates or the steps cannot form a rising series, the
            recipe is unknown, the data do not fit the model, or images would
            be augmented twice.
    """
    if not 0 < start < stop or steps < 2:
        raise ValueError(
            "The learning rate must rise from `start` above 0 to `stop` in at "
            f"least 2 steps. Received: start={start}, stop={stop}, "
            f"steps={steps}"
        )
    if isinstance(recipe, str):
        recipe = find_recipe(recipe)
    recipe = recipe or Recipe()
    data = check_part(data, "train", model)
    check_pixels(recipe.augmentation, data.x_train)
    check_augmented_once(model, recipe)
    copy = copy_of(model)
    compile_model(copy, recipe)
    copy.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(
        start, decay_steps=steps - 1, decay_rate=stop / start
    )
    changes = recipe.batch_augmentation()
    # Whole batches only: the loss of a small rest would be noise.
    count = max(1, len(data.x_train) // recipe.batch_size) * recipe.batch_size
    batches = ShuffledBatches(
        data.x_train[:count],
        keras.utils.to_categorical(
            data.y_train[:count], model.output_shape[-1]
        ),
        recipe.batch_size,
        seed,
        augment=lambda epoch: changes,
    )
    collect = _CollectLosses(steps)
    copy.fit(
        without_pauses(batches),
        epochs=-(-steps // len(batches)),
        shuffle=False,
        # Each pass through the images needs an order of its own.
        callbacks=[SeedEachEpoch(seed, batches), collect],
        verbose=0,
    )
    rates = np.geomspace(start, stop, steps)[: len(collect.losses)]
    return rates, np.array(collect.losses)


class _CollectLosses(keras.callbacks.Callback):
    """Collects the loss of each batch, until there are enough of them."""

    def __init__(self, steps):
        super().__init__()
        self.steps, self.losses = steps, []

    def on_train_batch_begin(self, batch, logs=None):
        # Else Keras would report the mean of the epoch so far.
        self.model.reset_metrics()

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        self.losses.append(loss)
        exploded = not loss <= EXPLODED * self.losses[0]
        if exploded or len(self.losses) == self.steps:
            self.model.stop_training = True
