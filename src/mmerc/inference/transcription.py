"""Words from a voice, where nobody has written them down: a Whisper network through faster-whisper (the extra `asr`)."""

from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Float

from mmerc.corpora.dialogue import replace_surrogates
from mmerc.errors import WeightsError


class Whisper:
    """Call it with the samples of one utterance, mono at 16 kHz; it gives what is said, or nothing.

    Safe to use from several threads: one utterance is heard at a time.
    """

    def __init__(self, name: str) -> None:
        """`name`: one of faster-whisper's, such as `small`, or the folder of a converted model.

        Raises:
            WeightsError: the extra is not installed, or the model is neither here nor to be downloaded.
        """
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise WeightsError("transcribing needs the extra asr: pip install 'mmerc[asr]'.") from error
        try:
            self.network: Any = WhisperModel(name, compute_type="int8")
        except Exception as error:  # of the hub, of ctranslate2, of the file system
            raise WeightsError(
                f'the Whisper model "{name}" cannot be loaded ({(str(error).splitlines() or [""])[0][:120]}): give the '
                "folder of a model that was converted for faster-whisper."
            ) from error
        self._one_at_a_time = Lock()

    def __call__(self, samples: Float[np.ndarray, " S"]) -> str | None:
        with self._one_at_a_time:
            segments, _ = self.network.transcribe(
                samples.astype(np.float32), beam_size=1, condition_on_previous_text=False
            )
            said = " ".join(segment.text.strip() for segment in segments)  # a generator: the work is done here
        return replace_surrogates(said.strip()) or None
