"""What the tests of training share: few images, a small model, one run."""

import functools

import keras
import numpy as np
import pytest
from keras import layers

from cct_utils import StochasticDepth, load_dataset, run_experiment
from cct_utils.augmentation import RandomPadCrop

SEED = 3


@pytest.fixture(scope="session")
def digits():
    """A few of scikit-learn's digits."""
    return load_dataset("digits", seed=SEED, train_images=200, test_images=60)


@pytest.fixture(scope="session")
def build():
    """A function that builds the same classifier each time.

    It is no CCT, so that it is compiled in a moment, but what draws at random
    in the training of a CCT is in it.
    """

    def build(image_size=32, augment=True):
        keras.utils.set_random_seed(SEED)
        inputs = keras.Input((image_size, image_size, 3), name="pixels")
        x = layers.Rescaling(1 / 255, name="preprocessing")(inputs)
        if augment:
            x = RandomPadCrop(4, name="augmentation_crop")(x)
        x = layers.Flatten()(layers.AveragePooling2D(4)(x))
        x = layers.Dense(16, "relu")(x)
        x = layers.Add()([x, StochasticDepth(0.3)(layers.Dense(16)(x))])
        x = layers.Dropout(0.1)(x)
        logits = layers.Dense(10, dtype="float32", name="logits")(x)
        return keras.Model(inputs, logits, name="small")

    return build


@pytest.fixture(scope="session")
def build_bare(build):
    """The same without augmentation, for recipes that bring their own."""
    return functools.partial(build, augment=False)


@pytest.fixture(scope="session")
def train(digits, build):
    """A function that trains such a model for three epochs in a folder."""

    def train(run_dir=None, model=None, data=digits, **options):
        short = {"num_epochs": 3, "batch_size": 64, "learning_rate": 0.01}
        return run_experiment(
            model or build(),
            data,
            run_dir=run_dir,
            progress=False,
            **(short | {"seed": SEED} | options),
        )

    return train


@pytest.fixture(scope="session")
def finished(train, tmp_path_factory):
    """The History and the folder of a run that was never interrupted."""
    folder = tmp_path_factory.mktemp("finished")
    return train(folder), folder


@pytest.fixture(scope="session")
def assert_same_history():
    """A function that compares two histories in all but the times."""

    def assert_same_history(received, expected):
        assert received.keys() == expected.keys()
        for name in expected.keys() - {"seconds", "cpu_seconds"}:
            np.testing.assert_allclose(
                received[name],
                expected[name],
                rtol=1e-5,
                atol=1e-5,
                err_msg=name,
            )

    return assert_same_history
