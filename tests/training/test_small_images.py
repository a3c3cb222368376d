"""Trainings that begin with smaller images."""

import shutil

import keras
import numpy as np
import pytest

from cct_utils import (
    create_cct_variant,
    create_vit_variant,
    resize_position_embedding,
    run_experiment,
)
from cct_utils.training import compile_model, experiment, find_recipe
from cct_utils.training.batches import ShuffledBatches
from cct_utils.training.recipes import HAS_MUON
from cct_utils.training.run_folder import RunFolder
from cct_utils.training.small_images import (
    grow,
    small_model,
    with_smaller_images,
)


@pytest.fixture(scope="module")
def train_cct(digits):
    """A function that trains a CCT, two of four epochs on small images."""

    def train_cct(run_dir=None, **settings):
        keras.utils.set_random_seed(0)
        sizes = {"embed_dim": 16, "num_heads": 2}
        model = create_cct_variant("cct_2_3x1", **sizes)
        options = {
            "model_arguments": sizes,
            "num_epochs": 4,
            "small_share": 0.5,
            "batch_size": 64,
            "learning_rate": 0.01,
        }
        return run_experiment(
            model,
            digits,
            run_dir=run_dir,
            **{"progress": False} | options | settings,
        )

    return train_cct


@pytest.fixture(scope="module", params=[None, 0.9], ids=["plain", "averaged"])
def stopped_and_finished(request, train_cct, tmp_path_factory):
    """The folder as it was after each epoch, the run's History and setting."""
    options = {"ema_momentum": request.param}
    folders = tmp_path_factory.mktemp("epochs")
    save, stopped = RunFolder.save, []

    def save_and_copy(folder, model, history, is_best):
        save(folder, model, history, is_best)
        copy = folders / f"after_{len(history['loss'])}"
        stopped.append(shutil.copytree(folder.path, copy))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "save", save_and_copy)
        history = train_cct(folders / "run", **options)
    return stopped, history, options


def test_the_first_epochs_see_small_images_and_the_others_whole(
    train_cct, monkeypatch
):
    seen, original = {}, ShuffledBatches.__getitem__

    def watched(batches, index):
        images, labels = original(batches, index)
        seen.setdefault(batches.epoch, set()).add(images.shape[1:])
        return images, labels

    monkeypatch.setattr(ShuffledBatches, "__getitem__", watched)
    history = train_cct(num_epochs=3, small_share=0.7, small_scale=0.5)
    assert seen == {0: {(16, 16, 3)}, 1: {(16, 16, 3)}, 2: {(32, 32, 3)}}
    assert history.epoch == [0, 1, 2]
    assert all(len(values) == 3 for values in history.history.values())
    # The weights of small images are not those of the model that is tested.
    assert history.record["best_epoch"] == 3
    assert history.model.input_shape == (None, 32, 32, 3)
    assert history.record["settings"]["small_share"] == 0.7


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_run_stopped_after_any_epoch_is_finished_alike(
    epoch, stopped_and_finished, train_cct, assert_same_history
):
    stopped, history, options = stopped_and_finished
    resumed = train_cct(stopped[epoch - 1], **options)
    assert_same_history(resumed.history, history.history)
    assert resumed.record["best_epoch"] == history.record["best_epoch"]
    assert resumed.record["test"] == pytest.approx(
        history.record["test"], abs=1e-5
    )


@pytest.mark.parametrize(
    "optimizer",
    [
        "adamw",
        pytest.param(
            "kernel_muon",
            marks=pytest.mark.skipif(not HAS_MUON, reason="needs Keras 3.13"),
        ),
    ],
)
def test_growing_keeps_weights_momentum_and_the_count_of_steps(
    optimizer, digits
):
    recipe = find_recipe("fast").replace(optimizer=optimizer)
    model = create_cct_variant("cct_2_3x1", embed_dim=16, num_heads=2)
    small = small_model(model, 0.5)
    for each in (model, small):
        compile_model(each, recipe, steps_per_epoch=3)
    data = with_smaller_images(digits, (16, 16))
    labels = keras.utils.to_categorical(data.y_train, 10)
    small.fit(data.x_train, labels, batch_size=64, verbose=0)
    grow(small, model)
    assert int(model.optimizer.iterations) == 3  # 180 images
    resized = 0
    for source, target in (
        (small.weights, model.weights),
        (small.optimizer.variables, model.optimizer.variables),
    ):
        for before, after in zip(source, target, strict=True):
            expected = keras.ops.convert_to_numpy(before)
            if "position_embedding" in before.path:
                resized += 1
                expected = resize_position_embedding(expected, (8, 8), (16, 16))
            assert np.any(expected), before.path
            np.testing.assert_array_equal(after, expected, before.path)
    assert resized == 3  # the positions, their mean and their mean square


def test_small_images_are_the_same_pictures(digits):
    small = with_smaller_images(digits, (16, 16))
    assert small.x_train.shape == (len(digits.x_train), 16, 16, 3)
    assert small.x_train.dtype == small.x_val.dtype == np.uint8
    means = digits.x_train.mean(axis=(1, 2)), small.x_train.mean(axis=(1, 2))
    np.testing.assert_allclose(*means, atol=2)
    np.testing.assert_array_equal(small.x_test, digits.x_test)


def test_what_is_finer_than_small_pixels_is_averaged_not_skipped(digits):
    """Reading only the nearest pixels, of four columns the middle two."""
    stripes = np.isin(np.arange(32) % 4, (0, 3))[None, None, :, None]
    image = np.broadcast_to(np.uint8(255 * stripes), (1, 32, 32, 3))
    data = digits._replace(x_train=image, x_val=image)
    small = with_smaller_images(data, (8, 8)).x_train[0, 2:6, 2:6]
    assert np.all(abs(small - 127.5) < 40)


def test_epochs_on_small_images_are_announced_at_their_price(
    train_cct, monkeypatch
):
    prices = []

    class Watched(experiment.Progress):
        def __init__(self, num_epochs, done, price):
            prices.append(list(price))
            super().__init__(num_epochs, done, price)

    monkeypatch.setattr(experiment, "Progress", Watched)
    train_cct(num_epochs=3, small_share=0.7, small_scale=0.5, progress=True)
    assert prices == [[0.25, 0.25, 1]]


def test_a_model_that_cannot_take_other_images_is_refused_and_leaves_nothing(
    train, digits, tmp_path
):
    run = tmp_path / "run"
    with pytest.raises(ValueError, match="use small_share=0") as error:
        train(run, small_share=0.5)
    assert "must have a CCTTokenizer" in str(error.value)
    assert not run.exists()
    flat = create_cct_variant("cct_2_3x1", pooling="flatten")
    with pytest.raises(ValueError, match='Received: "flatten"'):
        run_experiment(flat, digits, num_epochs=2, small_share=0.5)


@pytest.mark.parametrize(
    ("side", "scale", "expected"), [(32, 0.75, 24), (28, 0.75, 20), (4, 0.5, 4)]
)
def test_the_small_side_is_one_that_patches_fit(side, scale, expected):
    model = create_vit_variant("vit_lite_2_4", image_size=side)
    small = small_model(model, scale)
    assert small.input_shape == (None, expected, expected, 3)
