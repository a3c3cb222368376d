"""Any of the models by its name alone, as records and the command line do."""

from cct_utils.models._shared import nearest
from cct_utils.models.cct import (
    CCT_NAMES,
    create_cct_model,
    create_cct_variant,
)
from cct_utils.models.vit import (
    VIT_NAMES,
    create_keras_vit,
    create_vit_variant,
)

# What builds a model of this name, and what builds one of a family's names.
_MODELS = {"article": create_cct_model, "vit_keras": create_keras_vit}
_FAMILIES = {
    "cct": create_cct_variant,
    "vit": create_vit_variant,
    "cvt": create_vit_variant,
}


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
    family = str(name).partition("_")[0]
    if family in _FAMILIES:
        return _FAMILIES[family](name, **arguments)
    names = (*_MODELS, *CCT_NAMES, *VIT_NAMES)
    raise ValueError(
        "A model is named article, vit_keras, or as a variant: "
        "cct_<layers>_<kernel>x<convolutions>, vit_lite_<layers>_<patch size> "
        f"or cvt_<layers>_<patch size>{nearest(name, names)}. "
        f"Received: {name!r}"
    )
