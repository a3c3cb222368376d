"""Results: records by name, trained weights."""

import keras
import numpy as np
import pytest

from cct_utils import (
    create_cct_variant,
    load_record,
    load_test_logits,
    load_trained,
    recorded_runs,
    results,
)
from cct_utils._files import write_json
from cct_utils.models import architecture, create_model


@pytest.mark.parametrize(
    ("run", "augmentation"),
    [
        ("cct_2_3x2_cifar10", "crop_flip"),
        ("article_cifar10", "crop_flip"),
        ("vit_lite_2_4_article_0", "none"),
    ],
)
def test_a_seed_draws_the_weights_that_a_recorded_run_began_with(
    run, augmentation
):
    """Or its command would train another run, and chapter 02 be wrong."""
    record = load_record(run)
    keras.utils.set_random_seed(record["seed"])
    model = create_model(
        record["model"],
        augmentation=augmentation,
        **record.get("model_arguments", {}),
    )
    trained = load_trained(run)
    for name in ("tokenizer", "position_embedding"):
        start, end = (
            np.ravel(each.get_layer(name).get_weights()[0])
            for each in (model, trained)
        )
        # Of noise that the training has not covered much is left.
        assert np.corrcoef(start, end)[0, 1] > 0.5


# Records


@pytest.fixture
def run(tmp_path):
    """The folder of a finished run, without training one."""
    model = create_cct_variant("cct_2_3x2", input_shape=(16, 24, 3))
    model.save_weights(tmp_path / "best.weights.h5")
    logits = np.random.default_rng(0).normal(size=(6, 10))
    np.savez_compressed(
        tmp_path / "test_logits.npz",
        logits=logits.astype("float16"),
        labels=np.arange(6, dtype="uint8"),
    )
    record = {
        "model": "cct_2_3x2",
        "data": {"image_shape": [16, 24, 3], "num_classes": 10},
        "seed": 0,
    }
    write_json(tmp_path / "record.json", record)
    return tmp_path, model, logits, record


def test_a_folder_is_loaded_like_a_recorded_run(run):
    folder, model, logits, record = run
    assert load_record(folder) == load_record(str(folder)) == record
    stored, labels = load_test_logits(folder)
    assert (stored.dtype, labels.dtype) == ("float32", "int64")
    np.testing.assert_allclose(stored, logits, atol=2e-3)
    np.testing.assert_array_equal(labels, range(6))
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(load_trained(folder)(images)),
        keras.ops.convert_to_numpy(model(images)),
    )


def test_weights_of_another_network_are_refused(run):
    """Of one whose weights have the same shapes; older records do not say."""
    folder, model, _, record = run
    for arguments in ({}, {"augmentation": "crop_flip"}):
        named = {
            **record,
            "model_arguments": arguments,
            "architecture": architecture(model),
        }
        write_json(folder / "record.json", named)
        assert load_trained(folder).count_params() == model.count_params()
    other = {**named, "model_arguments": {"residual": "pre_norm"}}
    write_json(folder / "record.json", other)
    with pytest.raises(ValueError, match="must name the network") as error:
        load_trained(folder)
    assert "model_arguments={'residual': 'pre_norm'}" in str(error.value)
    del other["architecture"]
    write_json(folder / "record.json", other)
    load_trained(folder)


@pytest.mark.parametrize("load", [load_record, load_trained, load_test_logits])
def test_an_unknown_run_is_refused(load, tmp_path):
    with pytest.raises(ValueError, match="Received: 'cct_2_cifar'"):
        load("cct_2_cifar")
    with pytest.raises(ValueError, match="folder of a finished run"):
        load(tmp_path)


def test_the_nearest_recorded_run_is_named(monkeypatch, run):
    folder, *_ = run
    monkeypatch.setattr(results, "RECORDED", folder.parent)
    assert folder.name in recorded_runs()
    with pytest.raises(ValueError, match=f"did you mean {folder.name!r}"):
        load_record(folder.name[:-1])


@pytest.mark.parametrize(
    ("load", "file"),
    [(load_trained, "best.weights.h5"), (load_test_logits, "test_logits.npz")],
)
def test_a_run_of_which_the_record_alone_is_kept_says_so(load, file, run):
    folder, *_, record = run
    record = {**record, "command": "python -m cct_utils train x"}
    write_json(folder / "record.json", record)
    (folder / file).unlink()
    assert load_record(folder) == record
    with pytest.raises(
        ValueError, match="alone; of .* trains it again: .* train x"
    ):
        load(folder)


def test_runs_with_weights_are_those_that_can_be_loaded(monkeypatch, run):
    folder, *_ = run
    monkeypatch.setattr(results, "RECORDED", folder.parent)
    assert folder.name in results.runs_with_weights()
    (folder / "best.weights.h5").unlink()
    assert folder.name not in results.runs_with_weights()
    assert folder.name in recorded_runs()


def test_records_hold_every_epoch():
    for name in recorded_runs():
        record = load_record(name)
        scheduled = record["settings"]["num_epochs"]
        epochs = record.get("stopped_after", scheduled)
        assert epochs < scheduled or "stopped_after" not in record
        assert {len(each) for each in record["history"].values()} == {epochs}
        scores = record["history"]["val_accuracy"]
        # The epochs on small images are not among those to choose from.
        whole = scores[results.small_epochs(record["settings"]) :]
        assert scores[record["best_epoch"] - 1] == max(whole)
        assert record["test"]["images"] == record["data"]["images"][2]


@pytest.mark.parametrize("name", results.runs_with_weights())
def test_runs_with_weights_are_whole(name):
    record = load_record(name)
    logits, labels = load_test_logits(name)
    count, classes = record["data"]["images"][2], logits.shape[1]
    assert logits.shape == (count, record["data"]["num_classes"])
    assert labels.shape == (count,) and labels.max() < classes
    right = np.sum(logits.argmax(axis=1) == labels)
    # The stored logits have half the digits, which makes ties of some
    # neighbors; a tie may fall either way, and nothing else may change.
    first, second = np.sort(logits, axis=1)[:, :-3:-1].T
    ties = np.sum(first == second)
    assert abs(right - round(count * record["test"]["accuracy"])) <= ties
    assert ties < count / 1000
    assert load_trained(name).count_params() == record["parameters"]


def test_the_default_is_the_best_of_its_model_on_the_validation_images():
    best = {
        name: record["history"]["val_accuracy"][record["best_epoch"] - 1]
        for name in results.recorded_runs()
        if (record := load_record(name))["model"] == "cct_2_3x2"
    }
    assert max(best, key=best.get) == results.BEST_RUN
    received, expected = load_trained(), load_trained(results.BEST_RUN)
    for one, other in zip(received.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one, other)
