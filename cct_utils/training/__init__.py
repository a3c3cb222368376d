"""Training: one experiment, its progress, and the folder it resumes from."""

from cct_utils.training.calibration import (
    CalibrationBins,
    calibration_bins,
    expected_calibration_error,
)
from cct_utils.training.compiled_epochs import CompiledEpochs, Member
from cct_utils.training.evaluation import (
    evaluate_logits,
    evaluate_run,
    predict_logits,
)
from cct_utils.training.experiment import compile_model, run_experiment
from cct_utils.training.learning_rate import find_learning_rate
from cct_utils.training.recipes import RECIPES, Recipe, find_recipe
from cct_utils.training.run_folder import RunFolder
from cct_utils.training.run_list import Run, load_run_list, train_run_list
from cct_utils.training.together import run_together

__all__ = [
    "RECIPES",
    "Member",
    "Recipe",
    "Run",
    "CalibrationBins",
    "CompiledEpochs",
    "RunFolder",
    "calibration_bins",
    "compile_model",
    "evaluate_logits",
    "evaluate_run",
    "find_learning_rate",
    "find_recipe",
    "expected_calibration_error",
    "load_run_list",
    "predict_logits",
    "run_experiment",
    "run_together",
    "train_run_list",
]
