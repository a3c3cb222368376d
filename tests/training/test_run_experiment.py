"""One experiment: its history, its record, and the input it refuses."""

import json
import logging
import math
import re
import shutil

import keras
import numpy as np
import pytest

from cct_utils import (
    create_cct_variant,
    evaluate_logits,
    load_test_logits,
    run_experiment,
)
from cct_utils.models import architecture
from cct_utils.training import experiment, predict_logits
from cct_utils.training.recipes import SETTINGS

METRICS = {"loss", "accuracy", "top-5-accuracy"}


def logits_of(model, images):
    return model.predict(images, verbose=0)


def test_history_has_every_metric_of_every_epoch(finished):
    history, _ = finished
    expected = METRICS | {f"val_{name}" for name in METRICS}
    assert history.history.keys() == expected | {"seconds", "cpu_seconds"}
    assert {len(values) for values in history.history.values()} == {3}
    assert history.epoch == [0, 1, 2]
    assert isinstance(history, keras.callbacks.History)


def test_training_lowers_the_loss(finished):
    losses = finished[0].history["loss"]
    assert losses[-1] < losses[0]


def test_record_holds_what_a_reader_needs_to_trust_it(finished, digits):
    history, folder = finished
    record = json.loads((folder / "record.json").read_text())
    assert record == json.loads(json.dumps(history.record))
    assert record["model"] == "small"
    assert record["parameters"] == history.model.count_params()
    assert record["architecture"] == architecture(history.model)
    assert record["backend"] == keras.backend.backend()
    assert record["command"].startswith("python ")
    assert "commit" in record
    assert {"python", "keras", "numpy"} <= record["versions"].keys()
    assert record["versions"]["keras"] == keras.__version__
    assert record["hardware"].keys() == {
        "processor",
        "instructions",
        "cores",
        "accelerators",
    }
    assert record["hardware"]["cores"] >= 1
    assert record["data"] == {
        "name": "digits",
        "source": digits.source,
        "fingerprint": digits.fingerprint,
        "image_shape": [32, 32, 3],
        "num_classes": 10,
        "images": [180, 20, 60],
    }
    assert record["seed"] == 3
    assert (record["recipe"], record["model_arguments"]) == (None, {})
    settings = record["settings"]
    assert settings.keys() == {
        *SETTINGS,
        "augmentation_layers",
        "precision",
    }
    assert settings["learning_rate"] == 0.01
    assert settings["optimizer"] == "adamw"
    assert settings["augmentation_layers"] == ["augmentation_crop"]
    assert settings["precision"] == "float32"
    assert record["history"] == history.history
    assert len(record["history"]["seconds"]) == 3
    best = int(np.argmax(record["history"]["val_accuracy"])) + 1
    assert record["best_epoch"] == best
    assert record["test"].keys() == METRICS | {"images"}


def test_best_weights_are_in_the_model_and_are_the_tested_ones(
    finished, digits, build
):
    history, folder = finished
    logits, labels = load_test_logits(folder)
    np.testing.assert_array_equal(labels, digits.y_test)
    fresh = build()
    fresh.load_weights(folder / "best.weights.h5")
    for model in (history.model, fresh):
        received = logits_of(model, digits.x_test)
        np.testing.assert_allclose(received, logits, atol=5e-3)
    test = evaluate_logits(logits_of(fresh, digits.x_test), digits.y_test)
    assert test == pytest.approx(history.record["test"], abs=1e-5)
    validation = evaluate_logits(logits_of(fresh, digits.x_val), digits.y_val)
    best = max(history.history["val_accuracy"])
    assert validation["accuracy"] == pytest.approx(best)


def test_a_finished_run_is_not_trained_again(finished, train, monkeypatch):
    history, folder = finished
    monkeypatch.setenv("CCT_COMMIT", "of-another-day")
    before = (folder / "record.json").read_bytes()
    again = train(folder)
    assert again.history == history.history
    assert again.record["test"] == history.record["test"]
    # Today's commit has not made it.
    assert (folder / "record.json").read_bytes() == before
    for received, expected in zip(
        again.model.get_weights(), history.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(received, expected)


def test_many_tests_in_one_process_give_no_warning(finished, train, tmp_path):
    """TensorFlow counts how often a function is traced anew."""
    folder = shutil.copytree(finished[1], tmp_path / "run")
    messages, handler = [], logging.Handler()
    handler.emit = lambda entry: messages.append(entry.getMessage())
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    try:
        for _ in range(6):
            (folder / "record.json").unlink()  # so that it is tested again
            train(folder)
    finally:
        logger.removeHandler(handler)
    assert not messages


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"num_epochs": 4}, "settings.num_epochs was 3 and is now 4"),
        ({"seed": 4}, "seed was 3 and is now 4"),
        ({"learning_rate": 0.1}, "settings.learning_rate was 0.01 and is"),
    ],
)
def test_the_folder_of_another_run_is_refused(
    finished, train, options, difference
):
    with pytest.raises(ValueError, match=difference):
        train(finished[1], **options)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="others compile otherwise"
)
def test_the_step_is_traced_once(train, build, monkeypatch):
    model, traces = build(), []
    step = model.train_step

    def traced(batch):
        traces.append(batch)
        return step(batch)

    monkeypatch.setattr(model, "train_step", traced)
    train(model=model)
    assert len(traces) == 1


def test_the_seed_decides_what_is_drawn(finished, train):
    again = train(num_epochs=1)
    other = train(num_epochs=1, seed=4)
    first = finished[0].history["loss"][0]
    assert again.history["loss"][0] == pytest.approx(first, rel=1e-5)
    assert other.history["loss"][0] != pytest.approx(first, rel=1e-5)


def test_results_are_said_and_a_line_is_printed_for_each_epoch(
    digits, build, capsys
):
    history = run_experiment(build(), digits, num_epochs=2, batch_size=128)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [
        ["epoch", "1/2"],
        ["epoch", "2/2"],
    ]
    test = history.record["test"]
    assert lines[2:] == [
        f"Test accuracy: {test['accuracy']:.2%}",
        f"Test top 5 accuracy: {test['top-5-accuracy']:.2%}",
    ]


def test_run_experiment_alone_loads_cifar10(tmp_path, monkeypatch, build):
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "cifar10.npz",
        x_train=rng.integers(0, 256, (60, 32, 32, 3), dtype="uint8"),
        y_train=np.repeat(np.arange(10), 6),
        x_test=rng.integers(0, 256, (20, 32, 32, 3), dtype="uint8"),
        y_test=np.repeat(np.arange(10), 2),
    )
    monkeypatch.setenv("CCT_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    history = run_experiment(
        build(), num_epochs=2, batch_size=16, progress=False
    )
    record = history.record
    assert record["data"]["name"] == "cifar10"
    assert sum(record["data"]["images"]) == 80
    assert len(history.history["loss"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["cifar10.npz"]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_run_of_mixed_precision_is_tested_in_float32(
    policy, train, build, digits, tmp_path
):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        history = train(tmp_path, num_epochs=1)
    finally:
        keras.config.set_dtype_policy(before)
    assert history.record["settings"]["precision"] == policy
    assert math.isfinite(history.history["loss"][0])
    single = build()
    single.load_weights(tmp_path / "best.weights.h5")
    assert {weight.dtype for weight in single.trainable_weights} == {"float32"}
    logits, _ = load_test_logits(tmp_path)
    expected = logits_of(single, digits.x_test)
    # Half the digits of the stored logits, not of the computation.
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)


def test_a_model_in_the_model_is_tested_in_float32_too(build_bare):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        nested = keras.Sequential([keras.Input((32, 32, 3)), build_bare()])
    finally:
        keras.config.set_dtype_policy(before)
    copy = experiment.float32_copy(nested)
    inner = copy.layers[-1].layers
    assert {layer.compute_dtype for layer in inner} == {"float32"}


def test_data_of_other_types_are_the_same_data(finished, train, digits):
    """Labels of keras.datasets are of shape (n, 1)."""
    expected, folder = finished
    history = train(
        data=digits._replace(
            x_train=digits.x_train.tolist(),
            y_train=digits.y_train[:, None].astype("uint8"),
            y_val=digits.y_val.tolist(),
            y_test=digits.y_test[:, None],
        ),
        run_dir=(again := folder.with_name("raw")),
    )
    assert history.history["loss"] == pytest.approx(
        expected.history["loss"], rel=1e-5
    )
    with np.load(again / "test_logits.npz") as file:
        np.testing.assert_array_equal(file["labels"], digits.y_test)


# A model of the book, and what its record says of it


SMALL = {"embed_dim": 16, "transformer_layers": 1, "num_heads": 2}


@pytest.fixture(scope="module")
def train_small(train, tmp_path_factory):
    """A function that trains a small CCT, of other arguments where given."""
    folder = tmp_path_factory.mktemp("small")

    def train_small(change=None, *, keep=True, name="cct_2_3x1", **options):
        model = create_cct_variant("cct_2_3x1", **SMALL | (change or {}))
        model.name = name
        run_dir = folder if keep else None
        return train(run_dir, model, num_epochs=1, **options)

    return train_small


def test_arguments_of_another_network_are_refused_before_a_training(
    train_small,
):
    for options in ({}, {"model_arguments": SMALL | {"num_heads": 4}}):
        with pytest.raises(ValueError, match="`model_arguments` must be"):
            train_small(**options)
    with pytest.raises(ValueError, match="`model_arguments` must be"):
        train_small(keep=False, model_arguments={"embed_dim": 16})


def test_a_run_that_is_not_kept_needs_no_arguments(train_small):
    record = train_small(keep=False).record
    expected = create_cct_variant("cct_2_3x1", **SMALL)
    assert record["architecture"] == architecture(expected)


def test_the_folder_of_another_network_is_refused(train_small):
    """Though its weights are of the same shapes, and its name says nothing."""
    history = train_small(name="mine").history
    assert train_small(name="mine").history == history
    for change in ({"num_heads": 4}, {"residual": "pre_norm"}):
        with pytest.raises(ValueError, match="architecture was"):
            train_small(change, name="mine")


# Bad input


def test_a_loss_that_is_not_a_number_stops_and_says_when(train):
    with pytest.raises(FloatingPointError) as error:
        train(learning_rate=1e30)
    message = str(error.value)
    assert "epoch 1, step 2" in message
    assert "learning rate below 1e+30" in message


def test_a_loss_out_of_all_bounds_stops_though_it_is_a_number(train):
    with pytest.raises(FloatingPointError) as error:
        train(learning_rate=1e3)
    loss = float(re.search(r"became ([\d.e+]+) in", str(error.value))[1])
    assert 10 * math.log(10) < loss < math.inf


@pytest.mark.parametrize("num_classes", [2, 10])
def test_the_bound_is_ten_times_the_loss_of_guessing(num_classes):
    stop = experiment._StopOnDivergence(0.1, num_classes)
    stop.on_epoch_begin(0)
    bound = 10 * -math.log(1 / num_classes)
    stop.on_train_batch_end(0, {"loss": 0.999 * bound})
    with pytest.raises(FloatingPointError, match="epoch 1, step 2"):
        stop.on_train_batch_end(1, {"loss": 1.001 * bound})


def test_a_model_that_cannot_be_copied_is_refused_before_it_is_trained(
    train, tmp_path
):
    class Written(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(10)

        def call(self, x):
            return self.dense(keras.ops.mean(x, (1, 2)))

    model = Written()
    with pytest.raises(ValueError, match="of layers.*Received: .*Written"):
        train(tmp_path, model)
    assert not list(tmp_path.glob("*"))


def test_empty_validation_is_refused(train, digits):
    empty = digits._replace(x_val=digits.x_val[:0], y_val=digits.y_val[:0])
    with pytest.raises(ValueError, match="Received: 0 validation images"):
        train(data=empty)


@pytest.mark.parametrize("part", ["x_val", "x_test"])
def test_one_part_of_another_shape_is_refused(part, train, digits):
    small = getattr(digits, part)[:, ::2, ::2]
    with pytest.raises(ValueError, match=f"{part} must have the shape the.*16"):
        train(data=digits._replace(**{part: small}))


def test_images_of_another_shape_are_refused(train, build):
    expected = r"\(16, 16, 3\). Received: \(32, 32, 3\)"
    with pytest.raises(ValueError, match=expected):
        train(model=build(image_size=16))


@pytest.mark.parametrize("part", ["x_train", "x_val", "x_test"])
@pytest.mark.parametrize("change", [lambda x: x / 255, lambda x: x - 300.0])
def test_pixels_outside_0_to_255_are_refused(train, digits, part, change):
    data = digits._replace(**{part: change(getattr(digits, part))})
    with pytest.raises(ValueError, match=f"{part} must be pixels"):
        train(data=data)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda y: y + 1, "y_val must lie from 0 to 9"),
        (lambda y: np.eye(10)[y], r"use labels.argmax\(axis=1\)"),
        (lambda y: y[1:], "y_val must be as many as the images"),
        (lambda y: y + 0.5, "y_val must be whole class numbers"),
    ],
)
def test_wrong_labels_are_refused(train, digits, change, reason):
    data = digits._replace(y_val=change(digits.y_val))
    with pytest.raises(ValueError, match=reason):
        train(data=data)


# predict_logits


def test_two_looks_do_not_know_left_from_right(build_bare, digits):
    model, images = build_bare(), digits.x_test[:20]
    once = predict_logits(model, images, batch_size=7)
    mirrored = predict_logits(model, images[:, :, ::-1])
    twice = predict_logits(model, images, mirror=True)
    np.testing.assert_allclose(twice, (once + mirrored) / 2, atol=1e-6)
    again = predict_logits(model, images[:, :, ::-1], mirror=True)
    np.testing.assert_allclose(twice, again, atol=1e-6)
    assert np.abs(once - mirrored).max() > 1e-3  # one look does


def test_logits_of_no_images_are_refused(build_bare, digits):
    with pytest.raises(ValueError, match="at least one image.*none"):
        predict_logits(build_bare(), digits.x_test[:0])


# evaluate_logits


def test_evaluate_logits_equals_numpy_by_hand():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(50, 10)), rng.integers(0, 10, 50)
    order = np.argsort(-logits, axis=1)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = {
        "accuracy": np.mean(order[:, 0] == labels),
        "top-5-accuracy": np.mean(
            [label in row[:5] for label, row in zip(labels, order, strict=True)]
        ),
        "loss": -np.mean(np.log(shares[np.arange(50), labels])),
        "images": 50,
    }
    assert evaluate_logits(logits, labels) == pytest.approx(expected)


def test_evaluate_logits_survives_large_logits_and_few_classes():
    test = evaluate_logits([[1000.0, 0.0], [0.0, 1000.0]], [0, 0])
    assert test["accuracy"] == 0.5
    assert test["top-5-accuracy"] == 1
    assert test["loss"] == 500


def test_evaluate_logits_breaks_ties_as_argmax_does():
    test = evaluate_logits(np.zeros((10, 10)), np.arange(10))
    assert (test["accuracy"], test["top-5-accuracy"]) == (0.1, 0.5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_evaluate_logits_refuses_what_is_no_number(value):
    logits = np.zeros((3, 10))
    logits[1, 2] = value
    with pytest.raises(ValueError, match="Received: 1 rows"):
        evaluate_logits(logits, [0, 1, 2])


@pytest.mark.parametrize("shape", [(0, 10), (3,), (3, 0)])
def test_evaluate_logits_refuses_what_answers_nothing(shape):
    with pytest.raises(ValueError, match="shape") as error:
        evaluate_logits(np.zeros(shape), np.zeros(shape[0], int))
    assert str(shape) in str(error.value)


def test_evaluate_logits_refuses_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="from 0 to 1"):
        evaluate_logits(np.zeros((3, 2)), [0, 1, 2])
