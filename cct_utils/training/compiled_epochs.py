"""Epochs of several models as one program on an accelerator, by JAX.

The images, their augmentation and all steps stay on the device, and the models
take each step together: `jax.vmap` adds an axis to the program for one of
them, `jax.lax.scan` runs its steps.

Reference: https://docs.jax.dev/en/latest/automatic-vectorization.html
"""

import functools
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from cct_utils.augmentation.compiled import CompiledAugmentation
from cct_utils.data import Dataset
from cct_utils.layers import CCTTokenizer, PatchTokenizer, SelfAttention
from cct_utils.models import copy_resized
from cct_utils.training.evaluation import evaluate_logits
from cct_utils.training.experiment import copy_of, stream_states
from cct_utils.training.recipes import Recipe

CHUNK = 1000  # images of one model that are answered at a time
AHEAD = 24  # batches of a single model that are augmented at a time


class Member(NamedTuple):
    """One of the trainings.

    `folder` is its run folder, `model` is built with its seed, and `data` are
    divided by it.
    """

    folder: str
    seed: int
    recipe: Recipe
    model: keras.Model
    data: Dataset


class State(NamedTuple):
    """All that a step changes: lists of arrays `(members, ...)`."""

    weights: list
    others: list  # the model's variables that are not trained
    optimizer: list


class CompiledEpochs:
    """The epochs of some members, each of them one program on the device.

    The members' models stay as they are: the program is that of a copy.

    Args:
        members: list of `Member`, as for `run_together`.
    """

    def __init__(self, members):
        import jax

        self.jax, self.jnp = jax, jax.numpy
        self.members = members
        self.model, recipe = copy_of(members[0].model), members[0].recipe
        self.batch_size = recipe.batch_size
        self.steps = len(members[0].data.x_train) // self.batch_size
        # Each member's rate is given to each step: see `_step`.
        self.optimizer = recipe.replace(
            schedule="constant", warmup_epochs=0, cooldown_epochs=0
        ).make_optimizer(self.model, self.steps)
        self.optimizer.build(self.model.trainable_variables)
        self.rate_index = next(
            index
            for index, variable in enumerate(self.optimizer.variables)
            if variable is self.optimizer.learning_rate
        )
        self.loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        )
        self.classes = self.model.output_shape[-1]
        self.rates = [self._rates(each.recipe) for each in members]
        self.decays = self._stack(
            [each.recipe.weight_decay for each in members]
        )
        self.data = (
            self._stack([each.data.x_train for each in members]),
            self._stack([each.data.y_train for each in members]),
        )
        if len(members) > 1:
            convolve_by_products(self.model)
        attend_in_one_kernel(self.model)
        self.epoch = jax.jit(self._epoch, donate_argnums=0, static_argnums=1)
        self.answer_validation = Answers(
            self.model, [e.data.x_val for e in members]
        )

    def _stack(self, arrays):
        """Returns one array of the members' arrays, on the device."""
        return self.jnp.array(np.stack([np.asarray(each) for each in arrays]))

    def _rates(self, recipe):
        """Returns the learning rate of each step of the whole training."""
        schedule = recipe.learning_rate_schedule(self.steps)
        steps = self.jnp.arange(recipe.num_epochs * self.steps)
        if not callable(schedule):
            return np.full(len(steps), schedule, "float32")
        return np.asarray(self.jax.vmap(schedule)(steps))

    def state(self):
        """Returns the state of a training that begins with the models."""

        def stacked(kind):
            same = zip(
                *(getattr(e.model, kind) for e in self.members), strict=True
            )
            return [self._stack([v.value for v in each]) for each in same]

        optimizer = [
            self._stack([variable.value] * len(self.members))
            for variable in self.optimizer.variables
        ]
        return State(
            stacked("trainable_variables"),
            stacked("non_trainable_variables"),
            optimizer,
        )

    def grown_state(self, small, state):
        """Returns the state that goes on where a small program stopped."""
        grown = []
        for i in range(len(self.members)):
            assign_member(small.model.trainable_variables, state.weights, i)
            assign_member(small.model.non_trainable_variables, state.others, i)
            assign_member(small.optimizer.variables, state.optimizer, i)
            for source, target in (
                (small.model.weights, self.model.weights),
                (small.optimizer.variables, self.optimizer.variables),
            ):
                copy_resized(small.model, self.model, source, target)
            grown.append(
                [
                    [np.asarray(variable.value) for variable in variables]
                    for variables in (
                        self.model.trainable_variables,
                        self.model.non_trainable_variables,
                        self.optimizer.variables,
                    )
                ]
            )
        return State(
            *(
                [self._stack(same) for same in zip(*each, strict=True)]
                for each in zip(*grown, strict=True)
            )
        )

    def train_epoch(self, state, epoch):
        """Trains all members for one epoch.

        Args:
            state: a `State`, which is used up.
            epoch: the epoch, counted from 0.

        Returns:
            `(state, values)`: the new `State`, and a dict with `loss` and
            `accuracy`, arrays `(members,)`.

        Raises:
            FloatingPointError: if a loss is not a number, or out of bounds;
                names the folders of these members.
        """
        jnp, random = self.jnp, self.jax.random
        streams = [
            i
            for i, variable in enumerate(self.model.non_trainable_variables)
            if "seed_generator_state" in variable.path
        ]
        others = list(state.others)
        drawn = [
            stream_states(e.seed, epoch, len(streams)) for e in self.members
        ]
        for index, same in zip(streams, zip(*drawn, strict=True), strict=True):
            others[index] = self._stack(same).astype(others[index].dtype)
        kinds, chosen = [], []
        for each in self.members:
            kind = tuple(each.recipe.augmentation_arguments(epoch).items())
            if kind not in kinds:
                kinds.append(kind)
            chosen.append(kinds.index(kind))
        keys = [random.fold_in(random.key(e.seed), epoch) for e in self.members]
        here = slice(epoch * self.steps, (epoch + 1) * self.steps)
        state, sums = self.epoch(
            state._replace(others=others),
            tuple(kinds),
            self.data,
            jnp.array(
                np.stack([self._order(e, epoch) for e in self.members], 1)
            ),
            jnp.array(np.stack([rates[here] for rates in self.rates], 1)),
            jnp.stack(keys),
            jnp.array(chosen),
        )
        count = self.steps * self.batch_size
        values = {name: np.asarray(sums[name]) / count for name in sums}
        self._check_losses(values["loss"], epoch)
        return state, values

    def _check_losses(self, losses, epoch):
        """Raises if trainings diverged, and names them."""
        lost = [
            f"{member.folder} with a loss of {loss:g} and a learning rate of "
            f"{member.recipe.learning_rate:g}"
            for member, loss in zip(self.members, losses, strict=True)
            if not loss <= 10 * np.log(self.classes)
        ]
        if lost:
            raise FloatingPointError(
                f"Diverged in epoch {epoch + 1}: {', '.join(lost)}. Use a "
                "lower learning rate there, or look for images or labels that "
                "are not numbers"
            )

    def _order(self, member, epoch):
        """Returns the images of each step, as `ShuffledBatches` draws them.

        Sorted in each batch as there, or dropout would meet other images.
        """
        rng = np.random.default_rng((member.seed, epoch))
        order = rng.permutation(len(member.data.x_train))
        order = order[: self.steps * self.batch_size]
        return np.sort(order.reshape(self.steps, self.batch_size))

    def validate(self, state):
        """Returns the metrics of the validation images.

        Args:
            state: a `State`, which stays as it is.

        Returns:
            A dict with `val_loss`, `val_accuracy` and `val_top-5-accuracy`,
            arrays `(members,)`.
        """
        logits = self.answer_validation(state.weights)
        values = {}
        for answers, member in zip(logits, self.members, strict=True):
            labels = member.data.y_val
            score = evaluate_logits(answers, labels)
            # With the smoothing of the training, as Keras validates.
            one_hot = keras.utils.to_categorical(labels, self.classes)
            score["loss"] = float(self.loss(one_hot, answers))
            for name in ("accuracy", "loss", "top-5-accuracy"):
                values.setdefault(f"val_{name}", []).append(score[name])
        return {name: np.array(each) for name, each in values.items()}

    def _epoch(self, state, kinds, data, orders, rates, keys, chosen):
        """Returns the state after all steps of an epoch, and summed metrics.

        This is the program that is compiled. The images are an argument of
        it: as constants they would be compiled as well, for minutes.
        """
        jax = self.jax
        changes = [CompiledAugmentation(**dict(kind)) for kind in kinds]

        def member_batch(images, labels, order, key, choice):
            batch = images[order], jax.nn.one_hot(labels[order], self.classes)
            changed = [change(key, *batch) for change in changes]
            return [
                jax.lax.select_n(choice, *same) if len(changes) > 1 else same[0]
                for same in zip(*changed, strict=True)
            ]

        def batch_of(drawn):
            order, number = drawn
            return jax.vmap(member_batch)(
                *data,
                order,
                jax.vmap(jax.random.fold_in, (0, None))(keys, number),
                chosen,
            )

        drawn = orders, jax.numpy.arange(self.steps)
        if len(self.members) == 1:
            # A single batch is too little for a GPU to augment. Several
            # members' is not, and an epoch of theirs is much to remember.
            drawn = jax.lax.map(batch_of, drawn, batch_size=AHEAD)

        def step(state, inputs):
            batch, rate = inputs
            if len(self.members) > 1:
                batch = batch_of(batch)
            return jax.vmap(self._step)(state, *batch, rate, self.decays)

        state, sums = jax.lax.scan(step, state, (drawn, rates))
        return state, {name: sums[name].sum(axis=0) for name in sums}

    def _step(self, state, images, labels, rate, decay):
        """Returns the state of one member after a step, and its metrics."""
        jax, jnp = self.jax, self.jnp

        def loss_of(weights):
            logits, others = self.model.stateless_call(
                weights, state.others, images, training=True
            )
            return self.loss(labels, logits), (logits, others)

        (loss, (logits, others)), gradients = jax.value_and_grad(
            loss_of, has_aux=True
        )(state.weights)
        optimizer = list(state.optimizer)
        optimizer[self.rate_index] = rate
        # Keras keeps the decay as an attribute: while the step is traced it
        # is the member's own.
        self.optimizer.weight_decay = self.optimizer.adam_weight_decay = decay
        weights, optimizer = self.optimizer.stateless_apply(
            optimizer, gradients, state.weights
        )
        right = jnp.argmax(logits, -1) == jnp.argmax(labels, -1)
        sums = {"loss": loss * len(images), "accuracy": right.sum()}
        return State(weights, others, optimizer), sums


class Answers:
    """Logits of images of each member, some of them at a time.

    Args:
        model: model from pixels to logits.
        images: list of the members' images, arrays of one shape.
    """

    def __init__(self, model, images):
        import jax

        self.count = len(images[0])
        chunks = -(-self.count // CHUNK)
        size = -(-self.count // chunks)
        # The last chunk is filled up with the first images.
        index = np.arange(chunks * size) % self.count
        self.images = [
            jax.numpy.array(np.stack([each[part] for each in images]))
            for part in np.split(index, chunks)
        ]
        self.others = [v.value for v in model.non_trainable_variables]

        def answer(weights, others, images):
            return model.stateless_call(
                weights, others, images, training=False
            )[0]

        self.answer = jax.jit(jax.vmap(answer, in_axes=(0, None, 0)))

    def __call__(self, weights):
        """Returns an array `(members, images, classes)`.

        Args:
            weights: the trained variables, arrays `(members, ...)`.
        """
        logits = [
            self.answer(weights, self.others, images) for images in self.images
        ]
        return np.concatenate(logits, axis=1)[:, : self.count]


def assign_member(variables, arrays, index):
    """Gives variables the values of one member.

    Args:
        variables: variables of a model or an optimizer.
        arrays: as many arrays `(members, ...)`.
        index: which member.
    """
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array[index])


def convolve_by_products(model):
    """Makes a tokenizer's convolutions products of matrices.

    Convolutions of several models at once, each with kernels of its own, are
    grouped convolutions, for which GPUs have no fast programs. Products of
    many matrices they have.

    Args:
        model: a model; its convolutions compute the same as before.
    """
    for layer in model.layers:
        if isinstance(layer, CCTTokenizer):
            convolutions = layer.convolutions
        elif isinstance(layer, PatchTokenizer):
            convolutions = [layer.convolution]
        else:
            continue
        for convolution in convolutions:
            convolution.convolution_op = functools.partial(
                _product_of_patches, convolution
            )


def _product_of_patches(convolution, images, kernel):
    """Returns what a convolution answers, as a product of all its patches."""
    height, width, channels, filters = kernel.shape
    if convolution.padding == "same":  # of stride 1, as the tokenizers use it
        sides = ((height - 1) // 2, height // 2), ((width - 1) // 2, width // 2)
        images = ops.pad(images, ((0, 0), *sides, (0, 0)))
    down, right = convolution.strides
    rows = (images.shape[1] - height) // down + 1
    columns = (images.shape[2] - width) // right + 1
    patches = ops.concatenate(
        [
            images[
                :,
                i : i + down * (rows - 1) + 1 : down,
                j : j + right * (columns - 1) + 1 : right,
            ]
            for i in range(height)
            for j in range(width)
        ],
        axis=-1,
    )
    return patches @ ops.reshape(kernel, (height * width * channels, filters))


def attend_in_one_kernel(model, implementation="cudnn"):
    """Makes a model's attention one kernel of the GPU, where it has one.

    The scores of all pairs of tokens then never leave the chip: in CCT-7/3x1
    they are four times as many numbers as the tokens. Layers that drop
    attention weights stay as they are, and so do all in float32, for which
    cuDNN has no such kernel.

    Reference: Dao et al., FlashAttention, arXiv 2205.14135.

    Args:
        model: a model; its attention computes the same as before.
        implementation: one of those of `jax.nn.dot_product_attention`.
    """
    import jax

    def attend(q, k, v):
        return jax.nn.dot_product_attention(
            q, k, v, implementation=implementation
        )

    works = {}  # the layers of a model are alike
    for layer in model.layers:
        if not isinstance(layer, SelfAttention) or layer.dropout_rate:
            continue
        _, tokens, _ = layer.input.shape
        shape = (2, tokens, layer.num_heads, layer.head_dim)
        kind = shape, layer.compute_dtype
        if kind not in works:
            works[kind] = _computes(attend, jax.numpy.zeros(*kind))
        if works[kind]:
            layer.fused_attention = attend


def _computes(attend, x):
    """Whether this machine has programs for an attention and its gradient."""
    import jax

    def total(x):
        return attend(x, x, x).sum()

    try:
        for function in (total, jax.grad(total)):
            # As the steps and the answers have it: for several members.
            jax.block_until_ready(jax.jit(jax.vmap(function))(x[None]))
    except RuntimeError:
        return False
    return True
