"""Recipes: everything about a training but the model, the data and the seed.

References: Hassani et al., arXiv 2104.05704, and the authors' two published
configurations, https://github.com/SHI-Labs/Compact-Transformers; Loshchilov
and Hutter, arXiv 1711.05101 (AdamW) and 1608.03983 (cosine); Liu et al., Muon
is Scalable for LLM Training, arXiv 2502.16982.
"""

import dataclasses
import numbers

import keras
import numpy as np

from cct_utils._choices import check_choice
from cct_utils.augmentation import BatchAugmentation
from cct_utils.augmentation.batch import IMAGE_POLICIES
from cct_utils.results import small_epochs

# Keras 3.10 has no Muon; that of 3.11 and 3.12 fails with TensorFlow.
HAS_MUON = tuple(map(int, keras.version().split(".")[:2])) >= (3, 13)
if HAS_MUON:
    from cct_utils.training.kernel_muon import KernelMuon

OPTIMIZERS = ("adamw", "muon", "kernel_muon")
SCHEDULES = ("constant", "cosine")
ABOVE_0 = ("learning_rate", "batch_size", "num_epochs", "clip_norm")
AT_LEAST_0 = (
    "final_learning_rate",
    "warmup_epochs",
    "cooldown_epochs",
    "weight_decay",
    "mixup_alpha",
    "mixing_epochs",
    "policy_epochs",
)
IN_PARTS = ("small_scale",)
SHARES = ("label_smoothing", "ema_momentum", "small_share")
PROBABILITIES = ("random_erasing",)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The settings of a training.

    Attributes:
        optimizer: `"adamw"`; `"muon"`, which moves matrices by orthogonal
            steps and everything else by AdamW's; or `"kernel_muon"`, for which
            the kernels of convolutions are matrices too.
        learning_rate: the highest learning rate.
        schedule: `"constant"`, or `"cosine"`: down to `final_learning_rate`
            in half a wave.
        warmup_epochs: epochs in which the rate rises linearly from 0.
        cooldown_epochs: epochs at the end with the final rate.
        final_learning_rate: where the cosine ends.
        weight_decay: decoupled weight decay, times the learning rate.
        decay: `"all"` weights, or `"kernels"`: not biases, norms and
            embeddings.
        label_smoothing: share of each label spread over all classes.
        clip_norm: largest norm of all gradients together; None for no limit.
        ema_momentum: momentum of a moving average of the weights, which is
            then what is validated and tested; None for no average.
        batch_size: images per step.
        num_epochs: passes through the training images.
        augmentation: policy of `BatchAugmentation`.
        mixup_alpha: strength of MixUp; 0 for none.
        cutmix: whether to use CutMix.
        random_erasing: probability of random erasing.
        mixing_epochs: epochs after which MixUp and CutMix end; None for never.
        policy_epochs: epochs after which the policy gives way to shifts and
            mirroring; mixing and erasing go on. None for never.
        small_share: share of the epochs, at the beginning, that train on
            smaller images.
        small_scale: length of their sides, in parts of the whole ones.
        model: arguments that the recipe wants the model to be built with.

    Raises:
        ValueError: if a value is not valid; says which ones are.
    """

    optimizer: str = "adamw"
    learning_rate: float = 0.001
    schedule: str = "constant"
    warmup_epochs: float = 0
    cooldown_epochs: float = 0
    final_learning_rate: float = 0.0
    weight_decay: float = 0.0001
    decay: str = "all"
    label_smoothing: float = 0.1
    clip_norm: float | None = None
    ema_momentum: float | None = None
    batch_size: int = 128
    num_epochs: int = 30
    augmentation: str = "none"
    mixup_alpha: float = 0.0
    cutmix: bool = False
    random_erasing: float = 0.0
    mixing_epochs: int | None = None
    policy_epochs: int | None = None
    small_share: float = 0.0
    small_scale: float = 0.75
    model: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            _check_type(field, value)
            if isinstance(value, np.generic):  # JSON knows no such numbers
                object.__setattr__(self, field.name, value.item())
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("decay", self.decay, ("all", "kernels"))
        check_choice("augmentation", self.augmentation, IMAGE_POLICIES)
        for names, holds, words in (
            (ABOVE_0, lambda value: value > 0, "above 0"),
            (AT_LEAST_0, lambda value: value >= 0, "at least 0"),
            (SHARES, lambda value: 0 <= value < 1, "a share from 0 to below 1"),
            (IN_PARTS, lambda value: 0 < value <= 1, "above 0 and at most 1"),
            (PROBABILITIES, lambda value: 0 <= value <= 1, "from 0 to 1"),
        ):
            for name in names:
                value = getattr(self, name)
                if value is not None and not holds(value):
                    raise ValueError(
                        f"`{name}` must be {words}. Received: {name}={value!r}"
                    )
        fixed = self.warmup_epochs + self.cooldown_epochs
        if self.schedule == "cosine" and fixed >= self.num_epochs:
            raise ValueError(
                "Warm-up and cool-down must leave epochs for the cosine "
                f"between them. Received: num_epochs={self.num_epochs}, "
                f"warmup_epochs={self.warmup_epochs}, "
                f"cooldown_epochs={self.cooldown_epochs}"
            )

    @property
    def small_epochs(self):
        """How many epochs train on smaller images; never all of them."""
        return small_epochs(dataclasses.asdict(self))

    def replace(self, **changes):
        """Returns the recipe with other values.

        Raises:
            ValueError: if there is no such setting; names the nearest.
        """
        for name in changes:
            check_choice("setting", name, SETTINGS)
        return dataclasses.replace(self, **changes)

    def batch_augmentation(self, epoch=0):
        """Returns what changes the batches of an epoch, or None.

        Args:
            epoch: the epoch, counted from 0.

        Returns:
            A `BatchAugmentation`; None where nothing is to change.
        """
        changes = BatchAugmentation(**self.augmentation_arguments(epoch))
        return changes if changes.is_active else None

    def augmentation_arguments(self, epoch=0):
        """Returns the arguments of an epoch's `BatchAugmentation`, a dict."""
        policy = self.augmentation
        if policy != "none" and _is_over(self.policy_epochs, epoch):
            policy = "crop_flip"
        mixes = not _is_over(self.mixing_epochs, epoch)
        return {
            "policy": policy,
            "mixup_alpha": self.mixup_alpha if mixes else 0.0,
            "cutmix": self.cutmix and mixes,
            "random_erasing": self.random_erasing,
        }

    def learning_rate_schedule(self, steps_per_epoch):
        """Returns what a Keras optimizer takes as its learning rate.

        Args:
            steps_per_epoch: number of steps of an epoch.

        Returns:
            A number, or a `keras.optimizers.schedules.LearningRateSchedule`.
        """
        if self.schedule == "constant" and not self.warmup_epochs:
            return self.learning_rate
        epochs = self.num_epochs - self.warmup_epochs - self.cooldown_epochs
        end = (
            self.learning_rate
            if self.schedule == "constant"
            else self.final_learning_rate
        )
        warmup = round(self.warmup_epochs * steps_per_epoch)
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else self.learning_rate,
            decay_steps=max(1, round(epochs * steps_per_epoch)),
            alpha=end / self.learning_rate,
            warmup_target=self.learning_rate if warmup else None,
            warmup_steps=warmup,
        )

    def make_optimizer(self, model, steps_per_epoch):
        """Returns the optimizer for a model.

        Args:
            model: the model whose weights it will move.
            steps_per_epoch: number of steps of an epoch.

        Returns:
            A `keras.optimizers.Optimizer`.
        """
        arguments = {
            "learning_rate": self.learning_rate_schedule(steps_per_epoch),
            "weight_decay": self.weight_decay,
            "global_clipnorm": self.clip_norm,
            "use_ema": self.ema_momentum is not None,
            # Keras wants a number even where it keeps no average.
            "ema_momentum": (
                0.99 if self.ema_momentum is None else self.ema_momentum
            ),
        }
        if self.optimizer == "adamw":
            optimizer = keras.optimizers.AdamW(**arguments)
        elif HAS_MUON:
            kind = (
                keras.optimizers.Muon
                if self.optimizer == "muon"
                else KernelMuon
            )
            optimizer = kind(
                adam_weight_decay=self.weight_decay,
                # The head learns by AdamW, as Muon's authors advise.
                exclude_layers=["logits"],
                **arguments,
            )
        else:
            raise ValueError(
                "The optimizer Muon needs Keras 3.13 or newer: install it, or "
                "use optimizer='adamw'. Received: Keras "
                f"{keras.version()}"
            )
        if self.decay == "kernels":
            optimizer.exclude_from_weight_decay(
                var_list=[
                    variable
                    for variable in model.trainable_variables
                    if not variable.path.endswith("kernel")
                ]
            )
        return optimizer


def _check_type(field, value):
    """Raises unless a value is of the declared type of its field."""
    accepted = field.type
    if isinstance(0.0, accepted):
        accepted |= numbers.Real
    elif accepted is not bool and isinstance(0, accepted):
        accepted |= numbers.Integral
    # To Python a truth value is a number as well; here it is not.
    mistaken = isinstance(value, bool) != (accepted is bool)
    if mistaken or not isinstance(value, accepted):
        expected = getattr(field.type, "__name__", field.type)
        raise ValueError(
            f"`{field.name}` must be of the type {expected}. "
            f"Received: {field.name}={value!r}"
        )


def _is_over(epochs, epoch):
    """Whether something that lasts so many epochs has ended by this one."""
    return epochs is not None and epoch >= epochs


# What one training can change of a recipe. The model is built before it: its
# arguments are no setting of a training.
SETTINGS = tuple(
    field.name for field in dataclasses.fields(Recipe) if field.name != "model"
)

# The book's own, for half an hour of two processor cores.
FAST = Recipe(
    optimizer="kernel_muon",
    learning_rate=4e-3,
    schedule="cosine",
    warmup_epochs=2,
    weight_decay=0.05,
    decay="kernels",
    num_epochs=43,
    augmentation="autoaugment",
    policy_epochs=38,
    small_share=0.6,
    # So short a training underfits: nothing in the model drops anything.
    model={
        "residual": "pre_norm",
        "stochastic_depth_rate": 0.0,
        "attention_dropout_rate": 0.0,
    },
)

RECIPES = {
    # The keras.io example: one learning rate from the first step to the last.
    "article": Recipe(augmentation="crop_flip"),
    # The authors' examples/main.py, which decays every weight.
    "authors_200": Recipe(
        learning_rate=5e-4,
        schedule="cosine",
        warmup_epochs=5,
        weight_decay=0.03,
        num_epochs=200,
        augmentation="autoaugment",
    ),
    # The authors' configs/pretrained/cct_7-3x1_cifar10_300epochs.yml.
    "authors_300": Recipe(
        learning_rate=5.5e-4,
        schedule="cosine",
        warmup_epochs=10,
        cooldown_epochs=10,
        final_learning_rate=1e-5,
        weight_decay=0.06,
        decay="kernels",
        num_epochs=310,
        augmentation="randaugment",
        mixup_alpha=0.8,
        cutmix=True,
        mixing_epochs=175,
    ),
    "fast": FAST,
    # The same in smaller steps and more of them: an hour of one core with
    # matrix instructions for bfloat16.
    "hour": FAST.replace(
        learning_rate=2e-3,
        batch_size=64,
        num_epochs=52,
        policy_epochs=46,
    ),
    # The same for two hundred epochs, on a GPU. It drops nothing either, which
    # was not varied.
    "long": FAST.replace(
        learning_rate=3e-3,
        warmup_epochs=5,
        num_epochs=200,
        policy_epochs=184,
        small_share=0.0,
    ),
}


def find_recipe(name):
    """Returns a recipe by its name.

    Args:
        name: a key of `RECIPES`, for instance `"fast"`.

    Raises:
        ValueError: if there is no such recipe; names the nearest.
    """
    check_choice("recipe", name, RECIPES)
    return RECIPES[name]
