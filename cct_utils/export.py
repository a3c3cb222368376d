"""The model for use outside Keras: an ONNX graph for inference.

The graph is written layer by layer with the `onnx` package alone. Keras's own
`model.export(format="onnx")` goes through tf2onnx on TensorFlow, which (1.17)
knows no operator for the exact GELU: ONNX Runtime refuses what it writes.

Reference: ONNX operators, https://onnx.ai/onnx/operators/
"""

import keras
import numpy as np
from keras import activations, layers

from cct_utils._files import write_atomically
from cct_utils.augmentation import RandomPadCrop
from cct_utils.layers import (
    CCTTokenizer,
    ClassPooling,
    ClassToken,
    LayerNormalization,
    PatchTokenizer,
    PositionEmbedding,
    SelfAttention,
    SequencePooling,
    StochasticDepth,
    gelu,
)

# The first operator set with GELU, and the file format that came with it:
# ONNX Runtime reads them since version 1.17.
OPERATOR_SET, IR_VERSION = 20, 9

# What is random in training and does nothing at inference.
RANDOM_LAYERS = (
    RandomPadCrop,
    layers.RandomFlip,
    layers.RandAugment,
    layers.Dropout,
    StochasticDepth,
)

ACTIVATIONS = {
    activations.linear: None,
    activations.relu: "Relu",
    gelu: "Gelu",  # the exact one
}


def export_onnx(model, path, *, attention=False):
    """Writes a model as an ONNX file, for inference.

    The graph takes float32 images `pixels` `(batch, height, width, channels)`
    as the model does, of any batch size, and gives `logits`. What is random in
    training (augmentation, dropout, stochastic depth) is not in it.

    Args:
        model: a functional model made of this package's layers.
        path: where to write, usually ending in `.onnx`.
        attention: whether the graph also gives the attention weights of each
            block, `(batch, heads, tokens, tokens)`, and the pooling weights,
            `(batch, 1, tokens)`, as outputs named after their layers.

    Raises:
        ValueError: if there is no ONNX form for one of the layers.
        ImportError: if the package `onnx` is not installed.

    Example:

    >>> model = cct_utils.load_trained()
    >>> cct_utils.export_onnx(model, "cct.onnx")
    >>> session = onnxruntime.InferenceSession("cct.onnx")
    >>> (logits,) = session.run(None, {"pixels": images.astype("float32")})
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "Writing ONNX files needs the package onnx; install it with "
            "pip install 'cct-utils[export]'"
        ) from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            "The model must have one input, the images, and one output, the "
            f"logits. Received: {len(model.inputs)} inputs and "
            f"{len(model.outputs)} outputs"
        )
    graph = _Graph(onnx)
    images, logits = model.inputs[0], model.outputs[0]
    graph.names[id(images)] = "pixels"
    last = graph.name_of(logits)
    shapes = {"logits": logits.shape[1:]}
    graph.rename(last, "logits")
    if attention:
        for name, (tensor, shape) in graph.attention.items():
            graph.rename(tensor, name)
            shapes[name] = shape

    def describe(name, shape):
        return onnx.helper.make_tensor_value_info(
            name, onnx.TensorProto.FLOAT, ("batch", *shape)
        )

    file = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            model.name,
            [describe("pixels", images.shape[1:])],
            [describe(*output) for output in shapes.items()],
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPERATOR_SET)],
        ir_version=IR_VERSION,
        producer_name="cct_utils",
    )
    onnx.checker.check_model(file, full_check=True)
    content = file.SerializeToString()
    write_atomically(path, lambda partial: partial.write_bytes(content))


class _Graph:
    """Collects the nodes and the weights of an ONNX graph.

    Args:
        onnx: the module of that name, which is an optional dependency.
    """

    def __init__(self, onnx):
        self.onnx = onnx
        self.nodes, self.constants = [], []
        self.names = {}  # id of a symbolic Keras tensor -> name in the graph
        self.attention = {}  # name of a layer -> (name in the graph, shape)

    def name_of(self, tensor):
        """Returns the name of a Keras tensor, adding what computes it."""
        if id(tensor) not in self.names:
            layer, index, _ = tensor._keras_history
            node = layer._inbound_nodes[index]
            if node.arguments.kwargs.keys() - {"training", "mask"}:
                raise ValueError(
                    f"The layer {layer.name!r} must be called with its input "
                    "alone to be written to ONNX. Received: "
                    f"{node.arguments.kwargs}"
                )
            inputs = [self.name_of(each) for each in node.input_tensors]
            self.names[id(tensor)] = _write(
                self, layer, inputs, node.input_tensors[0].shape
            )
        return self.names[id(tensor)]

    def rename(self, tensor, name):
        """Makes a tensor of the graph known under a name of our choice."""
        self.nodes.append(
            self.onnx.helper.make_node("Identity", [tensor], [name])
        )

    def add(self, operator, *inputs, **attributes):
        """Adds a node of one output; returns the output's name."""
        (output,) = self.add_split(operator, 1, *inputs, **attributes)
        return output

    def add_split(self, operator, count, *inputs, **attributes):
        """Adds a node of `count` outputs; returns their names."""
        outputs = [
            f"{operator.lower()}_{len(self.nodes)}_{i}" for i in range(count)
        ]
        names = [
            each if isinstance(each, str) else self.constant(each)
            for each in inputs
        ]
        self.nodes.append(
            self.onnx.helper.make_node(operator, names, outputs, **attributes)
        )
        return outputs

    def constant(self, value):
        """Adds an array or a variable as a constant; returns its name."""
        array = keras.ops.convert_to_numpy(value)
        array = array.astype("int64" if array.dtype.kind == "i" else "float32")
        name = f"constant_{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def reshape(self, x, *shape):
        """Adds a reshape; a 0 in `shape` keeps the size of that axis."""
        return self.add("Reshape", x, np.array(shape, "int64"))

    def transpose(self, x, *axes):
        """Adds a transposition."""
        return self.add("Transpose", x, perm=axes)


def _write(graph, layer, inputs, shape):
    """Adds one layer to the graph; returns the name of its output.

    Args:
        graph: the `_Graph`.
        layer: the Keras layer.
        inputs: names of its inputs.
        shape: shape of its first input, with None for the batch.
    """
    if isinstance(layer, RANDOM_LAYERS):
        return inputs[0]
    if type(layer) in _WRITERS:
        return _WRITERS[type(layer)](graph, layer, *inputs, shape=shape)
    raise ValueError(
        "Every layer must be one that can be written to ONNX, of "
        f"{', '.join(kind.__name__ for kind in _WRITERS)}; export the model "
        "without others, or with Keras's own model.export. Received: "
        f"{layer.name!r}, a {type(layer).__name__}"
    )


def _rescaling(graph, layer, x, shape):
    scaled = graph.add("Mul", x, np.asarray(layer.scale, "float32"))
    return graph.add("Add", scaled, np.asarray(layer.offset, "float32"))


def _tokenizer(graph, layer, images, shape):
    x = graph.transpose(images, 0, 3, 1, 2)  # channels first
    pooling_padding = layer.pooling_kernel_size // 2
    for convolution in layer.convolutions:
        kernel = keras.ops.transpose(convolution.kernel, (3, 2, 0, 1))
        x = graph.add(
            "Conv",
            x,
            kernel,
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
        )
        x = graph.add("Relu", x)
        x = graph.add(
            "MaxPool",
            x,
            kernel_shape=[layer.pooling_kernel_size] * 2,
            strides=[layer.pooling_stride] * 2,
            pads=[pooling_padding] * 4,
        )
    rows, columns = layer.grid(*shape[1:3])
    channels = layer.convolutions[-1].filters
    x = graph.reshape(x, 0, channels, rows * columns)
    return graph.transpose(x, 0, 2, 1)  # (batch, tokens, channels)


def _patch_tokenizer(graph, layer, images, shape):
    rows, columns = layer.grid(*shape[1:3])
    x = graph.add(
        "Conv",
        graph.transpose(images, 0, 3, 1, 2),  # channels first
        keras.ops.transpose(layer.convolution.kernel, (3, 2, 0, 1)),
        layer.convolution.bias,
        strides=[layer.patch_size] * 2,
    )
    x = graph.reshape(x, 0, layer.embed_dim, rows * columns)
    return graph.transpose(x, 0, 2, 1)  # (batch, tokens, embed_dim)


def _class_token(graph, layer, x, shape):
    # One copy of the token for each image: the batch is read off the input.
    batch = graph.add("Shape", x, start=0, end=1)
    size = graph.add("Concat", batch, np.array([1, shape[2]]), axis=0)
    tokens = graph.add("Expand", layer.token, size)
    return graph.add("Concat", tokens, x, axis=1)


def _class_pooling(graph, layer, x, shape):
    return graph.add("Gather", x, np.array(0), axis=1)  # (batch, embed_dim)


def _average_pooling(graph, layer, x, shape):
    return graph.add("ReduceMean", x, np.array([1]), keepdims=0)


def _flatten(graph, layer, x, shape):
    return graph.reshape(x, 0, -1)


def _position_embedding(graph, layer, x, shape):
    table = keras.ops.convert_to_numpy(layer.position_embeddings)
    table = graph.constant(table[: shape[1]])  # (tokens, embed_dim)
    return graph.add("Expand", table, graph.add("Shape", x))


def _layer_normalization(graph, layer, x, shape):
    return graph.add(
        "LayerNormalization",
        x,
        layer.gamma,
        layer.beta,
        epsilon=layer.epsilon,
    )


def _dense(graph, layer, x, shape=None):
    x = graph.add("MatMul", x, layer.kernel)
    if layer.use_bias:
        x = graph.add("Add", x, layer.bias)
    if layer.activation not in ACTIVATIONS:
        raise ValueError(
            "An activation must be one that can be written to ONNX, of "
            f"{', '.join(each.__name__ for each in ACTIVATIONS)}. Received: "
            f"{layer.activation!r} in the layer {layer.name!r}"
        )
    operator = ACTIVATIONS[layer.activation]
    return graph.add(operator, x) if operator else x


def _self_attention(graph, layer, x, shape):
    n, h, d = shape[1], layer.num_heads, layer.head_dim
    parts = graph.add_split(
        "Split", 3, _dense(graph, layer.qkv, x), axis=-1, num_outputs=3
    )
    q, k, v = (graph.reshape(part, 0, n, h, d) for part in parts)
    q = graph.transpose(q, 0, 2, 1, 3)  # (batch, heads, tokens, key_dim)
    k = graph.transpose(k, 0, 2, 3, 1)  # (batch, heads, key_dim, tokens)
    v = graph.transpose(v, 0, 2, 1, 3)
    q = graph.add("Mul", q, np.array(d**-0.5))
    weights = graph.add("Softmax", graph.add("MatMul", q, k), axis=-1)
    graph.attention[layer.name] = weights, (h, n, n)
    heads = graph.transpose(graph.add("MatMul", weights, v), 0, 2, 1, 3)
    return _dense(graph, layer.projection, graph.reshape(heads, 0, n, h * d))


def _sequence_pooling(graph, layer, x, shape):
    scores = graph.reshape(_dense(graph, layer.score, x), 0, 1, shape[1])
    weights = graph.add("Softmax", scores, axis=-1)  # (batch, 1, tokens)
    graph.attention[layer.name] = weights, (1, shape[1])
    pooled = graph.add("MatMul", weights, x)
    return graph.add("Squeeze", pooled, np.array([1]))  # (batch, embed_dim)


def _add(graph, layer, first, *others, shape):
    for other in others:
        first = graph.add("Add", first, other)
    return first


_WRITERS = {
    layers.Rescaling: _rescaling,
    CCTTokenizer: _tokenizer,
    PatchTokenizer: _patch_tokenizer,
    ClassToken: _class_token,
    PositionEmbedding: _position_embedding,
    LayerNormalization: _layer_normalization,
    layers.LayerNormalization: _layer_normalization,
    SelfAttention: _self_attention,
    layers.Dense: _dense,
    layers.Add: _add,
    SequencePooling: _sequence_pooling,
    ClassPooling: _class_pooling,
    layers.GlobalAveragePooling1D: _average_pooling,
    layers.Flatten: _flatten,
}
