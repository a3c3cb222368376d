"""The article's calls, by its names and keywords, work on our names."""

import inspect

import keras
import numpy as np
import pytest
from keras import layers

import cct_utils
from cct_utils import (
    CCTTokenizer,
    PositionEmbedding,
    Recipe,
    SequencePooling,
    StochasticDepth,
    create_cct_model,
    data_augmentation,
    mlp,
    run_experiment,
)


@pytest.fixture
def little_cifar(tmp_path, monkeypatch):
    """Twenty images a class where the article downloads CIFAR-10."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 200), ("test", 100)):
        shape = (count, 32, 32, 3)
        arrays[f"x_{part}"] = rng.integers(0, 256, shape, "uint8")
        arrays[f"y_{part}"] = np.arange(count, dtype="uint8")[:, None] % 10
    np.savez(tmp_path / "cifar10.npz", **arrays)
    monkeypatch.setenv("CCT_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("function", "defaults"),
    [
        (
            CCTTokenizer,
            {
                "kernel_size": 3,
                "stride": 1,
                "padding": 1,
                "pooling_kernel_size": 3,
                "pooling_stride": 2,
                "num_conv_layers": 2,
                "num_output_channels": (64, 128),
                "positional_emb": True,
            },
        ),
        (PositionEmbedding, {"initializer": "glorot_uniform"}),
        (
            create_cct_model,
            {
                "image_size": 32,
                "input_shape": None,
                "num_heads": 2,
                "projection_dim": 128,
                "transformer_units": None,
                "transformer_layers": 2,
                "stochastic_depth_rate": 0.1,
                "positional_emb": True,
            },
        ),
        (
            Recipe,  # the settings that run_experiment takes
            {
                "learning_rate": 0.001,
                "weight_decay": 0.0001,
                "batch_size": 128,
                "num_epochs": 30,
            },
        ),
    ],
)
def test_keywords_and_constants_are_defaults(function, defaults):
    parameters = inspect.signature(function).parameters
    given = {name: parameters[name].default for name in defaults}
    assert given == defaults


def test_positional_arguments_keep_their_order():
    names = list(inspect.signature(create_cct_model).parameters)
    assert names[:5] == [
        "image_size",
        "input_shape",
        "num_heads",
        "projection_dim",
        "transformer_units",
    ]
    assert list(inspect.signature(mlp).parameters)[:3] == [
        "x",
        "hidden_units",
        "dropout_rate",
    ]


def test_names_are_public():
    for name in (
        "CCTTokenizer PositionEmbedding SequencePooling StochasticDepth mlp "
        "data_augmentation create_cct_model run_experiment"
    ).split():
        assert name in cct_utils.__all__


def assembled_by_hand(num_classes=10):
    """A model put together from the parts, call by call as the article does."""
    width, heads, depth = 128, 2, 2
    units = [width, width]
    inputs = layers.Input((32, 32, 3))
    tokens = CCTTokenizer()(data_augmentation(inputs))
    positions = PositionEmbedding(sequence_length=tokens.shape[1])
    tokens += positions(tokens)
    for drop in list(np.linspace(0, 0.1, depth)):
        normed = layers.LayerNormalization(epsilon=1e-5)(tokens)
        attended = layers.MultiHeadAttention(
            num_heads=heads, key_dim=width, dropout=0.1
        )(normed, normed)
        tokens = layers.Add()([StochasticDepth(drop)(attended), tokens])
        normed = layers.LayerNormalization(epsilon=1e-5)(tokens)
        thought = mlp(normed, hidden_units=units, dropout_rate=0.1)
        tokens = layers.Add()([StochasticDepth(drop)(thought), tokens])
    pooled = SequencePooling()(layers.LayerNormalization(epsilon=1e-5)(tokens))
    logits = layers.Dense(num_classes)(pooled)
    return keras.Model(inputs=inputs, outputs=logits)


def test_model_from_parts_has_the_articles_parameters_and_trains():
    model = assembled_by_hand()
    assert model.count_params() == create_cct_model().count_params() == 416_331
    model.compile(
        optimizer=keras.optimizers.AdamW(
            learning_rate=0.001, weight_decay=0.0001
        ),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=0.1
        ),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        run_eagerly=True,
    )
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3))
    labels = keras.utils.to_categorical(np.arange(20) % 10, 10)
    history = model.fit(
        x=images, y=labels, batch_size=8, epochs=1, validation_split=0.1,
        verbose=0,
    )  # fmt: skip
    assert {"loss", "val_loss", "val_accuracy"} <= set(history.history)
    assert np.all(np.isfinite(history.history["loss"]))


def test_parts_take_the_articles_keywords():
    tokenizer = CCTTokenizer(
        kernel_size=3, stride=1, padding=1, pooling_kernel_size=3,
        pooling_stride=2, num_conv_layers=1, num_output_channels=[64, 128],
        positional_emb=True, name="tokens",
    )  # fmt: skip
    tokens = tokenizer(np.zeros((1, 32, 32, 3), "float32"))
    assert tokens.shape == (1, 256, 64)
    embedding = PositionEmbedding(256, initializer="glorot_uniform")
    assert embedding(tokens, start_index=0).shape == tokens.shape
    assert SequencePooling()(tokens).shape == (1, 64)
    assert StochasticDepth(0.1)(tokens, training=True).shape == tokens.shape
    assert mlp(tokens, [32, 16], 0.1).shape == (1, 256, 16)


def test_model_takes_the_articles_arguments():
    model = create_cct_model(
        image_size=32, input_shape=(32, 32, 3), num_heads=2,
        projection_dim=128, transformer_units=[128, 128],
    )  # fmt: skip
    assert model.count_params() == 416_331
    model = create_cct_model(32, (32, 32, 3), 4, 64, [128, 64])
    assert model.get_layer("block_0_attention").num_heads == 4
    assert model.get_layer("block_0_mlp_dense_1").units == 128


def test_experiment_runs_as_in_the_article(little_cifar, capsys):
    cct_model = create_cct_model()
    history = run_experiment(cct_model, num_epochs=1)
    assert isinstance(history, keras.callbacks.History)
    for key in ("loss", "accuracy", "top-5-accuracy"):
        assert len(history.history[key]) == 1
        assert len(history.history[f"val_{key}"]) == 1
    printed = capsys.readouterr().out
    assert "Test accuracy: " in printed
    assert "Test top 5 accuracy: " in printed


def test_experiment_needs_the_model_alone():
    """Everything but the model has a default: `run_experiment(model)` runs."""
    parameters = list(inspect.signature(run_experiment).parameters.values())
    assert parameters[0].name == "model"
    assert all(
        p.default is not p.empty or p.kind is p.VAR_KEYWORD
        for p in parameters[1:]
    )
