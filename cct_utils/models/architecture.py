"""Which network a model is, whatever its weights, as sixteen digits.

Other numbers of heads, or another way around the residual stream, change no
weight's shape: the weights of one network are loaded into the other without a
word, unless somebody compares the two.
"""

import hashlib
import json
import numbers

from cct_utils.models.by_name import create_model, supported_arguments

# What layers are called, draw and begin with, and the precision they compute
# in, may differ from one model of a network to the next.
NO_PART = (
    *("name", "seed", "dtype", "autocast", "trainable"),
    *("module", "registered_name"),
)


def architecture(model, *, with_augmentation=False):
    """Returns what tells networks apart: layers, settings and connections.

    Names, seeds, initializers, the precision and what is frozen are no part of
    it; nor are settings that are off, of which a newer Keras knows more.

    Args:
        model: a `keras.Model` made of layers from input to output.
        with_augmentation: whether the layers that change images at random, and
            are the identity at inference, are part of the network.

    Returns:
        Sixteen hexadecimal digits, a string.
    """
    text = json.dumps(
        _describe(model.get_config(), with_augmentation),
        sort_keys=True,
        default=lambda value: type(value).__name__,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_augmentation(layer_name):
    """Whether a layer changes images at random.

    Args:
        layer_name: the name of a layer, which alone says so.
    """
    return layer_name.startswith("augmentation")


def recorded_name(model):
    """Returns the name under which `create_model` builds a model once more.

    Args:
        model: a `keras.Model`; any name but that of the article's is its own.
    """
    return "article" if model.name == "cct" else model.name


def check_model_arguments(model, arguments):
    """Raises if one of the book's models could not be built once more.

    A model of another name is not built by its name, and is welcome.

    Args:
        model: a `keras.Model` made of layers from input to output.
        arguments: dict of what it was built with, besides its name, the shape
            of the images, the number of classes and defaults.

    Raises:
        ValueError: if these arguments make another network of that name.
    """
    name = recorded_name(model)
    try:
        known = supported_arguments(name, arguments)
    except ValueError:
        return
    if known == arguments:
        again = create_model(
            name,
            input_shape=model.input_shape[1:],
            num_classes=model.output_shape[-1],
            **arguments,
        )
        if architecture(again) == architecture(model):
            return
    raise ValueError(
        "`model_arguments` must be what the model was built with, besides its "
        "name, data and defaults, or its weights could not be loaded again; a "
        "network of your own needs a name of its own. Received: "
        f"model_arguments={arguments}, of which {name!r} makes another network"
    )


def _describe(config, with_augmentation):
    """Returns the layers of a model's configuration, with their inputs."""
    described, outputs = [], {}
    for layer in config["layers"]:
        settings, name = layer["config"], layer["config"]["name"]
        inputs = _plain(layer.get("inbound_nodes", []), outputs)
        if is_augmentation(name) and not with_augmentation:
            # What takes its output takes its input instead.
            outputs[name] = inputs[0]["args"][0] if inputs else None
            continue
        outputs[name] = len(described)
        settings = (
            _describe(settings, with_augmentation)
            if "layers" in settings  # a model in the model
            else _plain(settings, outputs)
        )
        described.append([layer["class_name"], settings, inputs])
    return described


def _plain(value, outputs):
    """Returns a part of a configuration without what is no part of a network.

    Args:
        value: what Keras's configurations are made of.
        outputs: dict from the names of earlier layers to what stands for their
            output: their place, or that of a tensor.
    """
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            name, *which = value["config"]["keras_history"]
            found = outputs[name]
            return [found, *which] if isinstance(found, int) else found
        return {
            key: _plain(each, outputs)
            for key, each in value.items()
            if key not in NO_PART
            and not str(key).endswith("initializer")
            and each is not None
            and each is not False
        }
    if isinstance(value, list | tuple):
        return [_plain(each, outputs) for each in value]
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return f"{value:.9g}"  # the last digits are the processor's
    return value
