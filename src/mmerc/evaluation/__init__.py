"""Evaluation: metrics, the paper's tables, robustness, figures, the report."""

from mmerc.evaluation.metrics import score
from mmerc.evaluation.run_metrics import evaluate

__all__ = ["evaluate", "score"]
