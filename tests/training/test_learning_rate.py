"""The learning-rate finder: its rates, its losses, and where it ends."""

import keras
import numpy as np
import pytest

from cct_utils import evaluate_logits
from cct_utils.training import Recipe, find_learning_rate
from cct_utils.training.batches import ShuffledBatches

SMALL = Recipe(batch_size=64)


def test_rates_rise_by_a_factor_from_start_to_stop(build, digits):
    rates, losses = find_learning_rate(
        build(), digits, recipe=SMALL, start=1e-4, stop=1e-2, steps=5
    )
    np.testing.assert_allclose(rates, [1e-4, 10**-3.5, 1e-3, 10**-2.5, 1e-2])
    assert losses.shape == (5,)


def test_a_tiny_rate_teaches_nothing_and_a_good_one_does(build, digits):
    def find(start, stop):
        return find_learning_rate(
            build(), digits, recipe=SMALL, start=start, stop=stop, steps=40
        )[1]

    still, falling = find(1e-9, 1e-8), find(1e-3, 1e-1)
    assert still[-5:].mean() == pytest.approx(still[:5].mean(), rel=0.1)
    assert falling[-5:].mean() < 0.8 * falling[:5].mean()


def test_the_search_ends_where_the_loss_explodes(build, digits):
    rates, losses = find_learning_rate(
        build(), digits, recipe=SMALL, stop=1e6, steps=60
    )
    assert len(rates) == len(losses) < 60
    assert not losses[-1] <= 4 * losses[0]
    assert np.all(losses[:-1] <= 4 * losses[0])


def test_the_model_keeps_its_weights_and_its_optimizer(build_bare, digits):
    model = build_bare()
    model.compile(keras.optimizers.SGD())
    before = model.get_weights()
    find_learning_rate(model, digits, recipe="article", stop=0.1, steps=3)
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert isinstance(model.optimizer, keras.optimizers.SGD)


@pytest.mark.parametrize(
    "wrong", [{"start": 0.0}, {"start": 1.0, "stop": 0.1}, {"steps": 1}]
)
def test_rates_that_do_not_rise_are_refused(build, digits, wrong):
    with pytest.raises(ValueError, match="must rise from `start`"):
        find_learning_rate(build(), digits, **wrong)


def test_images_are_not_augmented_twice(build, digits):
    with pytest.raises(ValueError, match="must be augmented once"):
        find_learning_rate(build(), digits, recipe="article")


def test_data_that_do_not_fit_are_refused(build_bare, digits):
    normalized = digits._replace(x_train=digits.x_train / np.float32(255))
    with pytest.raises(ValueError, match="x_train must be pixels from 0"):
        find_learning_rate(build_bare(), normalized, recipe=SMALL)
    with pytest.raises(ValueError, match="shape the model was built for"):
        find_learning_rate(build_bare(image_size=16), digits, recipe=SMALL)
    shifted = digits._replace(y_train=digits.y_train + 1)
    with pytest.raises(ValueError, match="y_train must lie from 0 to 9"):
        find_learning_rate(build_bare(), shifted, recipe=SMALL)


def test_the_losses_are_those_of_single_batches(digits):
    """Not the mean of an epoch so far, which Keras would report."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.AveragePooling2D(8),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    recipe = Recipe(batch_size=20, label_smoothing=0.0)
    _, losses = find_learning_rate(
        model, digits, recipe=recipe, start=1e-12, stop=1e-11, steps=9
    )
    batches = ShuffledBatches(digits.x_train, digits.y_train, 20, seed=0)
    expected = [
        evaluate_logits(model.predict(images, verbose=0), labels)["loss"]
        for images, labels in (batches[i] for i in range(9))
    ]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert np.ptp(expected) > 1  # or a mean would do as well


def test_each_pass_through_the_images_has_an_order_of_its_own(
    build_bare, digits, monkeypatch
):
    orders = []
    original = ShuffledBatches.set_epoch

    def watched(self, epoch):
        original(self, epoch)
        orders.append((epoch, tuple(self.order)))

    monkeypatch.setattr(ShuffledBatches, "set_epoch", watched)
    find_learning_rate(
        build_bare(),
        digits,
        recipe=SMALL,
        start=1e-6,
        stop=1e-5,
        steps=5,
    )
    # 180 images are two whole batches: five steps take three passes.
    assert {epoch for epoch, _ in orders} == {0, 1, 2}
    assert len({order for _, order in orders}) == 3
