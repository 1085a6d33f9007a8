"""Voice activity: when a waveform holds speech. The detector is Silero's: its network in `silero`, its rules in its package."""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float

from mmerc.corpora import Clip
from mmerc.media.audio import SAMPLE_RATE, read_waveform_blocks
from mmerc.media.silero import CHUNK, VoiceProbabilities, import_package

# The detector's probability above which there is speech. Its default of 0.5 treats screams as noise in 14 of RAVDESS's
# 1,320 clips, all of strong emotion; steady noise, tones and hum stay below 0.07.
SPEECH_THRESHOLD = 0.15
END_THRESHOLD = 0.01  # below it a segment ends: a voice that trails off belongs to it
STREAM_THRESHOLD = 0.3  # the detector's form for streams ends a segment 0.15 below it
MIN_PAUSE, MIN_UTTERANCE, MAX_UTTERANCE = 0.5, 0.25, 15.0  # seconds
CUT_RANGE = 5.0  # seconds before the longest end in which a long utterance is cut
CUT_CHUNKS = 5  # chunks over which the loudness is averaged for the cut: 0.16 s, a syllable


def find_speech(waveform: Float[np.ndarray, " S"]) -> list[tuple[int, int]]:
    """First sample and end of each segment of speech at 16 kHz; noise, tones and music are not speech."""
    segments = import_package().get_speech_timestamps_from_probs(
        VoiceProbabilities().add(np.pad(waveform, (0, -len(waveform) % CHUNK))),
        sampling_rate=SAMPLE_RATE,
        threshold=SPEECH_THRESHOLD,
        neg_threshold=END_THRESHOLD,
        min_speech_duration_ms=90,
        audio_length_samples=len(waveform),
    )
    return [(int(segment["start"]), int(segment["end"])) for segment in segments]


class UtteranceDetector:
    """Finds utterances in sound that is still coming in, in bounded memory.

    A pause of `min_pause` ends an utterance. One that reaches `max_length` (15 s) is cut at the quietest place of its last 5 s; one shorter than `min_length`
    is left out. All are in seconds.
    """

    def __init__(
        self, *, min_pause: float = MIN_PAUSE, min_length: float = MIN_UTTERANCE, max_length: float = MAX_UTTERANCE
    ) -> None:
        self.probabilities, self.known = VoiceProbabilities(), _Known()
        self.detector = import_package().VADIterator(
            self.known,
            sampling_rate=SAMPLE_RATE,
            threshold=STREAM_THRESHOLD,
            min_silence_duration_ms=int(1000 * min_pause),
        )
        self.min_length, self.max_length = min_length, max_length
        self.rest = np.zeros(0, np.float32)  # samples that do not fill a chunk yet
        self.num_samples = 0  # samples that the detector has processed
        self.start: float | None = None  # start of the current utterance, in seconds
        self.energies: deque[float] = deque(maxlen=int(CUT_RANGE * SAMPLE_RATE) // CHUNK)  # of the last chunks

    @property
    def pause(self) -> float:
        """Seconds since the voice of the current utterance has paused; 0 while it is heard."""
        paused = self.detector.temp_end if self.start is not None else 0
        return (self.num_samples - paused) / SAMPLE_RATE if paused else 0.0

    @property
    def pause_start(self) -> float | None:
        """The end of the current utterance if its pause goes on, in seconds from the first sample; None while the voice is heard."""
        paused = self.detector.temp_end if self.start is not None else 0
        return (paused + int(self.detector.speech_pad_samples) - CHUNK) / SAMPLE_RATE if paused else None

    def add_audio(self, samples: Float[np.ndarray, " S"]) -> list[tuple[float, float]]:
        """Start and end, in seconds from the first sample added, of each utterance that ends within these samples."""
        self.rest = np.concatenate([self.rest, samples.astype(np.float32)])
        used = len(self.rest) // CHUNK * CHUNK
        chunks, self.rest = self.rest[:used], self.rest[used:]
        self.known.coming += self.probabilities.add(chunks)
        return [utterance for chunk in chunks.reshape(-1, CHUNK) for utterance in self._process_chunk(chunk)]

    def finish(self) -> list[tuple[float, float]]:
        """The utterance that was going on when the sound ended."""
        now = (self.num_samples + len(self.rest)) / SAMPLE_RATE
        start, self.start = self.start, None
        return [(start, now)] if start is not None and now - start >= self.min_length else []

    def _process_chunk(self, chunk: Float[np.ndarray, " C"]) -> list[tuple[float, float]]:
        self.num_samples += CHUNK
        self.energies.append(float(chunk @ chunk))
        found = self.detector(torch.from_numpy(chunk)) or {}
        if "start" in found:
            self.start = found["start"] / SAMPLE_RATE
        is_long = self.start is not None and self.num_samples / SAMPLE_RATE - self.start >= self.max_length
        if self.start is None or not ("end" in found or is_long):
            return []
        end = found["end"] / SAMPLE_RATE if "end" in found else self._find_quietest()
        start, self.start = self.start, None if "end" in found else end
        return [(start, end)] if end - start >= self.min_length else []

    def _find_quietest(self) -> float:
        """The middle of the quietest syllable in the last seconds."""
        means = np.convolve(self.energies, np.ones(CUT_CHUNKS), "valid")
        last = len(self.energies) - CUT_CHUNKS - int(np.argmin(means))  # chunks after the quietest ones
        return (self.num_samples - CHUNK * (last + CUT_CHUNKS / 2)) / SAMPLE_RATE


def find_utterances(
    clip: Clip,
    on_progress: Callable[[float], None] = lambda seconds: None,
    *,
    min_pause: float = MIN_PAUSE,
    min_length: float = MIN_UTTERANCE,
) -> Iterator[tuple[float, float]]:
    """Start and end, in seconds on the clock of the file, of each utterance in a recording of any length.

    `on_progress` is called from time to time with the seconds processed so far; an exception in it ends the work. `min_pause` and
    `min_length` are those of `UtteranceDetector`.

    Raises:
        NoAudio: the recording has no sound.
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    detector = UtteranceDetector(min_pause=min_pause, min_length=min_length)
    for block in read_waveform_blocks(clip):
        on_progress(detector.num_samples / SAMPLE_RATE)
        for start, end in detector.add_audio(block):
            yield clip.start + start, clip.start + end
    for start, end in detector.finish():
        yield clip.start + start, clip.start + end


class _Known:
    """Takes the place of the network in the package's rules: gives the probabilities that are known already."""

    def __init__(self) -> None:
        self.coming: deque[float] = deque()  # of the next chunks

    def __call__(self, chunk: torch.Tensor, sample_rate: int) -> torch.Tensor:
        return torch.tensor(self.coming.popleft())

    def reset_states(self) -> None:
        """There is nothing to reset."""
