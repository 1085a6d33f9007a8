"""mmerc: multimodal emotion recognition in conversation."""

from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmerc.corpora import Clip, Corpus, Dialogue, Utterance, open_corpus
    from mmerc.errors import MmercError
    from mmerc.inference import Predictor
    from mmerc.training.run import train

__all__ = ["Clip", "Corpus", "Dialogue", "MmercError", "Predictor", "Utterance", "open_corpus", "train"]
__version__ = metadata.version("mmerc")

_HOMES = {
    "Clip": "mmerc.corpora", "Corpus": "mmerc.corpora", "Dialogue": "mmerc.corpora", "Utterance": "mmerc.corpora",
    "open_corpus": "mmerc.corpora", "MmercError": "mmerc.errors", "Predictor": "mmerc.inference",
    "train": "mmerc.training.run",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: `import mmerc` alone must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mmerc' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
