"""Transcription: the text of an utterance from its samples, by a Whisper network of faster-whisper (the extra `asr`)."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Float

from mmerc import weights
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.errors import WeightsError, get_first_line

# Takes mono samples at 16 kHz, [S]; returns the text, or None if nothing is said.
Transcriber = Callable[[np.ndarray], str | None]


class Whisper:
    """A `Transcriber`. It may be used from several threads; it transcribes one utterance at a time.

    >>> transcriber = Whisper("base")  # doctest: +SKIP
    >>> transcriber(samples)  # doctest: +SKIP
    'You came back!'
    """

    def __init__(self, name: str) -> None:
        """`name`: a model of faster-whisper, such as `base`, or the folder of a converted model.

        Raises:
            WeightsError: the extra is not installed, or the model cannot be loaded or downloaded.
        """
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise WeightsError("transcription needs the extra asr: pip install 'mmerc[asr]'.") from error
        try:
            self.network: Any = WhisperModel(find_model(name), compute_type="int8")
        except Exception as error:  # of the hub, of ctranslate2, or of the file system
            raise WeightsError(
                f'the Whisper model "{name}" cannot be loaded ({get_first_line(error)[:120]}): run `mmerc weights fetch whisper-base` and choose '
                '"base", or give the folder of a model that was converted for faster-whisper.'
            ) from error
        self._lock = Lock()

    def __call__(self, samples: Float[np.ndarray, " S"]) -> str | None:
        """The text in mono samples at 16 kHz; `None` if nothing is said."""
        with self._lock:
            segments, _ = self.network.transcribe(
                samples.astype(np.float32), beam_size=1, condition_on_previous_text=False
            )
            text = " ".join(segment.text.strip() for segment in segments)  # a generator: the work is done here
        return replace_surrogates(text.strip()) or None


def load_transcriber(name: str | None) -> Transcriber | None:
    """The `Whisper` of this name; None without a name. Raises WeightsError as `Whisper` does."""
    return None if name is None else Whisper(name)


def find_model(name: str) -> str:
    """The folder of a model that `mmerc weights fetch` knows, such as `base`, if it is on this machine. Any other name is returned as it is:
    faster-whisper looks for it in its own cache and on the hub.
    """
    if f"whisper-{name}" not in weights.CATALOGUE or Path(name).is_dir():
        return name
    try:
        return str(weights.find_folder(f"whisper-{name}"))
    except WeightsError:
        return name
