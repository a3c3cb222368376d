"""Training: one experiment, its progress, and the folder it resumes from."""

from cct_utils.training.experiment import (
    compile_model,
    evaluate_logits,
    run_experiment,
)
from cct_utils.training.run_folder import RunFolder

__all__ = [
    "RunFolder",
    "compile_model",
    "evaluate_logits",
    "run_experiment",
]
