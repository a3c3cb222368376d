"""The command line: `python -m cct_utils train`, `train-list`, `evaluate`."""

import argparse
import fnmatch
import itertools
import json
import sys

from cct_utils.training.recipes import RECIPES
from cct_utils.training.run_list import add_seed_arguments, member_folder

# As a reader of the recipe's Python types them; JSON writes them otherwise.
CONSTANTS = {"True": True, "False": False, "None": None}


def main(arguments=None):
    """Runs one command; returns the exit status.

    Args:
        arguments: the words of the command line; `sys.argv` if None.
    """
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"cct_utils: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nstopped; the same command goes on from the last whole epoch",
            file=sys.stderr,
        )
        return 130
    return 0


def _parser():
    """Returns the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m cct_utils",
        description="Train and evaluate compact convolutional transformers.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser(
        "train",
        help="train a model; the same command resumes a stopped run",
        allow_abbrev=False,  # as a list of runs is read
    )
    train.set_defaults(command=_train)
    train.add_argument(
        "model",
        help="cct_2_3x2, vit_lite_2_4, cvt_2_4 or another variant; article or "
        "vit_keras for a model of keras.io",
    )
    _add_data_arguments(train, default="cifar10")
    train.add_argument("--out", required=True, help="folder of the run")
    train.add_argument(
        "--recipe",
        default="article",
        help=f"{', '.join(RECIPES)} (default: %(default)s)",
    )
    train.add_argument(
        "--epochs", type=int, help="the recipe's own if not given"
    )
    train.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of weights, order, augmentation and validation split "
        "(default: %(default)s)",
    )
    add_seed_arguments(train)
    train.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="another value for a setting of the recipe, or an argument of "
        "the model, for instance learning_rate=0.002 transformer_layers=4",
    )
    train.add_argument(
        "--train-images", type=int, help="use only so many images"
    )
    train.add_argument(
        "--validation-split",
        type=float,
        default=0.1,
        help="share of the training images that is held back "
        "(default: %(default)s)",
    )
    train.add_argument(
        "--precision",
        default="float32",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
        help="of the training; the test is always in float32 "
        "(default: %(default)s)",
    )

    train_list = commands.add_parser(
        "train-list",
        help="train the runs of a TOML file that are not recorded yet",
    )
    train_list.set_defaults(command=_train_list)
    train_list.add_argument("file", help="for instance experiments/fast.toml")
    train_list.add_argument(
        "--only",
        default="*",
        metavar="PATTERN",
        help="names of the runs, as a shell would match files",
    )
    train_list.add_argument(
        "--out",
        default="runs",
        help="folder of the runs (default: %(default)s)",
    )

    evaluate = commands.add_parser(
        "evaluate", help="print top-1 and top-5 of a finished run"
    )
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument("run", help="folder or name of a recorded run")
    evaluate.add_argument(
        "--split",
        default="test",
        choices=("test", "validation"),
        help="which images; what is to be chosen, choose on validation",
    )
    evaluate.add_argument(
        "--mirror",
        action="store_true",
        help="average the answers to each image and to its mirror image",
    )
    _add_data_arguments(evaluate, default=None)
    return parser


def _add_data_arguments(command, default):
    """Adds the arguments that say which images a command works on."""
    command.add_argument(
        "--dataset",
        default=default,
        help="name, or a folder of class folders"
        + f" (default: {default or 'that of the run'})",
    )
    command.add_argument(
        "--image-size", type=int, help="for a folder: pixels of each side"
    )


def _train(options):
    """Trains a model and writes its record."""
    # Imported here, where a training needs them: `evaluate` does not.
    import keras

    from cct_utils.training import run_experiment

    if options.sweep and not options.seeds:
        raise ValueError(
            "--sweep trains values together, of each of the --seeds: name "
            f"these. Received: --sweep {' '.join(options.sweep)}"
        )
    settings, model_arguments = _settings_and_model_arguments(options)
    keras.config.set_dtype_policy(options.precision)
    if options.seeds:
        _train_together(options, settings, model_arguments)
        return
    data, model = _data_and_model(options, options.seed, model_arguments)
    run_experiment(
        model,
        data,
        recipe=options.recipe,
        seed=options.seed,
        run_dir=options.out,
        model_arguments=model_arguments,
        **settings,
    )


def _data_and_model(options, seed, model_arguments):
    """Returns the data as the seed divides them, and the model it draws."""
    import keras

    from cct_utils.data import load_dataset
    from cct_utils.models import create_model

    keras.utils.set_random_seed(seed)
    data = load_dataset(
        options.dataset,
        seed=seed,
        train_images=options.train_images,
        validation_split=options.validation_split,
        image_size=options.image_size,
    )
    model = create_model(
        options.model,
        input_shape=data.image_shape,
        num_classes=data.num_classes,
        augmentation="none",
        **model_arguments,
    )
    return data, model


def _train_together(options, settings, model_arguments):
    """Trains several seeds, and values of settings, with common steps."""
    from cct_utils.training import Member, find_recipe, run_together

    recipe = find_recipe(options.recipe).replace(**settings)
    swept = {
        name: [_parse_value(value) for value in str(values).split(",")]
        for name, values in _parse_words(options.sweep).items()
    }
    members = []
    for seed in options.seeds:
        data, model = _data_and_model(options, seed, model_arguments)
        for values in itertools.product(*swept.values()):
            changes = dict(zip(swept, values, strict=True))
            members.append(
                Member(
                    member_folder(options.out, seed, values),
                    seed,
                    recipe.replace(**changes),
                    model,
                    data,
                )
            )
    run_together(
        members, recipe_name=options.recipe, model_arguments=model_arguments
    )


def _settings_and_model_arguments(options):
    """Returns what `train` changes of the recipe, and what of the model.

    The model's arguments are those that the recipe asks for, where the model
    takes them, and those of `--set`.
    """
    from cct_utils.models import supported_arguments
    from cct_utils.training import find_recipe
    from cct_utils.training.recipes import SETTINGS

    changes = _parse_settings(options.set)
    recipe = find_recipe(options.recipe)
    settings = {key: changes.pop(key) for key in SETTINGS if key in changes}
    if options.epochs is not None:
        if "num_epochs" in settings:
            raise ValueError(
                "--epochs and --set num_epochs say the same: give one of them. "
                f"Received: {options.epochs} and {settings['num_epochs']}"
            )
        settings["num_epochs"] = options.epochs
    model_arguments = supported_arguments(
        options.model, {**recipe.model, **changes}
    )
    unknown = changes.keys() - model_arguments.keys()
    if unknown:
        raise ValueError(
            f"--set must name settings of a recipe ({', '.join(SETTINGS)}) or "
            "arguments of the model, but for the shape of the images and the "
            "number of classes, which the data set has. Received: "
            f"{', '.join(sorted(unknown))}"
        )
    return settings, model_arguments


def _train_list(options):
    """Trains the runs of a list that are not recorded yet."""
    from cct_utils.training import load_run_list, train_run_list

    listed = load_run_list(options.file)
    runs = [run for run in listed if fnmatch.fnmatch(run.name, options.only)]
    if not runs:
        raise ValueError(
            f"--only must match a run of {options.file}: "
            f"{', '.join(run.name for run in listed)}. "
            f"Received: {options.only}"
        )
    failed = train_run_list(runs, options.out)
    if failed:
        raise OSError(f"not recorded: {', '.join(failed)}")


def _parse_settings(words):
    """Returns a dict from the words NAME=VALUE of a command line.

    Values are read as JSON (`0.002`, `true`, `null`) or as constants of Python
    (`True`, `None`), and otherwise as text.
    """
    return {
        name: _parse_value(value) for name, value in _parse_words(words).items()
    }


def _parse_words(words):
    """Returns a dict from the words NAME=VALUE of a command line."""
    parsed = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise ValueError(
                "--set and --sweep take words of the form NAME=VALUE. "
                f"Received: {word!r}"
            )
        if name in parsed:
            raise ValueError(
                "--set and --sweep take each name once. Received: "
                f"{name}={parsed[name]} and {word}"
            )
        parsed[name] = value
    return parsed


def _parse_value(text):
    """Returns what a word means as JSON or as a constant of Python.

    Another word stands for itself.
    """
    if text in CONSTANTS:
        return CONSTANTS[text]
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _evaluate(options):
    """Prints the accuracies of a finished run, computed anew."""
    from cct_utils.results import load_record
    from cct_utils.training import evaluate_run

    record = load_record(options.run)
    result = evaluate_run(
        options.run,
        split=options.split,
        mirror=options.mirror,
        dataset=options.dataset,
        image_size=options.image_size,
    )
    title = options.split.capitalize()
    looks = ", two looks at each" if options.mirror else ""
    print(
        f"{record['model']} on {options.dataset or record['data']['name']}: "
        f"{result['images']:,} {options.split} images{looks}"
    )
    if not result["same_data"]:
        print("Not the pixels of the run: other images, or another copy")
    print(f"{title} accuracy: {result['accuracy']:.2%}")
    print(f"{title} top 5 accuracy: {result['top-5-accuracy']:.2%}")


if __name__ == "__main__":
    sys.exit(main())
