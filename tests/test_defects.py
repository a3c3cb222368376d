"""Each known defect of the popular example: the old way fails, ours does not.

The old way is rebuilt here in a few lines, from Keras's own layers where that
is enough.
"""

import keras
import numpy as np
import pytest
from keras import layers, ops

from cct_utils import (
    CCTTokenizer,
    SequencePooling,
    StochasticDepth,
    create_cct_model,
    data_augmentation,
    mlp,
)
from cct_utils.export import export_onnx


def pixels(count, height=32, width=32):
    shape = (count, height, width, 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype("float32")


class OldDepth(layers.Layer):
    """One fixed seed for every layer, and a mask that is always float32."""

    def __init__(self, drop_prob, **kwargs):
        super().__init__(**kwargs)
        self.drop_prob = drop_prob
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, x, training=None):
        if not training:
            return x
        coin = keras.random.uniform((len(x), 1, 1), seed=self.seed_generator)
        keep_prob = 1 - self.drop_prob
        return x / keep_prob * ops.floor(keep_prob + coin)


class OldPooling(layers.Layer):
    """A constructor without keyword arguments, so without a name."""

    def __init__(self):
        super().__init__()
        self.score = layers.Dense(1)

    def call(self, x):
        weights = ops.softmax(self.score(x), axis=1)
        return ops.sum(weights * x, axis=1)


def old_pipeline(image_size=32):
    """Crops a picture of the size that it has, which moves nothing."""
    return keras.Sequential(
        [
            layers.Rescaling(1 / 255),
            layers.RandomCrop(image_size, image_size),
            layers.RandomFlip("horizontal"),
        ]
    )


def old_tokens(images, kernels):
    """Convolution without padding, ReLU, then zeros around, then pooling."""
    x = images
    for kernel in kernels:
        x = ops.relu(ops.conv(x, kernel, padding="valid"))
        x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        x = ops.max_pool(x, 3, 2, "same")
    return ops.convert_to_numpy(x)


def paper_tokens(images, kernels):
    """PyTorch's arithmetic, one output at a time: all zeros come first."""
    x = images.astype("float64")
    for kernel in kernels:
        x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        rows, columns = x.shape[1] - 2, x.shape[2] - 2
        y = np.zeros((len(x), rows, columns, kernel.shape[-1]))
        for i, j in np.ndindex(3, 3):
            y += x[:, i : i + rows, j : j + columns] @ kernel[i, j]
        y = np.pad(np.maximum(y, 0), ((0, 0), (1, 1), (1, 1), (0, 0)))
        x = np.max(
            [
                y[:, i : i + rows : 2, j : j + columns : 2]
                for i, j in np.ndindex(3, 3)
            ],
            axis=0,
        )
    return x


def test_defect_crop_moves_nothing():
    images = pixels(16)
    old = layers.RandomCrop(32, 32)(images, training=True)
    np.testing.assert_array_equal(old, images)

    pipeline = data_augmentation(image_size=32)
    crop = next(layer for layer in pipeline.layers if "crop" in layer.name)
    new = ops.convert_to_numpy(crop(images, training=True))
    moved = [not np.array_equal(a, b) for a, b in zip(new, images, strict=True)]
    assert sum(moved) >= 12


def test_defect_depth_layers_drop_the_same_samples():
    ones = np.ones((64, 1, 1), "float32")
    old = [OldDepth(0.5)(ones, training=True) for _ in range(2)]
    np.testing.assert_array_equal(*old)

    new = [StochasticDepth(0.5)(ones, training=True) for _ in range(2)]
    assert not np.array_equal(*new)
    model = create_cct_model(stochastic_depth_rate=0.5)
    blocks = [layer for layer in model.layers if "depth" in layer.name]
    assert len(blocks) == 2
    assert not np.array_equal(*(b(ones, training=True) for b in blocks))


def test_defect_saved_model_cannot_be_loaded(tmp_path):
    """In a fresh process as well: `tests/models/test_cct.py` shows that."""
    inputs = keras.Input((5, 4))
    old = keras.Model(inputs, OldPooling()(inputs))
    old.save(tmp_path / "old.keras")
    with pytest.raises(TypeError):
        keras.saving.load_model(
            tmp_path / "old.keras", custom_objects={"OldPooling": OldPooling}
        )

    new = keras.Model(inputs, SequencePooling()(inputs))
    new.save(tmp_path / "new.keras")
    loaded = keras.saving.load_model(tmp_path / "new.keras")
    x = np.random.default_rng(0).normal(size=(2, 5, 4))
    np.testing.assert_array_equal(loaded(x), new(x))


def test_defect_depth_fails_in_half_precision():
    x = ops.ones((4, 3, 2), "bfloat16")
    with pytest.raises(Exception, match="(?i)type"):
        OldDepth(0.1, dtype="mixed_bfloat16")(x, training=True)

    new = StochasticDepth(0.1, dtype="mixed_bfloat16")(x, training=True)
    assert keras.backend.standardize_dtype(new.dtype) == "bfloat16"


def random_operators(model):
    """The random operators of the graph that `model(images)` makes."""
    import tensorflow as tf

    spec = tf.TensorSpec((None, *model.input_shape[1:]), "float32")
    graph = tf.function(model).get_concrete_function(spec).graph
    names = [operation.type for operation in graph.get_operations()]
    for function in graph.as_graph_def().library.function:
        names += [node.op for node in function.node_def]
    return [name for name in names if "Random" in name]


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="reads TensorFlow's graph"
)
def test_defect_inference_graph_is_random():
    inputs = keras.Input((32, 32, 3))
    assert random_operators(keras.Model(inputs, old_pipeline()(inputs)))
    assert not random_operators(keras.Model(inputs, data_augmentation(inputs)))
    assert not random_operators(create_cct_model(augmentation="randaugment"))


def test_defect_onnx_graph_is_random(tmp_path):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = create_cct_model(image_size=16)
    path = tmp_path / "cct.onnx"
    export_onnx(model, path)
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert operators and not [name for name in operators if "Random" in name]
    images = pixels(3, 16, 16)
    session = runtime.InferenceSession(str(path))
    (logits,) = session.run(None, {session.get_inputs()[0].name: images})
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_defect_one_pipeline_for_all_sizes():
    """One pipeline for the whole module cuts the second size to the first."""
    shared = old_pipeline(32)
    for size in (32, 64):
        assert shared(pixels(1, size, size)).shape == (1, 32, 32, 3)

    for size in (32, 64):
        pipeline = data_augmentation(image_size=size)
        images = pixels(2, size, size)
        assert pipeline(images, training=True).shape == images.shape


def test_defect_padding_after_the_convolution():
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    images = images.astype("float32")
    layer = CCTTokenizer(num_output_channels=(8, 16))
    new = ops.convert_to_numpy(layer.feature_maps(images)[-1])
    kernels = layer.get_weights()
    expected = paper_tokens(images, kernels)
    np.testing.assert_allclose(new, expected, rtol=1e-4, atol=1e-4)

    old = old_tokens(images, kernels)
    assert old.shape == expected.shape  # the same size, other borders
    assert not np.allclose(old, expected, atol=0.1)


def test_defect_mlp_ends_in_an_activation():
    x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    old = x
    for units in (16, 8):
        old = layers.Dense(units, activation=ops.gelu)(old)
    assert ops.convert_to_numpy(old).min() > -0.18  # GELU's lowest value

    new = ops.convert_to_numpy(mlp(x, (16, 8), 0.1))
    assert new.min() < -0.5


def old_input(image_size=32, input_shape=(32, 32, 3)):
    """Takes an `image_size` and looks at `input_shape` alone."""
    return keras.Input(input_shape)


def test_defect_image_size_has_no_effect():
    assert old_input(image_size=64).shape == (None, 32, 32, 3)

    assert create_cct_model(image_size=64).input_shape == (None, 64, 64, 3)
    assert (
        create_cct_model(64).count_params() > create_cct_model().count_params()
    )
    with pytest.raises(ValueError, match="agree"):
        create_cct_model(image_size=64, input_shape=(32, 32, 3))


def test_defect_projection_dim_reaches_the_heads_alone():
    """The old tokens are 128 wide whatever `projection_dim` is."""
    tokens = CCTTokenizer()(pixels(1))
    attention = layers.MultiHeadAttention(2, key_dim=64)
    assert attention(tokens, tokens).shape == (1, 64, 128)

    model = create_cct_model(projection_dim=64)
    for name in ("tokenizer", "block_1_residual_2", "pooling"):
        assert model.get_layer(name).output.shape[-1] == 64


def test_defect_heads_are_twice_as_wide():
    """`key_dim` is the width of one head, not of all of them together."""
    tokens = np.zeros((1, 4, 128), "float32")
    old, narrow = (layers.MultiHeadAttention(2, key_dim=d) for d in (128, 64))
    for layer in (old, narrow):
        layer(tokens, tokens)
    excess = 2 * (old.count_params() - narrow.count_params())
    article, paper = create_cct_model(), create_cct_model(key_dim=64)
    assert article.count_params() - paper.count_params() == excess
    assert (article.count_params(), paper.count_params()) == (416_331, 284_491)
