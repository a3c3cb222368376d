"""Measures whether the input pipeline keeps up with training, per recipe.

python benchmarks/pipeline.py --out benchmarks/results/pipeline.json
"""

import math
import os
import shlex
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from options import measuring_parser, parse_measuring
from rounds import LEAST_STEPS
from summary import PIPELINE_COLUMNS, pipeline_cells, spread, text_table
from worker import measure

from cct_utils._environment import describe_environment
from cct_utils._files import write_json
from cct_utils.models import create_model, supported_arguments
from cct_utils.training import RECIPES, compile_model, find_recipe
from cct_utils.training.batches import ShuffledBatches

# How many times as fast as the training step the pipeline shall be.
BOUND = 3.0
IMAGES = 5_000


def main(arguments=None):
    """Measures the recipes of the command line."""
    options = parse(arguments)
    environment = describe_environment()
    keras.config.set_dtype_policy(options.precision)
    rows = [measure_recipe(name, options) for name in options.recipes]
    print(text_table(PIPELINE_COLUMNS, map(pipeline_cells, rows)))
    if options.out:
        words = sys.argv[1:] if arguments is None else arguments
        write_json(
            options.out,
            {
                "schema": 1,
                "kind": "pipeline",
                "command": shlex.join(
                    ["python", "benchmarks/pipeline.py", *words]
                ),
                **environment,
                "settings": {
                    "rounds": options.rounds,
                    "seconds": options.seconds,
                    "quick": options.quick,
                    "model": options.model,
                    "precision": options.precision,
                },
                "rows": rows,
            },
        )
        print(f"\nwritten: {options.out}")


def parse(arguments):
    """Returns the options of the command line."""
    parser = measuring_parser(__doc__, "batches of 8, two short rounds")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--model", default="cct_2_3x2")
    parser.add_argument(
        "--precision",
        default="mixed_bfloat16",
        help="the faster the step, the harder for the pipeline",
    )
    options = parse_measuring(parser, arguments)
    for name in options.recipes:
        find_recipe(name)  # an unknown one is refused here
    return options


def measure_recipe(name, options):
    """Returns the row of one recipe: both rates, measured in turns.

    The pipeline is measured as the first epochs need it, with everything that
    a recipe may end later. The step has a batch that is there already.
    """
    recipe = find_recipe(name)
    if options.quick:
        recipe = recipe.replace(batch_size=8)
    size = recipe.batch_size
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, 32, 32, 3), dtype="uint8")
    labels = np.eye(10, dtype="float32")[np.arange(IMAGES) % 10]
    changes = recipe.batch_augmentation()
    batches = ShuffledBatches(
        images, labels, size, seed=0, augment=lambda epoch: changes
    )
    whole = IMAGES // size  # without the last, smaller batch

    def make_batches(steps):
        for step in range(steps):
            batches[step % whole]

    model = create_model(
        options.model, **supported_arguments(options.model, recipe.model)
    )
    compile_model(model, recipe, steps_per_epoch=whole)
    ready = tf.data.Dataset.from_tensors(batches[0]).repeat()

    def train(steps):
        model.fit(ready, steps_per_epoch=steps, shuffle=False, verbose=0)

    rates = {"pipeline": [], "step": []}
    runs = {"pipeline": make_batches, "step": train}
    steps = {}
    for key, run in runs.items():
        run(LEAST_STEPS)  # traces, compiles, allocates
        trial = measure(run, LEAST_STEPS)
        steps[key] = max(
            LEAST_STEPS,
            math.ceil(options.seconds * LEAST_STEPS / trial["seconds"]),
        )
    for _ in range(options.rounds):
        for key, run in runs.items():
            burst = measure(run, steps[key])
            rates[key].append(size * burst["steps"] / burst["seconds"])
    ratios = [a / b for a, b in zip(*rates.values(), strict=True)]
    return {
        "recipe": name,
        "augmentation": describe(recipe),
        "optimizer": recipe.optimizer,
        "batch": size,
        "images_per_second": {key: spread(r) for key, r in rates.items()},
        "ratio": spread(ratios),
        "bound": BOUND,
        "holds": spread(ratios)["median"] >= BOUND,
        "bursts": rates,
    }


def describe(recipe):
    """Returns what a recipe does to a batch, in words."""
    parts = [recipe.augmentation]
    if recipe.mixup_alpha:
        parts.append("MixUp")
    if recipe.cutmix:
        parts.append("CutMix")
    if recipe.random_erasing:
        parts.append("random erasing")
    return ", ".join(parts)


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"pipeline: {error}")
