"""Transcription: the text of an utterance from its samples, by a Whisper network of faster-whisper (the extra `asr`)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float

from mmerc import weights
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.errors import WeightsError, get_first_line
from mmerc.inference.live_text import Words
from mmerc.inference.whisper_windows import WindowEncoder

# Takes mono samples at 16 kHz, [S]; returns the text, or None if nothing is said.
Transcriber = Callable[[np.ndarray], str | None]


@runtime_checkable
class WordRecogniser(Protocol):
    """A `Transcriber` that also gives the times of words."""

    def recognise(self, samples: np.ndarray) -> Sequence[Words]:
        """The words in mono samples at 16 kHz, [S], with their times in seconds from the first sample."""
        ...


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
            self.network: Any = WhisperModel(find_model(name), compute_type="int8", cpu_threads=torch.get_num_threads())
        except Exception as error:  # of the hub, of ctranslate2, or of the file system
            raise WeightsError(
                f'the Whisper model "{name}" cannot be loaded ({get_first_line(error)[:120]}): run `mmerc weights fetch whisper-base` and choose '
                '"base", or give the folder of a model that was converted for faster-whisper.'
            ) from error
        self._encoder = self.network.encode = WindowEncoder(self.network.encode)
        self._lock = Lock()

    def __call__(self, samples: Float[np.ndarray, " S"]) -> str | None:
        """The text in mono samples at 16 kHz; `None` if nothing is said."""
        text = " ".join(segment.text.strip() for segment in self._transcribe(samples))
        return replace_surrogates(text.strip()) or None

    def recognise(self, samples: Float[np.ndarray, " S"]) -> list[Words]:
        """The words in mono samples at 16 kHz, with their times in seconds from the first sample.

        It is for live utterances: windows are shortened, which takes a quarter of the time and makes a few more errors than the call.
        """
        segments = self._transcribe(samples, is_short=True, word_timestamps=True)
        words = [word for segment in segments for word in segment.words or ()]
        found = (Words(replace_surrogates(word.word.strip()), float(word.start), float(word.end)) for word in words)
        return [word for word in found if word.text]

    def _transcribe(self, samples: Float[np.ndarray, " S"], *, is_short: bool = False, **options: Any) -> list[Any]:
        with self._lock:
            self._encoder.is_short = is_short
            self._encoder.forget()
            segments, _ = self.network.transcribe(
                samples.astype(np.float32), beam_size=1, condition_on_previous_text=False, **options
            )
            return list(segments)  # a generator: the work is done here


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
