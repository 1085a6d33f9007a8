"""Inference: one model folder; your clips in, emotions out."""

from mmerc.inference.predictor import Predictor

__all__ = ["Predictor"]
