"""Segmentation of live input: from a microphone, a camera and a speech recogniser to utterances."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from mmerc.corpora import LiveRecording, Utterance
from mmerc.inference.live_text import LiveText, make_words
from mmerc.media import SAMPLE_RATE
from mmerc.media.voice_activity import MIN_PAUSE, MIN_UTTERANCE, UtteranceDetector
from mmerc.memo import Memo
from mmerc.speakers.live import LiveSpeakers
from mmerc.speakers.turns import Turn

MARGIN_BEFORE, MARGIN_AFTER = 0.2, 0.1  # seconds of sound around an utterance: breath and consonants
MAX_SECONDS = 30.0  # of an utterance that only `finish` ends; earlier sound is dropped
MAX_SPEECH = 12.0  # seconds of speech without a pause after which an utterance is cut
BLOCK = SAMPLE_RATE // 2  # samples that are processed at a time
MAX_ENDED, LATE_SECONDS = 3, 10.0  # number and age of the ended utterances that late words can still reach
MAX_DISTANCE = 2.0  # seconds from an ended utterance, at which late words still belong to it
MAX_IMAGES, MAX_IMAGE_BYTES = 300, 30_000_000  # number and bytes of the stored images; the oldest are dropped


@dataclass
class _Ended:
    """An utterance that has ended, and its words."""

    utterance: Utterance
    text: LiveText


class LiveSegmenter:
    """Collects the sound, images and text of the current utterance, and returns each utterance when it ends.

    With `detect_pauses` an utterance ends when the voice pauses for half a second. After 12 s without a pause it is cut at the
    quietest place. Without `detect_pauses`, and where there is no sound, only `finish` ends an utterance. `peek` returns what
    there is of the current one.

    With `speakers` a change of the voice ends an utterance too, and each has its speaker: "speaker 1", or the name of an enrolled person. A
    speaker who is given, here or with the text, is the speaker of all utterances until another one is given.

    Memory is bounded: 15 seconds of sound, 300 images or 30 MB of them, and three ended utterances of the last 10 s, to which
    late words are added. One thread at a time may use it.

    >>> segmenter = LiveSegmenter("Ann")
    >>> segmenter.add_text("You came back!")  # changes no utterance that has ended
    []
    >>> [(utterance.speaker, utterance.text) for utterance in segmenter.finish()]
    [('Ann', 'You came back!')]
    """

    def __init__(
        self,
        speaker: str = "",
        *,
        detect_pauses: bool = True,
        max_characters: int = 10_000,
        speakers: LiveSpeakers | None = None,
    ) -> None:
        """`max_characters`: maximum number of characters of one utterance. `speakers`: tells the voices apart; it needs `detect_pauses`."""
        self.speaker = speaker
        self.speakers = speakers if detect_pauses else None
        self.max_characters = max_characters
        self._text = LiveText()
        self._ended: deque[_Ended] = deque(maxlen=MAX_ENDED)
        # All times are seconds since the start of the stream.
        self._detector = UtteranceDetector(max_length=MAX_SPEECH) if detect_pauses else None
        self._samples = np.zeros(0, np.float32)
        self._first_sample = 0  # index of the first stored sample
        self._sound_start = 0.0
        self._last_end = 0.0  # end of the last utterance
        self._images: deque[tuple[float, bytes, dict[object, Any]]] = deque()  # time, file, memo
        self._image_bytes = 0
        self._memo = Memo()  # of the current utterance

    @property
    def text(self) -> str:
        """The text of the current utterance."""
        return str(self._text)

    @property
    def sound_end(self) -> float:
        """The time of the last sample, in seconds since the start of the stream."""
        return (self._first_sample + len(self._samples)) / SAMPLE_RATE

    @property
    def speech_start(self) -> float | None:
        """The start of the current speech, in seconds since the start of the stream; `None` if there is none."""
        start = self._detector.start if self._detector is not None else None
        return None if start is None else start + self._sound_start

    @property
    def pause(self) -> float:
        """Seconds since the voice of the current utterance has paused; 0 while it is heard, and without `detect_pauses`."""
        return self._detector.pause if self._detector is not None else 0.0

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
        utterances = []
        for first in range(0, len(block), BLOCK):
            utterances += self._add_block(block[first : first + BLOCK])
        while (
            self._ended
            and self._ended[0].utterance.end is not None
            and self.sound_end > self._ended[0].utterance.end + LATE_SECONDS
        ):
            self._ended.popleft()
        return utterances

    def _add_block(self, block: Float[np.ndarray, " S"]) -> list[Utterance]:
        self._samples = np.concatenate([self._samples, block])
        if self.speakers is not None:
            self.speakers.hear(block, self.sound_end)
        utterances = []
        if self._detector is not None:
            for start, end in self._detector.add_audio(block):
                is_cut = (
                    self._detector.start == end
                )  # the voice goes on, so the next words are those of the next utterance
                utterances += self._end_speech(
                    start + self._sound_start, end + self._sound_start, 0.0 if is_cut else MIN_PAUSE
                )
            utterances += self._end_changes()
        self._drop_samples()
        return utterances

    def _end_speech(self, start: float, end: float, pause: float) -> list[Utterance]:
        """The utterance between two times; several if its last words are another speaker's."""
        turns = [Turn(start, end)]
        if self._has_unknown_speaker and end - start >= MIN_UTTERANCE:
            assert self.speakers is not None
            turns = self.speakers.follow(self._read, start, end, has_ended=True)
        return [
            self._end(turn.start, turn.end, pause if turn is turns[-1] else 0.0, speaker=turn.speaker) for turn in turns
        ]

    def _end_changes(self) -> list[Utterance]:
        """The utterances that have ended because the speaker has changed while the voice goes on."""
        start = self.speech_start
        if start is None or not self._has_unknown_speaker:
            return []
        assert self.speakers is not None and self._detector is not None
        turns = self.speakers.follow(self._read, start, self.sound_end)
        if turns:
            self._detector.start = turns[-1].end - self._sound_start
        return [self._end(turn.start, turn.end, 0.0, speaker=turn.speaker) for turn in turns]

    @property
    def _has_unknown_speaker(self) -> bool:
        return self.speakers is not None and not self.speaker

    def _read(self, start: float, end: float) -> Float[np.ndarray, " S"]:
        """The samples between two times."""
        return self._samples[self._find_sample(start) : self._find_sample(end)]

    def _find_sample(self, time: float) -> int:
        """The index of a time in the stored samples."""
        return max(0, round(time * SAMPLE_RATE) - self._first_sample)

    def add_image(self, image: bytes, seconds: float) -> None:
        """Add the bytes of a JPEG or PNG file that arrived `seconds` after the start of the stream.

        If there is sound, its clock is used instead, because it is more precise.
        """
        self._images.append((self.sound_end if len(self._samples) else seconds, image, {}))
        self._image_bytes += len(image)
        while len(self._images) > MAX_IMAGES or self._image_bytes > MAX_IMAGE_BYTES:
            self._drop_image()

    def add_text(
        self,
        text: str,
        speaker: str = "",
        *,
        start: float | None = None,
        end: float | None = None,
        is_final: bool = True,
    ) -> list[Utterance]:
        """Add words, and their speaker if that has changed. Returns the ended utterance that the words change, or nothing.

        Words with times (seconds since the start of the stream) belong to the utterance of their time, also if it ended within the last
        10 s; words without times to the current one. Words that are not final are replaced by the next ones of that time.

        Raises:
            ValueError: the utterance has too many characters, or the words are too late.
        """
        words = make_words(text, start, end, is_final=is_final)
        ended = self._find_ended(words.start, words.end)
        new = (self._text if ended is None else ended.text).add(words)
        if len(str(new)) > self.max_characters:
            raise ValueError(f"the utterance has more than {self.max_characters} characters: end it first.")
        if ended is None:
            self.speaker = speaker or self.speaker
            self._text = new
            return []
        is_changed = str(new) != str(ended.text) or (speaker and speaker != ended.utterance.speaker)
        ended.text = new
        ended.utterance = replace(ended.utterance, text=str(new) or None, speaker=speaker or ended.utterance.speaker)
        return [ended.utterance] if is_changed else []

    def _find_ended(self, start: float | None, end: float | None) -> _Ended | None:
        """The ended utterance to which words between two times belong; `None` if they belong to the current one."""
        middle = None if start is None or end is None else (start + end) / 2
        current = self.speech_start  # the start of the current utterance
        if middle is None or middle >= (self.sound_end if current is None else current):
            return None
        if current is None:  # words in the pause belong to the utterance before it
            current = self._last_end + (2 * MIN_PAUSE if self._detector is not None else 0.0)
        distances = [
            (max((each.utterance.start or 0.0) - middle, middle - (each.utterance.end or 0.0), 0.0), each)
            for each in self._ended
        ]
        distance, nearest = min(distances, key=lambda pair: pair[0], default=(np.inf, None))
        if nearest is not None and distance <= min(max(current - middle, 0.0), MAX_DISTANCE):
            return nearest
        if middle < self._last_end:
            raise ValueError(f"the words at {middle:.1f} s are too late: send words within {LATE_SECONDS:g} s.")
        return None

    def peek(self) -> Utterance | None:
        """The current utterance as it is now, if there is a voice, or sound for `finish`; it does not end."""
        start = self.speech_start
        if self._detector is None and len(self._samples):
            start = max(self._last_end, self.sound_end - MAX_SECONDS)
        if start is None or self.sound_end <= start:
            return None
        speaker = "" if self.speakers is None else self.speakers.guess()
        return self._make_utterance(start, self.sound_end, self._text, speaker)

    def peek_end(self) -> Utterance | None:
        """The current utterance as it will be if the voice, which has paused, does not go on; None while it is heard, or if it is too short."""
        start, pause_start = self.speech_start, None if self._detector is None else self._detector.pause_start
        if start is None or pause_start is None or pause_start + self._sound_start - start < MIN_UTTERANCE:
            return None
        speaker = "" if self.speakers is None else self.speakers.guess()
        end = pause_start + self._sound_start
        return self._make_utterance(start, end, self._text.split(end + MIN_PAUSE)[0], speaker)

    def peek_images(self) -> LiveRecording:
        """The images of the current utterance, without its sound; none before a voice begins."""
        start, end = self.speech_start, max(self.sound_end, self._last_image)
        if start is None and (self._detector is None or not len(self._samples)):
            start = max(self._last_end, end - MAX_SECONDS)
        return LiveRecording() if start is None else self._collect_images(start, end, start)

    def finish(self, *, force: bool = True) -> list[Utterance]:
        """End the current utterance. Returns it, or nothing if nothing was added since the last one.

        Without `force`, sound in which no voice was detected is not an utterance.
        """
        start = self.speech_start
        if not force and self._detector is not None and start is None and not self.text and len(self._samples):
            return []
        is_speech = self._detector is not None and start is not None
        if self._detector is not None and start is not None:
            # The same voice continues: the next utterance begins here.
            self._detector.start = self.sound_end - self._sound_start
        end = max(self.sound_end, self._last_image)
        if start is None:
            start = max(self._last_end, end - MAX_SECONDS)
        if not self.text and end <= start:
            return []
        if is_speech:
            return self._end_speech(start, self.sound_end, MIN_PAUSE)
        return [self._end(start, max(start, end))]

    @property
    def _last_image(self) -> float:
        return self._images[-1][0] if self._images else 0.0

    def _end(self, start: float, end: float, pause: float = MIN_PAUSE, *, speaker: str = "") -> Utterance:
        """End the utterance between two times. Later input, and words after the pause, belong to the next one."""
        text, self._text = self._text.split(end + pause)
        utterance = self._make_utterance(start, end, text, speaker)
        self._memo = Memo()
        self._ended.append(_Ended(utterance, text))
        self._last_end = end
        while self._images and self._images[0][0] <= end:
            self._drop_image()
        return utterance

    def _make_utterance(self, start: float, end: float, text: LiveText, speaker: str = "") -> Utterance:
        """The utterance between two times, with the sound and the images of these times."""
        samples = self._read(start - MARGIN_BEFORE, end + MARGIN_AFTER).copy()
        # The times of images count from the first sample.
        first = self._find_sample(start - MARGIN_BEFORE) + self._first_sample
        origin = first / SAMPLE_RATE if len(samples) else max(0.0, start - MARGIN_BEFORE)
        live = replace(self._collect_images(start, end, origin), samples=samples)
        return Utterance(
            "live",
            "",
            0,
            speaker=self.speaker or speaker,
            text=str(text) or None,
            start=round(start, 3),
            end=round(end, 3),
            live=live,
        )

    def _collect_images(self, start: float, end: float, origin: float) -> LiveRecording:
        """The images between two times, in seconds from `origin`."""
        images = [each for each in self._images if start - MARGIN_BEFORE <= each[0] <= end + MARGIN_AFTER]
        return LiveRecording(
            images=tuple(image for _, image, _ in images),
            times=tuple(time - origin for time, _, _ in images),
            start=origin,
            memos=tuple(memo for _, _, memo in images),
            memo=self._memo,
        )

    def _drop_samples(self) -> None:
        """Drop the samples that no later utterance can contain."""
        oldest = max(self._last_end - MARGIN_BEFORE, self.sound_end - MAX_SECONDS - MARGIN_BEFORE - MARGIN_AFTER)
        dropped = max(0, int(oldest * SAMPLE_RATE) - self._first_sample)
        self._samples, self._first_sample = self._samples[dropped:], self._first_sample + dropped

    def _drop_image(self) -> None:
        self._image_bytes -= len(self._images.popleft()[1])
