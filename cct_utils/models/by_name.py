"""Any of the models by its name alone, as records and the command line do."""

import inspect

from cct_utils._choices import unknown_choice
from cct_utils.models.cct import (
    CCT_NAMES,
    create_cct_model,
    create_cct_variant,
    parse_variant,
)
from cct_utils.models.vit import (
    VIT_NAMES,
    create_keras_vit,
    create_vit_variant,
    parse_vit_variant,
)

# What builds a model of this name; for the names of a family, what builds the
# model and what reads its sizes off the name.
_MODELS = {"article": create_cct_model, "vit_keras": create_keras_vit}
_FAMILIES = {
    "cct": (create_cct_variant, parse_variant),
    "vit": (create_vit_variant, parse_vit_variant),
    "cvt": (create_vit_variant, parse_vit_variant),
}

# What a model takes besides, which is no choice of whoever trains it.
_GIVEN = {"name", "image_size", "input_shape", "num_classes"}


def create_model(name, **arguments):
    """Returns one of the models of the book, by name.

    Args:
        name: `"article"` for `create_cct_model`, `"vit_keras"` for
            `create_keras_vit`, or the name of a variant: `"cct_2_3x2"`,
            `"vit_lite_2_4"`, `"cvt_2_4"`, and so on.
        **arguments: passed on to the function that builds the model.

    Returns:
        A `keras.Model` from pixels to logits.

    Raises:
        ValueError: if there is no such model; the message names the nearest.
    """
    if name in _MODELS:
        return _MODELS[name](**arguments)
    create, _ = _family(name)
    return create(name, **arguments)


def supported_arguments(name, arguments):
    """Returns those of the arguments that the model of this name takes.

    Its name, and what the data set says (the shape of the images and the
    number of classes), are not among them.

    Args:
        name: as for `create_model`.
        arguments: dict of arguments, for instance those of a recipe.

    Raises:
        ValueError: if there is no such model; the message names the nearest.
    """
    if name in _MODELS:
        create, sizes = _MODELS[name], {}
    else:
        create, parse = _family(name)
        sizes = parse(name)  # the overrides that the function takes
    taken = {*inspect.signature(create).parameters, *sizes} - _GIVEN
    return {key: arguments[key] for key in arguments if key in taken}


def parse_name(name):
    """Returns the sizes that the name of any variant stands for.

    Args:
        name: for instance `"cct_2_3x2"` or `"vit_lite_2_4"`.

    Returns:
        The dict of `parse_variant` or `parse_vit_variant`.

    Raises:
        ValueError: if there is no such model; the message names the nearest.
    """
    _, parse = _family(name)
    return parse(name)


def _family(name):
    """Returns what builds models of such names, and what reads the names."""
    family = str(name).partition("_")[0]
    if family in _FAMILIES:
        return _FAMILIES[family]
    raise unknown_choice(
        "A model is named article, vit_keras, or as a variant: "
        "cct_<layers>_<kernel>x<convolutions>, vit_lite_<layers>_<patch size> "
        "or cvt_<layers>_<patch size>",
        name,
        (*_MODELS, *CCT_NAMES, *VIT_NAMES),
    )
