"""A trained model: its folder, its networks and calibration, and the predictions it makes."""

from mmerc.model.folder import load_model
from mmerc.model.model import EmotionModel
from mmerc.model.prediction import Prediction

__all__ = ["EmotionModel", "Prediction", "load_model"]
