"""Training: one experiment, its progress, and the folder it resumes from."""

from cct_utils.training.calibration import (
    CalibrationBins,
    calibration_bins,
    expected_calibration_error,
)
from cct_utils.training.experiment import (
    compile_model,
    evaluate_logits,
    run_experiment,
)
from cct_utils.training.recipes import RECIPES, Recipe, find_recipe
from cct_utils.training.run_folder import RunFolder

__all__ = [
    "RECIPES",
    "Recipe",
    "CalibrationBins",
    "RunFolder",
    "calibration_bins",
    "compile_model",
    "evaluate_logits",
    "find_recipe",
    "expected_calibration_error",
    "run_experiment",
]
