"""mmerc: the emotion expressed in each utterance of a conversation, predicted from text, audio and face.

Predictor       a trained model: predicts clips, recordings, texts, corpora and live conversations
Prediction      the result for one utterance
Predictions     the results for a recording, a list
open_corpus     reads a corpus
load_config     reads a preset or a configuration file
train           trains a model on a corpus
evaluate        scores the predictions of a run
combine         makes one model from networks that were trained apart
"""

from importlib import metadata
from typing import TYPE_CHECKING

from mmerc.lazy import make_getattr
from mmerc.threads import avoid_spinning

if TYPE_CHECKING:
    from mmerc.corpora import Clip, Corpus, Dialogue, LiveRecording, Utterance, open_corpus
    from mmerc.errors import MmercError
    from mmerc.evaluation import evaluate
    from mmerc.inference import Predictor
    from mmerc.model import Prediction, Predictions
    from mmerc.model.combine import combine
    from mmerc.training.run import train
    from mmerc.training.run_config import load_config

avoid_spinning()
__version__ = metadata.version("mmerc")

_MODULES = {
    "Clip": "mmerc.corpora",
    "Corpus": "mmerc.corpora",
    "Dialogue": "mmerc.corpora",
    "LiveRecording": "mmerc.corpora",
    "MmercError": "mmerc.errors",
    "Prediction": "mmerc.model",
    "Predictions": "mmerc.model",
    "Predictor": "mmerc.inference",
    "Utterance": "mmerc.corpora",
    "combine": "mmerc.model.combine",
    "evaluate": "mmerc.evaluation",
    "load_config": "mmerc.training.run_config",
    "open_corpus": "mmerc.corpora",
    "train": "mmerc.training.run",
}

__all__ = [
    "Clip",
    "Corpus",
    "Dialogue",
    "LiveRecording",
    "MmercError",
    "Prediction",
    "Predictions",
    "Predictor",
    "Utterance",
    "__version__",
    "combine",
    "evaluate",
    "load_config",
    "open_corpus",
    "train",
]


__getattr__ = make_getattr(__name__, _MODULES)


def __dir__() -> list[str]:
    return __all__
