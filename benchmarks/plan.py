"""Which cases `speed.py` measures, in groups whose cases take turns."""

from typing import NamedTuple

MODELS = ("article", "cct_2_3x2", "cct_7_3x1", "vit_lite_2_4", "cvt_2_4")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
USUAL_PRECISIONS = PRECISIONS[:2]  # measured where none is named
MEMBERS = (4, 16)  # models that train with common steps
BATCH_SIZES = (32, 64, 128, 256, 512)
IMAGE_SIZES = (32, 64, 96, 128, 224)
DEPTHS = (1, 2, 4, 8)
DUEL = ("article", "cct_2_3x2")  # the two that acceptance compares


class Case(NamedTuple):
    """One thing to measure; a worker gets it as JSON."""

    group: str
    task: str  # "train", "infer", or "product" for the matrix product
    model: str
    precision: str = "float32"
    framework: str = "keras"  # or "pytorch"
    batch: int = 128
    image_size: int = 32
    layers: int | None = None  # None for the model's own number
    augmentation: str = "none"  # what the model itself does in training
    jit_compile: bool | None = None  # None for the framework's default
    steps_per_execution: int = 1
    call: str = "compiled"  # or "predict_on_batch", "eager"; inference only
    channels_last: bool = False  # PyTorch only
    members: int = 0  # models that train with common steps, JAX only
    onednn: bool = True  # TensorFlow's own default depends on the processor
    keras_norm: bool = False  # Keras's LayerNormalization, with its gradient
    size: int = 0  # side of the matrices of "product"

    @property
    def setting(self):
        """What sets this case apart from the plain one, in words."""
        parts = []
        if self.augmentation != "none":
            parts.append(self.augmentation)
        if self.jit_compile and self.framework == "keras":
            parts.append("XLA")
        if self.jit_compile and self.framework == "pytorch":
            parts.append("torch.compile")
        if self.steps_per_execution > 1:
            parts.append(f"{self.steps_per_execution} steps per execution")
        if self.members:
            parts = ["whole epochs compiled"]
        if self.members > 1:
            parts.append(f"{self.members} together")
        if not self.onednn:
            parts.append("without oneDNN")
        if self.keras_norm:
            parts.append("Keras's layer norm")
        if self.call != "compiled":
            parts.append(self.call)
        if self.channels_last:
            parts.append("channels last")
        if self.framework == "pytorch" and not parts:
            parts.append("as written")
        return ", ".join(parts)


def plan(
    groups=None,
    models=MODELS,
    precisions=USUAL_PRECISIONS,
    *,
    batch=128,
    peer=False,
    peer_compile=False,
    product_size=2048,
):
    """Returns the cases by group.

    Args:
        groups: names of the groups to measure; all but `"accelerator"`,
            which needs JAX, if None.
        models: names for `create_model`.
        precisions: names of Keras's dtype policies.
        batch: images of a training step, where it does not vary.
        peer: whether the PyTorch network is measured too.
        peer_compile: whether it is measured with `torch.compile` as well.
        product_size: side of the matrices whose product is the peak.

    Returns:
        A dict from the name of a group to its list of `Case`. Each begins with
        the matrix products, so that a share of the peak compares what was
        measured in turns.

    Raises:
        ValueError: if there is no group of that name.
    """
    cases = {
        "training": _training("training", models, precisions, batch),
        "settings": _settings("settings", models, precisions, batch),
        "inference 256": _each_inference(models, precisions, 256),
        "inference 1": _each_inference(models, precisions, 1),
        **_growth(models, precisions, batch),
        "accelerator": _accelerator(models, precisions, batch),
    }
    if peer:
        ways = _peer_ways(precisions, peer_compile)
        for name, size in (
            ("settings", batch),
            ("inference 256", 256),
            ("inference 1", 1),
        ):
            task = "train" if name == "settings" else "infer"
            cases[name] += [
                Case(name, task, "cct_2_3x2", batch=size, **way) for way in ways
            ]
    unknown = set(groups or ()) - set(cases)
    if unknown:
        raise ValueError(
            f"A group is one of {', '.join(cases)}. "
            f"Received: {', '.join(sorted(unknown))}"
        )
    return {
        name: _products(name, cases[name], product_size) + cases[name]
        for name in groups or [each for each in cases if each != "accelerator"]
        if cases[name]
    }


def _products(group, cases, size):
    """Returns the matrix products of the precisions that the cases have."""
    return [
        Case(group, "product", "matrix product", precision, size=size)
        for precision in dict.fromkeys(
            case.precision.removeprefix("mixed_") for case in cases
        )
    ]


def _each_model(group, models, precisions, batch):
    """Returns one training step of each model in each precision."""
    return [
        Case(group, "train", model, precision, batch=batch)
        for model in models
        for precision in precisions
    ]


def _training(group, models, precisions, batch):
    """Returns each model's step, and two of them without oneDNN."""
    cases = _each_model(group, models, precisions, batch)
    return cases + [
        case._replace(onednn=False)
        for case in cases
        if case.model in DUEL and case.precision == "float32"
    ]


def _settings(group, models, precisions, batch):
    """Returns the ways to train the two models of the acceptance points."""
    cases = []
    for model in DUEL:
        if model not in models:
            continue
        for precision in precisions:
            plain = Case(group, "train", model, precision, batch=batch)
            cases += [
                plain,
                plain._replace(augmentation="crop_flip"),
                plain._replace(keras_norm=True),
            ]
            if model == "cct_2_3x2":
                cases += [
                    plain._replace(jit_compile=True),
                    plain._replace(steps_per_execution=8),
                ]
    return cases


def _accelerator(models, precisions, batch):
    """Returns the ways to keep a GPU busy with small models."""
    cases = _each_model("accelerator", models, precisions, batch)
    last = [case for case in cases if case.precision == precisions[-1]]
    compiled = [case._replace(members=1) for case in last]
    for plain in last:
        if plain.model == "cct_2_3x2":
            cases += [
                plain._replace(steps_per_execution=8),
                plain._replace(batch=4 * batch),
            ]
            compiled += [plain._replace(members=count) for count in MEMBERS]
    # So many steps are an epoch of such a case.
    return cases + [case._replace(steps_per_execution=50) for case in compiled]


def _each_inference(models, precisions, batch):
    """Returns how each model answers a batch, and other ways to ask one."""
    group = f"inference {batch}"
    cases = []
    for model in models:
        for precision in precisions:
            plain = Case(group, "infer", model, precision, batch=batch)
            cases.append(plain)
            if model == "cct_2_3x2":
                cases.append(plain._replace(jit_compile=True))
    if "cct_2_3x2" in models:
        plain = Case(group, "infer", "cct_2_3x2", precisions[0], batch=batch)
        cases += [
            plain._replace(call=call) for call in ("predict_on_batch", "eager")
        ]
    return cases


def _peer_ways(precisions, with_compile):
    """Returns the settings of the PyTorch network, "as written" first."""
    ways = []
    if "float32" in precisions:
        ways += [{"channels_last": False}, {"channels_last": True}]
    if "mixed_bfloat16" in precisions:
        ways.append({"channels_last": True, "precision": "mixed_bfloat16"})
    if with_compile:
        ways += [{**way, "jit_compile": True} for way in ways]
    return [{"framework": "pytorch", **way} for way in ways]


def _growth(models, precisions, batch):
    """Returns training steps over batch size, image size and depth.

    At 224 pixels CCT-2/3x2 has 3,136 tokens and compares each with each:
    eight images are what a computer of 16 GB holds. The paper's larger kernel,
    CCT-2/7x2, has 196 there.
    """
    growing = [
        name
        for name in ("article", "cct_2_3x2", "vit_lite_2_4")
        if name in models
    ]
    plain = [
        Case("", "train", name, precisions[0], batch=batch) for name in growing
    ]
    convolutional = "cct_2_3x2" in models
    small = [
        Case("", "train", name, precisions[0], batch=8)
        for name in (("cct_2_3x2", "cct_2_7x2") if convolutional else ())
    ]
    groups = {
        "batch": [c._replace(batch=n) for c in plain for n in BATCH_SIZES],
        "image size": [
            c._replace(image_size=n) for c in small for n in IMAGE_SIZES
        ],
        "depth": [c._replace(layers=n) for c in plain for n in DEPTHS],
    }
    return {
        name: [case._replace(group=name) for case in cases]
        for name, cases in groups.items()
    }
