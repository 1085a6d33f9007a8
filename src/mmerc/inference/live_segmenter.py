"""From what a microphone, a camera and a recogniser of words give, utterance by utterance."""

from collections import deque

import numpy as np

from mmerc.corpora import Live, Utterance
from mmerc.media import SAMPLE_RATE
from mmerc.media.voice_activity import MAX_UTTERANCE, UtteranceDetector

BEFORE, AFTER = 0.2, 0.1  # seconds that are kept around a turn, where consonants and breath are
MOST_PICTURES, PICTURE_BYTES = 300, 30_000_000  # kept; of more, the last


class Ear:
    """What has been heard and seen of the utterance that goes on; gives each utterance as it ends.

    With `detecting` an utterance ends where somebody pauses for half a second, or has spoken for thirty; without, and wherever there is no
    sound, only `finish` ends one. Memory is bounded: at most half a minute of sound, and 300 pictures or 30 MB of them, are kept.

    >>> ear = Ear("Ann")
    >>> ear.read("You came back!")
    >>> [(turn.speaker, turn.text) for turn in ear.finish()]
    [('Ann', 'You came back!')]
    """

    def __init__(self, speaker: str = "", *, detecting: bool = True, most_characters: int = 10_000) -> None:
        self.speaker = speaker
        self.most_characters = most_characters
        self.detector = UtteranceDetector() if detecting else None
        self.samples = np.zeros(0, np.float32)
        self.sound_began = 0.0  # seconds after the stream: what was seen or typed before has its times, too
        self.first = 0  # number of the first sample that is still kept, counted from the stream's beginning
        self.end = 0.0  # where the last utterance ended
        self.pictures: deque[tuple[float, bytes]] = deque()
        self.weight = 0  # bytes of all pictures
        self.text = ""

    @property
    def now(self) -> float:
        """How far the sound has come, in seconds from the stream's beginning."""
        return (self.first + len(self.samples)) / SAMPLE_RATE

    @property
    def speaking_since(self) -> float | None:
        start = self.detector.start if self.detector is not None else None
        return None if start is None else start + self.sound_began

    def hear(self, block: np.ndarray) -> list[Utterance]:
        """Mono samples at 16 kHz in, [S] of any length, floats in [-1, 1] or 16-bit integers; the utterances that ended with them out.

        Raises:
            ValueError: they are neither.
        """
        if block.ndim != 1 or (block.dtype.kind not in "f" and block.dtype != np.int16):
            raise ValueError(f"the sound is {block.dtype} {list(block.shape)}: give floats or 16-bit integers [S].")
        scale = 32_768 if block.dtype == np.int16 else 1
        block = np.nan_to_num(block.astype(np.float32) / scale, nan=0.0, posinf=0.0, neginf=0.0)
        if not len(self.samples):
            self.sound_began = max(self.end, self.pictures[-1][0] if self.pictures else 0.0)
            self.first = round(self.sound_began * SAMPLE_RATE)
        self.samples = np.concatenate([self.samples, block])
        turns = self.detector.hear(block) if self.detector is not None else []
        ended = [self._utterance(start + self.sound_began, end + self.sound_began) for start, end in turns]
        oldest = max(self.end - BEFORE, self.now - MAX_UTTERANCE - BEFORE - AFTER)
        drop = max(0, int(oldest * SAMPLE_RATE) - self.first)
        self.samples, self.first = self.samples[drop:], self.first + drop
        return ended

    def see(self, picture: bytes, seconds: float) -> None:
        """A picture that came `seconds` after the stream began; sound, where there is some, is the better clock."""
        self.pictures.append((self.now if len(self.samples) else seconds, picture))
        self.weight += len(picture)
        while len(self.pictures) > MOST_PICTURES or self.weight > PICTURE_BYTES:
            self._drop_picture()

    def read(self, text: str, speaker: str = "") -> None:
        """Words of the utterance that goes on or has just begun, and who says them, where that has changed.

        Raises:
            ValueError: it has too many.
        """
        self.speaker = speaker or self.speaker
        if len(self.text) + len(text) > self.most_characters:
            raise ValueError(f"the utterance has more than {self.most_characters} characters: end it first.")
        self.text = f"{self.text} {text}".strip()

    def finish(self, *, asked: bool = True) -> list[Utterance]:
        """What has come since the last utterance, ended by force; nothing where nothing has come, or where nobody has `asked` for
        it and the microphone hears nobody."""
        start = self.speaking_since
        if not asked and self.detector is not None and start is None and not self.text and len(self.samples):
            return []
        if self.detector is not None and start is not None:
            # The detector goes on hearing the same voice: the next utterance begins here.
            self.detector.start = self.now - self.sound_began
        ended = max(self.now, self.pictures[-1][0] if self.pictures else 0.0)
        begun = start if start is not None else max(self.end, ended - MAX_UTTERANCE)
        if not self.text and ended <= begun:
            return []
        return [self._utterance(begun, max(begun, ended))]

    def _utterance(self, start: float, end: float) -> Utterance:
        low, high = (round(time * SAMPLE_RATE) - self.first for time in (start - BEFORE, end + AFTER))
        samples = self.samples[max(0, low) : max(0, high)].copy()
        seen = [(time, picture) for time, picture in self.pictures if start - BEFORE <= time <= end + AFTER]
        first = max(0, low) + self.first  # of the samples: the zero of everything that was kept
        origin = first / SAMPLE_RATE if len(samples) else max(0.0, start - BEFORE)
        live = Live(samples, tuple(picture for _, picture in seen), tuple(time - origin for time, _ in seen))
        text, self.text = self.text, ""
        self.end = end
        while self.pictures and self.pictures[0][0] <= end:
            self._drop_picture()
        return Utterance(
            "live", "", 0, speaker=self.speaker, text=text or None, start=round(start, 3), end=round(end, 3), live=live
        )

    def _drop_picture(self) -> None:
        self.weight -= len(self.pictures.popleft()[1])
