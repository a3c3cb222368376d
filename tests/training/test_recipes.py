"""Recipes: what each setting does to the optimizer, and which are refused."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cct_utils import (
    RECIPES,
    Recipe,
    create_cct_variant,
    load_record,
    run_experiment,
)
from cct_utils.training import (
    compile_model,
    find_learning_rate,
    find_recipe,
    recipes,
)
from cct_utils.training.batches import ShuffledBatches


def rate(recipe, epoch, steps=10):
    """The learning rate at the beginning of an epoch."""
    schedule = recipe.learning_rate_schedule(steps)
    if isinstance(schedule, float):
        return schedule
    return float(schedule(round(epoch * steps)))


# Schedules


def test_the_examples_rate_is_constant():
    assert RECIPES["article"].learning_rate_schedule(10) == 0.001


def test_cosine_rises_over_the_warm_up_and_falls_to_the_end():
    recipe = RECIPES["authors_200"]
    assert rate(recipe, 0) == 0
    assert rate(recipe, 2.5) == pytest.approx(2.5e-4)
    assert rate(recipe, 5) == pytest.approx(5e-4)
    assert rate(recipe, 102.5) == pytest.approx(2.5e-4, rel=1e-3)
    assert rate(recipe, 200) == pytest.approx(0, abs=1e-9)


def test_cool_down_stays_at_the_final_rate():
    recipe = RECIPES["authors_300"]
    assert rate(recipe, 10) == pytest.approx(5.5e-4)
    for epoch in (300, 305, 310):
        assert rate(recipe, epoch) == pytest.approx(1e-5, rel=1e-3)


@given(st.integers(1, 30), st.integers(0, 5), st.integers(1, 50))
@settings(max_examples=30, deadline=None)
def test_the_rate_never_leaves_its_bounds(epochs, warmup, steps):
    recipe = Recipe(
        schedule="cosine",
        num_epochs=epochs + warmup,
        warmup_epochs=warmup,
        final_learning_rate=1e-5,
    )
    rates = [rate(recipe, e, steps) for e in range(recipe.num_epochs + 1)]
    assert max(rates) <= 0.001 * (1 + 1e-5) and min(rates) >= 0
    assert rates[-1] == pytest.approx(1e-5, rel=1e-3)
    falling = rates[warmup:]
    assert falling == sorted(falling, reverse=True)


# Optimizers


@pytest.fixture(scope="module")
def model():
    return create_cct_variant("cct_2_3x2")


def decayed(optimizer, model):
    """The weights that the optimizer's decay makes smaller."""
    optimizer.build(model.trainable_variables)
    return {
        variable.path
        for variable in model.trainable_variables
        if optimizer._use_weight_decay(variable)
    }


def test_decay_spares_biases_norms_and_embeddings(model):
    everything = {variable.path for variable in model.trainable_variables}
    for name in ("article", "authors_200"):
        sparing_none = RECIPES[name].make_optimizer(model, 10)
        assert decayed(sparing_none, model) == everything
    for name in ("authors_300", "fast", "hour", "long"):
        kept = decayed(RECIPES[name].make_optimizer(model, 10), model)
        assert kept == {p for p in everything if p.endswith("/kernel")}
        assert len(kept) == 2 + 2 * 4 + 2  # tokenizer, blocks, pooling, head


needs_muon = pytest.mark.skipif(
    not recipes.HAS_MUON, reason="Keras before 3.13"
)
if recipes.HAS_MUON:
    from cct_utils.training.kernel_muon import KernelMuon


def moved_by_muon(optimizer, model):
    """The paths of the weights that Muon moves."""
    optimizer.build(model.trainable_variables)
    return {
        variable.path
        for variable in model.trainable_variables
        if not optimizer._should_use_adamw(variable)
    }


@needs_muon
def test_muon_moves_the_matrices_of_the_blocks_and_not_the_head(model):
    recipe = RECIPES["fast"].replace(optimizer="muon")
    paths = moved_by_muon(recipe.make_optimizer(model, 10), model)
    assert sum("block_" in path for path in paths) == 8
    assert not any("logits" in path or "tokenizer" in path for path in paths)


@needs_muon
def test_kernel_muon_moves_the_convolutions_as_well(model):
    matrices = RECIPES["fast"].replace(optimizer="muon")
    of_matrices = moved_by_muon(matrices.make_optimizer(model, 10), model)
    kernels = RECIPES["fast"].make_optimizer(model, 10)
    added = moved_by_muon(kernels, model) - of_matrices
    assert {path.split("/")[1] for path in added} == {"conv_0", "conv_1"}
    assert all(path.endswith("/kernel") for path in added)


@needs_muon
def test_a_kernels_step_is_that_of_its_matrix():
    """A convolution of a single position is a matrix product."""
    rng = np.random.default_rng(0)
    start, slope = rng.normal(size=(2, 18, 5)).astype("float32")
    stepped = []
    for shape in ((18, 5), (3, 3, 2, 5)):
        weight = keras.Variable(start.reshape(shape), name="kernel")
        optimizer = KernelMuon(learning_rate=0.1, weight_decay=None)
        optimizer.build([weight])
        optimizer.apply([slope.reshape(shape)], [weight])
        stepped.append(keras.ops.convert_to_numpy(weight).reshape(18, 5))
    np.testing.assert_allclose(*stepped, atol=1e-6)
    sizes = np.linalg.svd(stepped[0] - start, compute_uv=False)
    assert sizes.max() / sizes.min() < 2
    raw = np.linalg.svd(slope, compute_uv=False)
    assert raw.max() / raw.min() > 2


@needs_muon
def test_kernel_muon_leaves_the_layers_that_it_is_told_to():
    weight = keras.Variable(np.zeros((3, 3, 2, 5)), name="conv_0")
    optimizer = KernelMuon(exclude_layers=["conv_0"])
    assert optimizer._should_use_adamw(weight)


@needs_muon
def test_kernel_muon_is_saved_with_its_model(tmp_path):
    """A file of a model holds its optimizer: Keras must find the class."""
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]
    )
    recipe = RECIPES["fast"]
    model.compile(optimizer=recipe.make_optimizer(model, 10), loss="mse")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer).__name__ == "KernelMuon"


def test_muon_of_an_old_keras_is_one_clear_error(monkeypatch, model):
    monkeypatch.setattr(recipes, "HAS_MUON", False)
    with pytest.raises(ValueError, match="needs Keras 3.13 or newer"):
        RECIPES["fast"].make_optimizer(model, 10)


# Training


@pytest.mark.parametrize(
    "options",
    [
        {"recipe": "fast", "small_share": 0.0},
        {"recipe": "authors_300", "mixing_epochs": 1},
        {"clip_norm": 0.1, "augmentation": "none"},
    ],
)
def test_a_recipe_trains_and_is_recorded(options, build_bare, digits):
    short = {"num_epochs": 2, "batch_size": 64, "cooldown_epochs": 0}
    history = run_experiment(
        build_bare(),
        digits,
        progress=False,
        **(short | {"warmup_epochs": 0.5} | options),
    )
    record = history.record
    assert record["recipe"] == options.get("recipe")
    assert np.isfinite(history.history["loss"]).all()
    for name in options.keys() - {"recipe"}:
        assert record["settings"][name] == options[name]


def test_an_average_of_weights_is_validated_and_tested(
    build_bare, digits, tmp_path
):
    def run(num_epochs, folder):
        return run_experiment(
            build_bare(),
            digits,
            progress=False,
            run_dir=folder,
            batch_size=64,
            num_epochs=num_epochs,
            learning_rate=0.01,
            ema_momentum=0.9,
        )

    history = run(2, tmp_path / "whole")
    best = max(history.history["val_accuracy"])
    logits = history.model.predict(digits.x_val, verbose=0)
    accuracy = np.mean(logits.argmax(axis=1) == digits.y_val)
    assert accuracy == pytest.approx(best)
    raw = run_experiment(
        build_bare(),
        digits,
        progress=False,
        batch_size=64,
        num_epochs=2,
        learning_rate=0.01,
    )
    difference = [
        np.abs(ours - others).max()
        for ours, others in zip(
            history.model.get_weights(), raw.model.get_weights(), strict=True
        )
    ]
    assert max(difference) > 1e-4


def test_strong_augmentation_ends_when_the_recipe_says():
    recipe = Recipe(
        augmentation="autoaugment",
        cutmix=True,
        policy_epochs=2,
        mixing_epochs=1,
    )
    changes = [recipe.batch_augmentation(e) for e in range(3)]
    kinds = [(each.policy, len(each.mixing)) for each in changes]
    assert kinds == [("autoaugment", 1), ("autoaugment", 0), (None, 0)]
    assert Recipe().batch_augmentation() is None


def test_each_epoch_trains_on_its_own_batches(build_bare, digits, monkeypatch):
    """Keras must not be an epoch ahead: strong augmentation would end early."""
    epochs = []
    original = ShuffledBatches.__getitem__

    def watched(self, index):
        epochs.append(self.epoch)
        return original(self, index)

    monkeypatch.setattr(ShuffledBatches, "__getitem__", watched)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(max(epochs))

    build = build_bare()
    fit = build.fit

    def fit_watched(*arguments, callbacks=(), **options):
        return fit(*arguments, callbacks=[*callbacks, Watch()], **options)

    monkeypatch.setattr(build, "fit", fit_watched)
    run_experiment(build, digits, progress=False, num_epochs=3, batch_size=180)
    assert seen == [0, 1, 2]


# Bad input


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"optimizer": "adam"}, "did you mean 'adamw'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"decay": "some"}, "`decay` must be one of all, kernels"),
        ({"learning_rate": 0}, "`learning_rate` must be above 0"),
        ({"num_epochs": 0}, "`num_epochs` must be above 0"),
        ({"weight_decay": -1}, "`weight_decay` must be at least 0"),
        ({"label_smoothing": 1}, "`label_smoothing` must be a share"),
        ({"random_erasing": 1.1}, "`random_erasing` must be from 0 to 1"),
        ({"ema_momentum": 1.0}, "`ema_momentum` must be a share"),
        ({"clip_norm": 0.0}, "`clip_norm` must be above 0"),
        ({"final_learning_rate": -1.0}, "`final_learning_rate` must be at le"),
        ({"policy_epochs": -1}, "`policy_epochs` must be at least 0"),
        ({"small_share": 1.0}, "`small_share` must be a share"),
        ({"small_scale": 0.0}, "`small_scale` must be above 0"),
        ({"small_scale": 1.5}, "`small_scale` must be above 0 and at most 1"),
        ({"augmentation": "cropflip"}, "did you mean 'crop_flip'"),
        ({"model": {}}, "`setting` must be one of optimizer"),
        (
            {"schedule": "cosine", "warmup_epochs": 30},
            "must leave epochs for the cosine",
        ),
        ({"learning_rte": 1}, "did you mean 'learning_rate'"),
        ({"policy_epochs": "None"}, "`policy_epochs` must be of the type int"),
        ({"learning_rate": "0.1"}, "`learning_rate` must be of the type float"),
        ({"num_epochs": 2.5}, "`num_epochs` must be of the type int"),
        ({"batch_size": True}, "`batch_size` must be of the type int"),
        ({"cutmix": 1}, "`cutmix` must be of the type bool"),
    ],
)
def test_a_setting_that_is_not_valid_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason) as error:
        Recipe().replace(**changes)
    assert "Received: " in str(error.value)


@pytest.mark.parametrize(
    ("share", "epochs", "expected"),
    [(0, 10, 0), (0.6, 43, 25), (0.5, 1, 0), (0.29, 100, 29), (0.99, 2, 1)],
)
def test_small_epochs_are_a_share_and_never_all(share, epochs, expected):
    recipe = Recipe().replace(small_share=share, num_epochs=epochs)
    assert recipe.small_epochs == expected


def test_whole_and_numpy_numbers_are_numbers():
    recipe = Recipe().replace(
        learning_rate=np.float32(0.5), warmup_epochs=2, num_epochs=np.int64(9)
    )
    assert recipe.num_epochs == 9
    # A record and a run's configuration are JSON.
    written = json.dumps(dataclasses.asdict(recipe))
    assert json.loads(written)["learning_rate"] == 0.5


def test_an_unknown_recipe_gives_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'authors_200'"):
        find_recipe("author_200")


def test_images_are_not_augmented_twice(build, digits):
    with pytest.raises(ValueError, match="must be augmented once"):
        run_experiment(build(), digits, recipe="article", batch_size=64)
    inside = keras.Sequential([keras.Input((32, 32, 3)), build()])
    with pytest.raises(ValueError, match="a model with augmentation_crop"):
        run_experiment(inside, digits, recipe="article", batch_size=64)


def test_a_policy_wants_uint8_images(build_bare, digits):
    floats = digits._replace(x_train=digits.x_train.astype("float32"))
    for run in (run_experiment, find_learning_rate):
        with pytest.raises(ValueError, match="Received: float32 images"):
            run(build_bare(), floats, recipe="fast")


def test_a_batch_larger_than_the_data_is_refused(build, digits):
    with pytest.raises(ValueError, match="larger than the training data, 180"):
        run_experiment(build(), digits, batch_size=181)


# What reaches the batches and the optimizer


def test_each_setting_of_the_augmentation_reaches_it():
    recipe = Recipe(
        augmentation="autoaugment",
        policy_epochs=2,
        mixup_alpha=0.8,
        cutmix=True,
        mixing_epochs=3,
        random_erasing=0.25,
    )
    full = {
        "policy": "autoaugment",
        "mixup_alpha": 0.8,
        "cutmix": True,
        "random_erasing": 0.25,
    }
    plain = {**full, "policy": "crop_flip"}
    unmixed = {**plain, "mixup_alpha": 0.0, "cutmix": False}
    assert [recipe.augmentation_arguments(epoch) for epoch in range(4)] == [
        full,
        full,
        plain,
        unmixed,
    ]


def test_the_same_images_are_changed_otherwise_in_another_epoch():
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), "uint8")
    batches = ShuffledBatches(
        images,
        np.eye(8, dtype="float32"),
        batch_size=8,
        seed=0,
        augment=Recipe(augmentation="crop_flip").batch_augmentation,
    )
    first = batches[0][0]
    np.testing.assert_array_equal(first, batches[0][0])
    batches.set_epoch(1)
    batches.order = np.arange(8)
    assert not np.array_equal(first, batches[0][0])


def test_clipping_and_smoothing_reach_optimizer_and_loss():
    model = create_cct_variant("cct_2_3x2")
    recipe = Recipe(clip_norm=0.5, label_smoothing=0.2, weight_decay=0.3)
    compile_model(model, recipe)
    assert model.optimizer.global_clipnorm == 0.5
    assert model.optimizer.weight_decay == 0.3
    assert model.loss.label_smoothing == 0.2


def test_the_authors_recipes_are_theirs():
    """Of examples/main.py, and of the timm configuration, in that order."""
    short, long = RECIPES["authors_200"], RECIPES["authors_300"]
    assert (short.learning_rate, short.weight_decay) == (5e-4, 0.03)
    assert (short.num_epochs, short.warmup_epochs, short.mixup_alpha) == (
        200,
        5,
        0.0,
    )
    assert (long.learning_rate, long.weight_decay) == (5.5e-4, 0.06)
    # Of timm's 300 epochs and 10 more for the cool-down.
    assert (long.num_epochs, long.warmup_epochs, long.cooldown_epochs) == (
        310,
        10,
        10,
    )
    assert (long.mixup_alpha, long.cutmix, long.mixing_epochs) == (
        0.8,
        True,
        175,
    )


@pytest.mark.parametrize(
    ("name", "run", "epochs"),
    [("hour", "cct_2_3x2_hour", 52), ("long", "cct_2_3x2_200_gpu", 200)],
)
def test_recorded_trainings_followed_the_recipe_they_name(name, run, epochs):
    recipe = dataclasses.asdict(find_recipe(name))
    model = recipe.pop("model")
    for seed in range(3):
        record = load_record(f"{run}_{seed}")
        assert recipe.items() <= record["settings"].items()
        assert record["model_arguments"] == model
        assert record["recipe"] == name
    assert len(record["history"]["loss"]) == recipe["num_epochs"] == epochs


def test_an_hour_and_two_hundred_epochs_are_relatives_of_fast():
    fast, *others = (
        dataclasses.asdict(find_recipe(name))
        for name in ("fast", "hour", "long")
    )
    for other in others:
        same = {name for name in fast if fast[name] == other[name]}
        assert same >= {"optimizer", "augmentation", "weight_decay", "model"}
    assert others[-1]["batch_size"] == fast["batch_size"]
