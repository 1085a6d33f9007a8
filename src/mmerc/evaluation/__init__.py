"""Evaluation: metrics, the paper's tables, figures, the report."""

from mmerc.evaluation.evaluate import evaluate
from mmerc.evaluation.metrics import score

__all__ = ["evaluate", "score"]
