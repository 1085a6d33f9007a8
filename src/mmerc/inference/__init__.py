"""Inference: recordings, texts and live conversations in, predictions and files of them out."""

from typing import TYPE_CHECKING

from mmerc.inference.predictor import Predictor
from mmerc.lazy import make_getattr

if TYPE_CHECKING:
    from mmerc.inference.streaming import Conversation, make_utterance

__all__ = ["Conversation", "Predictor", "make_utterance"]
__getattr__ = make_getattr(__name__, dict.fromkeys(("Conversation", "make_utterance"), "mmerc.inference.streaming"))
