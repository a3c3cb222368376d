"""Several trainings of one model at once on an accelerator, by JAX.

A small network leaves a GPU idle most of the time: a step of CCT-2/3x2 is some
hundred small pieces of work, and to start one takes as long as to do it. Here
several trainings take each step together, with other seeds or other numbers in
their recipes, and a whole epoch is one program: the images, their augmentation
and all steps stay on the device.

References: `jax.vmap` and `jax.lax.scan`,
https://docs.jax.dev/en/latest/automatic-vectorization.html
"""

import contextlib
import dataclasses
import json
import time
from pathlib import Path

import keras
import numpy as np

from cct_utils._environment import command_line, describe_environment
from cct_utils._files import write_atomically
from cct_utils.models import architecture, check_model_arguments
from cct_utils.training.compiled_epochs import (
    Answers,
    CompiledEpochs,
    State,
    assign_member,
)
from cct_utils.training.evaluation import evaluate_logits
from cct_utils.training.experiment import (
    best_epoch,
    check_augmented_once,
    check_data,
    describe_run,
    float32_copy,
)
from cct_utils.training.run_folder import RunFolder
from cct_utils.training.small_images import small_model, with_smaller_images

# Settings in which trainings may differ that take their steps together.
MAY_DIFFER = (
    "learning_rate",
    "final_learning_rate",
    "weight_decay",
    "warmup_epochs",
    "cooldown_epochs",
    "schedule",
    "policy_epochs",
    "mixing_epochs",
)
SAVE_SECONDS = 60  # of training between two states that are saved


def run_together(
    members, *, recipe_name=None, model_arguments=None, report=print
):
    """Trains, tests and records several models that differ in seed or numbers.

    What is trained is what `run_experiment` trains, but for three things: the
    images that are left when all whole batches of an epoch are taken wait for
    another epoch, the augmentation draws other random numbers, and the state
    is saved each minute and not after each epoch. The same call goes on from
    there where a killed one stopped, and trains nothing where all are recorded.
    When the function returns, each model has the best weights of its member; a
    model that several members share has those of the last of them.

    Args:
        members: list of `Member`, each with a folder of its own. Their recipes
            may differ in `MAY_DIFFER`.
        recipe_name: name of the recipe, for the records.
        model_arguments: what the models were built with, for the records.
        report: function that is given a line for each epoch.

    Returns:
        The records, one for each member; they are in the members' folders
        too, beside the weights and the answers to the test images.

    Raises:
        ValueError: if the backend is not JAX, the members differ in more than
            `MAY_DIFFER` or have one folder, or a setting, a model, its
            arguments or the data are not fit.
        FloatingPointError: if a training diverges; names its folder.
    """
    members = _check_members(members)
    check_model_arguments(members[0].model, model_arguments or {})
    environment = describe_environment()
    described = [
        {
            **describe_run(each.model, each.data, each.recipe),
            "model_arguments": model_arguments or {},
            "recipe": recipe_name,
            "seed": each.seed,
            "together": len(members),
        }
        for each in members
    ]
    with contextlib.ExitStack() as stack:
        folders = [
            stack.enter_context(RunFolder(each.folder, words))
            for each, words in zip(members, described, strict=True)
        ]
        finished = [folder.record for folder in folders]
        if None not in finished:
            for each in members:
                each.model.load_weights(Path(each.folder, "best.weights.h5"))
            return finished
        course = _train(members, report)
        answers = _test(members, course.best)
        records = []
        for i, (each, folder) in enumerate(zip(members, folders, strict=True)):
            history = {
                name: [float(values[i]) for values in epochs]
                for name, epochs in course.histories.items()
            }
            record = {
                "schema": 1,
                "command": command_line(),
                **environment,
                **described[i],
                "history": history,
                "best_epoch": best_epoch(history, each.recipe.small_epochs),
                "test": evaluate_logits(answers[i], each.data.y_test),
            }
            tested = float32_copy(each.model)
            assign_member(tested.trainable_variables, course.best, i)
            folder.finish(tested, record, answers[i], each.data.y_test)
            accuracy = record["test"]["accuracy"]
            report(f"{each.folder}: test accuracy {accuracy:.2%}")
            records.append(record)
        for i, each in enumerate(members):
            assign_member(each.model.trainable_variables, course.best, i)
        course.path.unlink(missing_ok=True)
    return records


def _check_members(members):
    """Returns the members with checked data, if they can train together."""
    if keras.backend.backend() != "jax":
        raise ValueError(
            "Trainings take their steps together with JAX only: set "
            "KERAS_BACKEND=jax, or train one seed at a time. Received: "
            f"KERAS_BACKEND={keras.backend.backend()}"
        )
    if not members:
        raise ValueError(
            "`members` must hold at least one training. Received: none"
        )
    folders = [str(Path(each.folder)) for each in members]
    twice = sorted({name for name in folders if folders.count(name) > 1})
    if twice:
        raise ValueError(
            "Each training must have a folder of its own: give each seed, and "
            f"each value of a sweep, once. Received twice: {', '.join(twice)}"
        )
    checked = {}  # several members may have the same
    for each in members:
        data = check_data(each.data, each.model, each.recipe)
        checked.setdefault(id(each.data), data)
        check_augmented_once(each.model, each.recipe)
    members = [e._replace(data=checked[id(e.data)]) for e in members]
    first = members[0]
    for each in members:
        if _common(each) != _common(first):
            raise ValueError(
                "Trainings that take their steps together must be of one "
                "model and of as many images, and their recipes may differ "
                f"in {', '.join(MAY_DIFFER)} alone. Received: {each.folder}, "
                f"which differs in more from {first.folder}"
            )
    if keras.config.dtype_policy().name == "mixed_float16":
        raise ValueError(
            "Trainings that take their steps together do not scale their loss, "
            "as float16 needs it: use mixed_bfloat16 or float32, or train one "
            "seed at a time. Received: mixed_float16"
        )
    if first.recipe.ema_momentum is not None:
        raise ValueError(
            "Trainings that take their steps together keep no average of "
            "their weights: use ema_momentum=null, or train one seed at a "
            f"time. Received: ema_momentum={first.recipe.ema_momentum:g}"
        )
    return members


def _common(member):
    """Returns what must be the same for all members."""
    settings = dataclasses.asdict(member.recipe)
    for name in MAY_DIFFER:
        del settings[name]
    sizes = [len(part) for part in member.data[2:8]]
    network = architecture(member.model, with_augmentation=True)
    return settings, sizes, member.model.name, network


def _train(members, report):
    """Trains the epochs that are not saved yet; returns the `_Course`."""
    recipe = members[0].recipe
    course = _Course(members)
    program = CompiledEpochs(members)
    if course.epochs_done <= recipe.small_epochs:
        if recipe.small_epochs:
            small = CompiledEpochs(_smaller(members))
            if not course.epochs_done:
                course.begin(small.state())
            course.train(small, recipe.small_epochs, report)
            course.begin(program.grown_state(small, course.state))
        elif not course.epochs_done:
            course.begin(program.state())
    course.train(program, recipe.num_epochs, report)
    return course


class _Course:
    """How far trainings are that take their steps together.

    It is saved in the folder of the first member.

    Args:
        members: list of `Member`.

    Raises:
        ValueError: if the folder holds the state of other members.
    """

    def __init__(self, members):
        self.path = Path(members[0].folder, "together.npz")
        self.members = json.dumps(
            [[e.seed, dataclasses.asdict(e.recipe)] for e in members]
        )
        self.saved = time.monotonic()
        self.histories = {}
        if self.path.exists():
            self._load()

    @property
    def epochs_done(self):
        """Number of epochs that are trained."""
        return len(self.histories.get("loss", []))

    def begin(self, state):
        """Goes on with a state of which no epoch has been validated yet."""
        self.state = state
        self.best = [np.array(array) for array in state.weights]
        self.top = np.full(len(self.best[0]), -1.0)

    def train(self, program, until, report):
        """Trains up to an epoch, with the program that fits the state."""
        for epoch in range(self.epochs_done, until):
            start = time.perf_counter(), time.process_time()
            self.state, values = program.train_epoch(self.state, epoch)
            values |= program.validate(self.state)
            self._keep_best(values["val_accuracy"])
            values["seconds"] = time.perf_counter() - start[0]
            values["cpu_seconds"] = time.process_time() - start[1]
            for name, value in values.items():
                value = np.broadcast_to(value, self.top.shape)
                self.histories.setdefault(name, []).append(value)
            if time.monotonic() - self.saved >= SAVE_SECONDS:
                self._save()
            report(
                f"epoch {epoch + 1}: {values['seconds']:.2f} s, validation "
                + ", ".join(f"{x:.1%}" for x in values["val_accuracy"])
            )

    def _keep_best(self, accuracies):
        """Keeps the weights of the members that were never better."""
        better = accuracies > self.top
        self.top = np.maximum(accuracies, self.top)
        if any(better):
            for old, new in zip(self.best, self.state.weights, strict=True):
                old[better] = np.asarray(new)[better]

    def _save(self):
        """Writes everything into one file, atomically."""
        arrays = {"members": np.array(self.members), "top": self.top}
        for kind, values in (
            *self.state._asdict().items(),
            ("best", self.best),
        ):
            for i, array in enumerate(values):
                arrays[f"{kind} {i}"] = np.asarray(array)
        for name, epochs in self.histories.items():
            arrays[f"history {name}"] = np.array(epochs)

        def write(path):
            with open(path, "wb") as file:
                np.savez(file, **arrays)

        write_atomically(self.path, write)
        self.saved = time.monotonic()

    def _load(self):
        """Reads what `_save` wrote."""
        with np.load(self.path, allow_pickle=False) as file:
            arrays = dict(file)
        if str(arrays["members"]) != self.members:
            raise ValueError(
                f"The state in {self.path} belongs to trainings with other "
                "seeds or settings; train those to their end, choose another "
                "folder, or delete that file to start again"
            )

        def listed(kind):
            count = sum(name.startswith(f"{kind} ") for name in arrays)
            return [arrays[f"{kind} {i}"] for i in range(count)]

        self.state = State(*map(listed, State._fields))
        self.best, self.top = listed("best"), arrays["top"]
        self.histories = {
            name.removeprefix("history "): list(values)
            for name, values in arrays.items()
            if name.startswith("history ")
        }


def _smaller(members):
    """Returns the members with models and data of the recipe's small images."""
    scale, data = members[0].recipe.small_scale, {}
    smaller = []
    for each in members:
        model = small_model(each.model, scale)
        if id(each.data) not in data:  # several members may have the same
            size = model.input_shape[1:3]
            data[id(each.data)] = with_smaller_images(each.data, size)
        smaller.append(each._replace(model=model, data=data[id(each.data)]))
    return smaller


def _test(members, weights):
    """Returns the members' answers to their test images, in float32."""
    import jax

    tested = float32_copy(members[0].model)
    answer = Answers(tested, [each.data.x_test for each in members])
    # Without this a GPU rounds the factors of float32 products.
    with jax.default_matmul_precision("highest"):
        return answer(weights)
