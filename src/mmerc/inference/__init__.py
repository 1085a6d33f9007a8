"""Inference: recordings, texts and live conversations in, predictions and files of them out."""

from mmerc.inference.predictor import Predictor
from mmerc.inference.streaming import Conversation, make_utterance

__all__ = ["Conversation", "Predictor", "make_utterance"]
