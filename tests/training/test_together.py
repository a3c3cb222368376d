"""Trainings that take their steps together: each as if it were alone.

What needs JAX runs in one other process: `python -m` this file, which leaves
run folders that the tests then look at.
"""

import contextlib
import json
import os
import sys

import keras
import numpy as np
import pytest
from keras import layers

from cct_utils import (
    CCTTokenizer,
    PositionEmbedding,
    SelfAttention,
    SequencePooling,
    StochasticDepth,
    evaluate_logits,
    load_dataset,
    load_test_logits,
    run_experiment,
)
from cct_utils.augmentation import compiled
from cct_utils.models import create_model
from cct_utils.training import (
    Member,
    Recipe,
    RunFolder,
    compiled_epochs,
    predict_logits,
    run_together,
    together,
)
from cct_utils.training.compiled_epochs import (
    attend_in_one_kernel,
    convolve_by_products,
)
from cct_utils.training.recipes import HAS_MUON

RECIPE = Recipe(
    optimizer="kernel_muon" if HAS_MUON else "adamw",
    learning_rate=0.02,
    schedule="cosine",
    warmup_epochs=0.5,
    cooldown_epochs=0.5,
    final_learning_rate=0.001,
    weight_decay=0.05,
    decay="kernels",
    clip_norm=1.0,
    batch_size=48,
    num_epochs=4,
    small_share=0.5,
)
# Other values of all that may differ.
OTHER_NUMBERS = {
    "learning_rate": 0.005,
    "schedule": "constant",
    "warmup_epochs": 1,
    "cooldown_epochs": 0,
    "final_learning_rate": 0.0,
    "weight_decay": 0.5,
    "policy_epochs": 1,
    "mixing_epochs": 1,
}
NUMBERS = [
    RECIPE.replace(small_share=0.0, num_epochs=3, **numbers)
    for numbers in ({}, OTHER_NUMBERS)
]
CHANGING = [
    Recipe(
        learning_rate=0.002,
        batch_size=48,
        num_epochs=2,
        augmentation="trivialaugment",
        policy_epochs=policy_epochs,
    )
    for policy_epochs in (None, 1)
]
ATTENDS = Recipe(learning_rate=0.01, batch_size=48, num_epochs=2)
STILL = Recipe(learning_rate=1e-12, batch_size=50, num_epochs=2)
ALIKE = STILL.replace(batch_size=48, augmentation="crop_flip")
# One step per epoch: the second one shows what the first has done.
LOST = [
    Recipe(learning_rate=rate, batch_size=144, num_epochs=3)
    for rate in (0.01, 1e6)
]


def digits_of(seed):
    """A few of scikit-learn's digits, of 16 x 16 pixels: 144 to train on."""
    data = load_dataset("digits", seed=seed, train_images=160, test_images=60)
    return data._replace(
        **{
            part: getattr(data, part)[:, ::2, ::2]
            for part in ("x_train", "x_val", "x_test")
        }
    )


def small_cct(seed):
    """A model with all that a CCT has, but for the attention."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16, 16, 3), name="pixels")
    x = layers.Rescaling(1 / 255)(inputs)
    x = CCTTokenizer(num_conv_layers=1, num_output_channels=[16])(x)
    x = layers.Add()([x, PositionEmbedding(x.shape[1])(x)])
    x = layers.Dropout(0.2)(x)
    x = layers.Add()([x, StochasticDepth(0.3)(layers.Dense(16, "relu")(x))])
    x = SequencePooling()(x)
    logits = layers.Dense(10, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="small_cct")


def two_layers(seed, activation="tanh"):
    """A model that is compiled in a moment, and draws nothing."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16, 16, 3), name="pixels")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    x = layers.Dense(16, activation)(x)
    logits = layers.Dense(10, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="two_layers")


def attentive(seed):
    """A model of one attention, which drops nothing."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16, 16, 3), name="pixels")
    x = layers.Reshape((16, 48))(layers.Rescaling(1 / 255)(inputs))
    x = SelfAttention(2)(x)
    logits = layers.Dense(10, name="logits")(layers.Flatten()(x))
    return keras.Model(inputs, logits, name="attentive")


def member_of(folder, recipe, seed=0, build=two_layers):
    return Member(folder, seed, recipe, build(seed), digits_of(seed))


def copies_of_one_image(folder, seed, count=144):
    """A training that differs from step to step by the augmentation alone."""
    data = digits_of(0)
    data = data._replace(
        x_train=np.repeat(data.x_train[:1], count, axis=0),
        y_train=np.repeat(data.y_train[:1], count),
    )
    return Member(folder, seed, ALIKE, two_layers(0), data)


# The run folders that the tests look at, left by the other process


def train_with_jax(folder):
    """Trains together and alone what the tests compare."""
    os.chdir(folder)

    def seeds(name):
        return [
            member_of(f"{name}_{seed}", RECIPE, seed, small_cct)
            for seed in (0, 1)
        ]

    def recipes(name, each):
        return [
            member_of(f"{name}_{i}", recipe) for i, recipe in enumerate(each)
        ]

    said = {"lines": []}
    together_members = seeds("together")
    said["records"] = run_together(
        together_members,
        recipe_name="fast",
        model_arguments={"num_heads": 2},
        report=said["lines"].append,
    )
    said["models"] = [look_at(each) for each in together_members]
    run_together(recipes("numbers", NUMBERS))
    alone = [*seeds("together_alone"), *recipes("numbers_alone", NUMBERS)]
    for folder, seed, recipe, model, data in alone:
        run_experiment(
            model,
            data,
            recipe=recipe,
            seed=seed,
            run_dir=folder,
            progress=False,
        )

    said["attention"] = attend_in_both_ways()
    run_together([member_of("attends", ATTENDS, build=attentive)])
    used = []

    def attend_by_xla(model):
        attend_in_one_kernel(model, implementation="xla")
        used.append(model)

    compiled_epochs.attend_in_one_kernel = attend_by_xla
    fused = member_of("attends_fused", ATTENDS, build=attentive)
    run_together([fused])
    said["is fused"] = [
        model.layers[3].fused_attention is not None
        for model in (*used, fused.model)
    ]
    compiled_epochs.attend_in_one_kernel = attend_in_one_kernel
    run_together([raw_member("raw")])
    raw = raw_member("raw_alone")
    run_experiment(
        raw.model, raw.data, recipe=raw.recipe, run_dir=raw.folder,
        progress=False,
    )  # fmt: skip
    said["compiled"] = raw.model.jit_compile

    # Pillow's operations take long to compile; any other one will do.
    compiled.apply_operation = lambda image, *drawn: 255 - image
    run_together(recipes("changing", CHANGING))
    for member in recipes("changing_alone", CHANGING):
        run_together([member])

    run_together([member_of("still", STILL, seed=3)])
    run_together(
        [copies_of_one_image(f"alike_{seed}", seed) for seed in (0, 1)]
    )
    run_together([copies_of_one_image("alike_few", 0, count=48)])
    try:
        run_together(recipes("lost", LOST))
    except FloatingPointError as error:
        said["diverged"] = str(error)
    said["again"] = []
    finished_members = seeds("together")
    said["finished"] = run_together(
        finished_members,
        recipe_name="fast",
        model_arguments={"num_heads": 2},
        report=said["again"].append,
    )
    said["finished models"] = [look_at(each) for each in finished_members]
    said["resumed"] = list(train_and_stop_after_each_epoch(seeds))
    with open("said.json", "w") as file:
        json.dump(said, file)


def look_at(member):
    """What a member's model answers, and whether it is as it was built."""
    tokenizer = member.model.layers[2]
    return {
        "answers": predict_logits(member.model, member.data.x_test).tolist(),
        "is as built": not any(
            "convolution_op" in vars(each) for each in tokenizer.convolutions
        ),
    }


def raw_member(folder):
    """A training on what is no array of the usual kind, but means the same."""
    data = digits_of(0)
    data = data._replace(
        x_train=0.25 + 0.5 * data.x_train,  # of floats, not whole
        y_train=data.y_train[:, None],  # as keras.datasets gives them
        y_val=data.y_val.tolist(),
        y_test=data.y_test[:, None].astype("uint8"),
    )
    return Member(folder, 0, ATTENDS, two_layers(0), data)


def attend_in_both_ways():
    """What two layers, the second with dropout, answer before and after."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6, 8)),
            SelfAttention(2),
            SelfAttention(2, dropout_rate=0.1),
        ]
    )
    tokens = 3 * np.random.default_rng(0).normal(size=(4, 6, 8))

    def answers():
        first = model.layers[0]
        _, weights = first(tokens, return_attention_scores=True)
        return {
            "fused": [bool(layer.fused_attention) for layer in model.layers],
            "tokens": np.asarray(model(tokens)).tolist(),
            "weights": np.asarray(weights).tolist(),
        }

    found = [answers()]
    for implementation in ("cudnn", "xla"):
        attend_in_one_kernel(model, implementation)
        found.append(answers())
    return found


def train_and_stop_after_each_epoch(seeds):
    """Trains to the end; yields what was reported from stop to stop."""
    together.SAVE_SECONDS = 0
    for _ in range(RECIPE.num_epochs + 1):
        lines = []

        def stop_after_an_epoch(line, lines=lines):
            lines.append(line.split(":")[0])
            if line.startswith("epoch"):
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            run_together(seeds("resumed"), report=stop_after_an_epoch)
        yield lines


@pytest.fixture(scope="module")
def runs(run_with_jax, tmp_path_factory):
    """The folder of the other process's run folders."""
    folder = tmp_path_factory.mktemp("jax")
    run_with_jax(
        __name__,
        folder,
        JAX_COMPILATION_CACHE_DIR=str(folder / "programs"),
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
    )
    return folder


def read_record(folder):
    return json.loads((folder / "record.json").read_text())


@pytest.fixture(scope="module")
def said(runs):
    """What the trainings reported, returned and raised."""
    return json.loads((runs / "said.json").read_text())


# Trained as if alone


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("name", ["together", "numbers"])
def test_history_and_test_are_those_of_run_experiment(
    name, index, runs, assert_same_history
):
    received = read_record(runs / f"{name}_{index}")
    expected = read_record(runs / f"{name}_alone_{index}")
    # Keras counts the top 5 of the training images as well.
    del expected["history"]["top-5-accuracy"]
    assert_same_history(received["history"], expected["history"])
    assert received["best_epoch"] == expected["best_epoch"]
    assert received["test"] == pytest.approx(expected["test"], abs=1e-5)
    losses = received["history"]["loss"]
    assert np.abs(np.diff(losses)).min() > 1e-3  # so there is what to compare


@pytest.mark.parametrize("index", [0, 1])
def test_the_weights_of_the_best_epoch_are_kept_and_tested(index, runs):
    folder = runs / f"together_{index}"
    record, data = read_record(folder), digits_of(index)
    assert record["best_epoch"] < len(record["history"]["loss"])
    model, answers = small_cct(index), {}
    for name in ("together", "together_alone"):
        model.load_weights(runs / f"{name}_{index}" / "best.weights.h5")
        answers[name] = predict_logits(model, data.x_test)
    np.testing.assert_allclose(
        answers["together"], answers["together_alone"], atol=1e-4
    )
    logits, labels = load_test_logits(folder)
    np.testing.assert_array_equal(labels, data.y_test)
    np.testing.assert_allclose(answers["together"], logits, atol=5e-3)
    test = evaluate_logits(answers["together"], data.y_test)
    assert test == pytest.approx(record["test"], abs=1e-4)


def test_members_end_their_augmentation_at_times_of_their_own(
    runs, assert_same_history
):
    histories = []
    for index in (0, 1):
        received, expected = (
            read_record(runs / f"{name}_{index}")["history"]
            for name in ("changing", "changing_alone")
        )
        assert_same_history(received, expected)
        histories.append(received["loss"])
    (first, second), (same, other) = histories
    assert same == pytest.approx(first, rel=1e-5)
    assert other != pytest.approx(second, rel=1e-3)


def test_seeds_epochs_and_steps_are_augmented_by_draws_of_their_own(runs):
    losses = [
        read_record(runs / name)["history"]["loss"]
        for name in ("alike_0", "alike_1", "alike_few")
    ]
    # The few are the first step of the first.
    different = np.sort(np.ravel(losses))
    assert np.diff(different).min() > 1e-5


def test_an_epoch_is_the_first_whole_batches_of_its_order(runs):
    """Weights that do not move show which images were counted."""
    record, data, model = (
        read_record(runs / "still"),
        digits_of(3),
        two_layers(0),
    )
    model.load_weights(runs / "still" / "best.weights.h5")
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=STILL.label_smoothing
    )

    def score(images, labels):
        logits = predict_logits(model, images)
        one_hot = keras.utils.to_categorical(labels, 10)
        values = evaluate_logits(logits, labels)
        return {**values, "loss": float(loss(one_hot, logits))}

    history = record["history"]
    for epoch in range(STILL.num_epochs):
        order = np.random.default_rng((3, epoch)).permutation(144)[:100]
        trained = score(data.x_train[order], data.y_train[order])
        for name in ("loss", "accuracy"):
            expected = pytest.approx(trained[name], abs=1e-4)
            assert history[name][epoch] == expected
        validated = score(data.x_val, data.y_val)
        for name in ("loss", "accuracy", "top-5-accuracy"):
            expected = pytest.approx(validated[name], abs=1e-4)
            assert history[f"val_{name}"][epoch] == expected
    assert history["loss"][0] != pytest.approx(history["loss"][1], abs=1e-3)


# Records and reports


@pytest.mark.parametrize("index", [0, 1])
def test_a_record_is_that_of_run_experiment_and_says_together(index, runs):
    received = read_record(runs / f"together_{index}")
    expected = read_record(runs / f"together_alone_{index}")
    assert received.pop("together") == 2
    assert received["recipe"] == "fast"
    assert received["model_arguments"] == {"num_heads": 2}
    assert received["seed"] == index
    compared = {"history", "test", "recipe", "model_arguments"}
    assert received.keys() == expected.keys()
    for key in expected.keys() - compared:
        assert received[key] == expected[key], key
    assert received["history"].keys() == {
        *("loss", "accuracy", "seconds", "cpu_seconds"),
        *("val_loss", "val_accuracy", "val_top-5-accuracy"),
    }
    assert {len(each) for each in received["history"].values()} == {4}
    assert min(received["history"]["seconds"]) > 0


def test_the_records_are_returned(runs, said):
    names = ("together_0", "together_1")
    assert said["records"] == [read_record(runs / name) for name in names]


def test_a_line_is_reported_for_each_epoch_and_each_result(runs, said):
    records = said["records"]
    *epochs, first, second = said["lines"]
    for i, line in enumerate(epochs):
        values = [each["history"]["val_accuracy"][i] for each in records]
        assert line.startswith(f"epoch {i + 1}: ")
        assert line.endswith(", ".join(f"{value:.1%}" for value in values))
    assert len(epochs) == 4
    for i, line in enumerate((first, second)):
        accuracy = records[i]["test"]["accuracy"]
        assert line == f"together_{i}: test accuracy {accuracy:.2%}"


# Stopped trainings


@pytest.mark.parametrize("index", [0, 1])
def test_a_training_stopped_after_any_epoch_is_finished_alike(
    index, runs, said, assert_same_history
):
    epochs = [[f"epoch {i}"] for i in (1, 2, 3, 4)]
    assert said["resumed"] == [*epochs, ["resumed_0", "resumed_1"]]
    resumed = read_record(runs / f"resumed_{index}")
    whole = read_record(runs / f"together_{index}")
    assert_same_history(resumed["history"], whole["history"])
    assert resumed["best_epoch"] == whole["best_epoch"]
    assert resumed["test"] == pytest.approx(whole["test"], abs=1e-5)


def test_a_finished_training_leaves_no_state(runs):
    for name in ("together", "resumed"):
        assert not list(runs.glob(f"{name}_*/together.npz"))
        assert not list(runs.glob(f"{name}_*/partial-*"))


def test_one_kernel_attends_as_the_layer_does_where_nothing_is_dropped(said):
    before, without_gpu, after = said["attention"]
    assert before["fused"] == without_gpu["fused"] == [False, False]
    assert without_gpu["tokens"] == before["tokens"]
    assert after["fused"] == [True, False]
    np.testing.assert_allclose(after["tokens"], before["tokens"], atol=1e-5)
    assert after["weights"] == before["weights"]


def test_a_training_with_one_kernel_is_the_same(
    runs, said, assert_same_history
):
    assert said["is fused"] == [True, False]  # the program's copy alone
    received, expected = (
        read_record(runs / name)["history"]
        for name in ("attends_fused", "attends")
    )
    assert_same_history(received, expected)
    assert expected["loss"][1] < expected["loss"][0] - 0.01


def test_divergence_ends_all_and_says_when(runs, said):
    assert said["diverged"].startswith("Diverged in epoch 2: lost_1 with a ")
    assert "and a learning rate of 1e+06. Use a lower" in said["diverged"]
    assert "lost_0" not in said["diverged"]
    assert not list(runs.glob("lost_*/record.json"))


# Refusals


def test_finished_trainings_are_returned_and_not_trained_again(said):
    assert said["finished"] == said["records"]
    assert said["again"] == []


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("when", ["models", "finished models"])
def test_each_model_has_its_best_weights_and_is_as_it_was_built(
    when, index, runs, said
):
    found = said[when][index]
    assert found["is as built"]
    logits, _ = load_test_logits(runs / f"together_{index}")
    np.testing.assert_allclose(found["answers"], logits, atol=5e-3)


def test_raw_data_are_trained_on_as_by_run_experiment(
    runs, said, assert_same_history
):
    received, expected = (
        read_record(runs / name) for name in ("raw", "raw_alone")
    )
    del expected["history"]["top-5-accuracy"]
    assert_same_history(received["history"], expected["history"])
    assert received["data"] == expected["data"]
    for name in ("raw", "raw_alone"):
        with np.load(runs / name / "test_logits.npz") as file:
            np.testing.assert_array_equal(file["labels"], digits_of(0).y_test)
    assert said["compiled"]  # though on a processor: it is JAX


@pytest.fixture
def pair(monkeypatch, tmp_path):
    """A function that trains two members, the second with other settings.

    Whatever the backend is: what is refused is refused before it is used.
    """
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")

    def pair(changes=None, **options):
        first = member_of(tmp_path / "first", RECIPE)
        second = member_of(
            tmp_path / "second", RECIPE.replace(**changes or {}), 1
        )
        return run_together([first, second._replace(**options)])

    return pair


@pytest.mark.parametrize(
    "changes",
    [
        {"num_epochs": 5},
        {"batch_size": 24},
        {"label_smoothing": 0.0},
        {"optimizer": "muon"},
        {"decay": "all"},
        {"clip_norm": None},
        {"augmentation": "crop_flip"},
        {"mixup_alpha": 0.5},
        {"small_share": 0.0},
        {"ema_momentum": 0.9},
    ],
)
def test_members_of_recipes_that_differ_in_more_are_refused(
    changes, pair, tmp_path
):
    with pytest.raises(
        ValueError, match="may differ in learning_rate"
    ) as error:
        pair(OTHER_NUMBERS | changes)
    for words in (*together.MAY_DIFFER, str(tmp_path / "second")):
        assert words in str(error.value)
    assert not list(tmp_path.iterdir())


def test_members_of_other_models_or_numbers_of_images_are_refused(
    pair, tmp_path
):
    data = digits_of(1)
    for options in (
        {"model": small_cct(1)},
        {"model": two_layers(1, "relu")},  # as many weights, another network
        {
            "data": data._replace(
                x_train=data.x_train[1:], y_train=data.y_train[1:]
            )
        },
        {"data": data._replace(x_val=data.x_val[1:], y_val=data.y_val[1:])},
        {"data": data._replace(x_test=data.x_test[1:], y_test=data.y_test[1:])},
    ):
        with pytest.raises(ValueError, match="of one model and of as many"):
            pair(**options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ema_momentum": 0.9}, "no average .* Received: ema_momentum=0.9"),
        ({"batch_size": 145}, "A batch must not be larger"),
    ],
)
def test_settings_that_cannot_be_trained_are_refused(
    settings, reason, pair, tmp_path
):
    recipe = RECIPE.replace(**settings)
    members = [member_of(tmp_path / "run", recipe)]
    with pytest.raises(ValueError, match=reason):
        run_together(members)
    assert not list(tmp_path.iterdir())


def test_no_member_is_refused(pair):
    with pytest.raises(ValueError, match="at least one training"):
        run_together([])


def test_members_of_one_folder_are_refused(pair, tmp_path):
    with pytest.raises(ValueError, match="a folder of its own") as error:
        pair(folder=f"{tmp_path}/first/")
    assert f"Received twice: {tmp_path / 'first'}" in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", [{"num_heads": 4}, {"residual": "paper"}])
def test_members_of_networks_with_equal_weights_are_refused(
    change, monkeypatch, tmp_path
):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    usual = {"num_heads": 2, "residual": "pre_norm"}
    members = [
        member_of(
            tmp_path / name,
            ATTENDS,
            build=lambda seed, arguments=arguments: create_model(
                "cct_2_3x1", image_size=16, embed_dim=16, **arguments
            ),
        )
        for name, arguments in (("first", usual), ("second", usual | change))
    ]
    with pytest.raises(ValueError, match="of one model and of as many"):
        run_together(members)
    with pytest.raises(ValueError, match="`model_arguments` must be"):
        run_together(members[:1], model_arguments={"embed_dim": 16})
    assert not list(tmp_path.iterdir())


def test_images_are_augmented_once(pair, build, digits, tmp_path):
    recipe = Recipe(augmentation="crop_flip", batch_size=64)
    member = Member(tmp_path / "run", 0, recipe, build(), digits)
    with pytest.raises(ValueError, match="must be augmented once"):
        run_together([member])
    assert not list(tmp_path.iterdir())


def test_float16_whose_loss_is_not_scaled_is_refused(pair):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with pytest.raises(ValueError, match="Received: mixed_float16"):
            pair()
    finally:
        keras.config.set_dtype_policy(before)


def test_a_backend_that_is_not_jax_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="JAX only") as error:
        run_together([member_of(tmp_path / "run", RECIPE)])
    assert "Received: KERAS_BACKEND=torch" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_the_folder_of_another_run_is_refused(pair, tmp_path):
    RunFolder(tmp_path / "second", {"seed": 7})
    with pytest.raises(ValueError, match="seed was 7 and is now 1"):
        pair()


def test_the_state_of_other_members_is_refused(pair, tmp_path):
    """The first may be the same, which is where the state lies."""
    (tmp_path / "first").mkdir()
    state = tmp_path / "first" / "together.npz"
    np.savez(state, members=np.array("others"))
    with pytest.raises(ValueError, match="other seeds or settings") as error:
        pair()
    assert str(state) in str(error.value)


# Convolutions


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cct_2_3x2", {"embed_dim": 16}),
        ("cct_2_7x2", {"embed_dim": 16}),  # of stride 2
        ("vit_lite_2_4", {"embed_dim": 16}),  # patches side by side
        ("article", {"projection_dim": 16, "augmentation": "none"}),
    ],
)
def test_products_are_the_convolutions_they_replace(name, options, monkeypatch):
    shape = (20, 28, 3)
    model = create_model(
        name, input_shape=shape, transformer_layers=1, **options
    )
    images = np.random.default_rng(0).uniform(0, 255, (3, *shape))
    before = predict_logits(model, images)

    def refuse(*arguments):
        raise AssertionError("a convolution was called")

    monkeypatch.setattr(layers.Conv2D, "convolution_op", refuse)
    with pytest.raises(AssertionError, match="a convolution was called"):
        predict_logits(model, images)
    convolve_by_products(model)
    np.testing.assert_allclose(
        predict_logits(model, images), before, rtol=1e-4, atol=1e-5
    )


if __name__ == "__main__":
    train_with_jax(sys.argv[1])
