"""A trained model: its folder, its networks and calibration, and the predictions it makes."""

from typing import TYPE_CHECKING

from mmerc.lazy import make_getattr
from mmerc.model.prediction import Prediction, Predictions

if TYPE_CHECKING:
    from mmerc.model.folder import load_model
    from mmerc.model.model import EmotionModel

__all__ = ["EmotionModel", "Prediction", "Predictions", "load_model"]
__getattr__ = make_getattr(__name__, {"EmotionModel": "mmerc.model.model", "load_model": "mmerc.model.folder"})
