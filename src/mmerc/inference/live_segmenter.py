"""Segmentation of live input: from a microphone, a camera and a speech recogniser to utterances."""

from collections import deque

import numpy as np

from mmerc.corpora import LiveRecording, Utterance
from mmerc.media import SAMPLE_RATE
from mmerc.media.voice_activity import MAX_UTTERANCE, UtteranceDetector

MARGIN_BEFORE, MARGIN_AFTER = 0.2, 0.1  # seconds of sound around an utterance: breath and consonants
MAX_IMAGES, MAX_IMAGE_BYTES = 300, 30_000_000  # number and bytes of the stored images; the oldest are dropped


class LiveSegmenter:
    """Collects the sound, images and text of the current utterance, and returns each utterance when it ends.

    With `detect_pauses` an utterance ends when the voice pauses for half a second, or after 30 s. Without it, and where there
    is no sound, only `finish` ends an utterance. Memory is bounded: half a minute of sound, and 300 images or 30 MB of them.
    One thread at a time may use it.

    >>> segmenter = LiveSegmenter("Ann")
    >>> segmenter.add_text("You came back!")
    >>> [(utterance.speaker, utterance.text) for utterance in segmenter.finish()]
    [('Ann', 'You came back!')]
    """

    def __init__(self, speaker: str = "", *, detect_pauses: bool = True, max_characters: int = 10_000) -> None:
        """`max_characters`: maximum number of characters of one utterance."""
        self.speaker = speaker
        self.max_characters = max_characters
        self.text = ""
        # All times are seconds since the start of the stream.
        self._detector = UtteranceDetector() if detect_pauses else None
        self._samples = np.zeros(0, np.float32)
        self._first_sample = 0  # index of the first stored sample
        self._sound_start = 0.0
        self._last_end = 0.0  # end of the last utterance
        self._images: deque[tuple[float, bytes]] = deque()
        self._image_bytes = 0

    @property
    def sound_end(self) -> float:
        """The time of the last sample, in seconds since the start of the stream."""
        return (self._first_sample + len(self._samples)) / SAMPLE_RATE

    @property
    def speech_start(self) -> float | None:
        """The start of the current speech, in seconds since the start of the stream; `None` if there is none."""
        start = self._detector.start if self._detector is not None else None
        return None if start is None else start + self._sound_start

    def add_audio(self, samples: np.ndarray) -> list[Utterance]:
        """Add mono samples at 16 kHz, [S]: floats in [-1, 1] or 16-bit integers. Returns the utterances that end with them.

        Raises:
            ValueError: the array has another type or shape.
        """
        if samples.ndim != 1 or (samples.dtype.kind != "f" and samples.dtype != np.int16):
            raise ValueError(f"the sound is {samples.dtype} {list(samples.shape)}: give floats or 16-bit integers [S].")
        scale = 32_768 if samples.dtype == np.int16 else 1
        block = np.nan_to_num(samples.astype(np.float32) / scale, nan=0.0, posinf=0.0, neginf=0.0)
        if not len(self._samples):
            self._sound_start = max(self._last_end, self._last_image)
            self._first_sample = round(self._sound_start * SAMPLE_RATE)
        self._samples = np.concatenate([self._samples, block])
        found = self._detector.add_audio(block) if self._detector is not None else []
        utterances = [self._cut(start + self._sound_start, end + self._sound_start) for start, end in found]
        self._drop_samples()
        return utterances

    def add_image(self, image: bytes, seconds: float) -> None:
        """Add the bytes of a JPEG or PNG file that arrived `seconds` after the start of the stream.

        If there is sound, its clock is used instead, because it is more precise.
        """
        self._images.append((self.sound_end if len(self._samples) else seconds, image))
        self._image_bytes += len(image)
        while len(self._images) > MAX_IMAGES or self._image_bytes > MAX_IMAGE_BYTES:
            self._drop_image()

    def add_text(self, text: str, speaker: str = "") -> None:
        """Add text of the current utterance, and its speaker if that has changed.

        Raises:
            ValueError: the utterance has too many characters.
        """
        self.speaker = speaker or self.speaker
        if len(self.text) + len(text) > self.max_characters:
            raise ValueError(f"the utterance has more than {self.max_characters} characters: end it first.")
        self.text = f"{self.text} {text}".strip()

    def finish(self, *, force: bool = True) -> list[Utterance]:
        """End the current utterance. Returns it, or nothing if nothing was added since the last one.

        Without `force`, sound in which no voice was detected is not an utterance.
        """
        start = self.speech_start
        if not force and self._detector is not None and start is None and not self.text and len(self._samples):
            return []
        if self._detector is not None and start is not None:
            # The same voice continues: the next utterance begins here.
            self._detector.start = self.sound_end - self._sound_start
        end = max(self.sound_end, self._last_image)
        if start is None:
            start = max(self._last_end, end - MAX_UTTERANCE)
        if not self.text and end <= start:
            return []
        return [self._cut(start, max(start, end))]

    @property
    def _last_image(self) -> float:
        return self._images[-1][0] if self._images else 0.0

    def _cut(self, start: float, end: float) -> Utterance:
        """The utterance between two times, with what was added in them."""
        low, high = (
            max(0, round(time * SAMPLE_RATE) - self._first_sample)
            for time in (start - MARGIN_BEFORE, end + MARGIN_AFTER)
        )
        samples = self._samples[low:high].copy()
        images = [(time, image) for time, image in self._images if start - MARGIN_BEFORE <= time <= end + MARGIN_AFTER]
        # The times of images count from the first sample.
        origin = (low + self._first_sample) / SAMPLE_RATE if len(samples) else max(0.0, start - MARGIN_BEFORE)
        live = LiveRecording(samples, tuple(image for _, image in images), tuple(time - origin for time, _ in images))
        text, self.text = self.text, ""
        self._last_end = end
        while self._images and self._images[0][0] <= end:
            self._drop_image()
        return Utterance(
            "live", "", 0, speaker=self.speaker, text=text or None, start=round(start, 3), end=round(end, 3), live=live
        )

    def _drop_samples(self) -> None:
        """Drop the samples that no later utterance can contain."""
        oldest = max(self._last_end - MARGIN_BEFORE, self.sound_end - MAX_UTTERANCE - MARGIN_BEFORE - MARGIN_AFTER)
        dropped = max(0, int(oldest * SAMPLE_RATE) - self._first_sample)
        self._samples, self._first_sample = self._samples[dropped:], self._first_sample + dropped

    def _drop_image(self) -> None:
        self._image_bytes -= len(self._images.popleft()[1])
