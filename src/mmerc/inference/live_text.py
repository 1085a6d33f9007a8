"""The words of a live utterance: typed, or partial and final results of a speech recogniser, with or without times."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Words:
    """Words between two times, in seconds since the start of the stream; `None` if the times are not known.

    `is_final`: the recogniser will not change them any more.
    """

    text: str
    start: float | None = None
    end: float | None = None
    is_final: bool = True

    def replaces(self, other: "Words") -> bool:
        """Whether `other` is an earlier guess at these words."""
        if other.is_final:
            return False
        if self.start is None or self.end is None or other.start is None or other.end is None:
            return True
        return (self.start < other.end and other.start < self.end) or self.start == other.start


@dataclass(frozen=True)
class LiveText:
    """All words of one utterance.

    >>> text = LiveText().add(Words("you cane", 1.0, 1.5, is_final=False)).add(Words("You came", 1.0, 1.5))
    >>> str(text.add(Words("back!", 1.5, 2.0)))
    'You came back!'
    """

    words: tuple[Words, ...] = field(default=())

    def __str__(self) -> str:
        return " ".join(each.text for each in self.words if each.text)

    def add(self, words: Words) -> "LiveText":
        """With these words at their time, instead of earlier guesses at them. Words without times are the last ones."""
        kept = [each for each in self.words if not words.replaces(each)]
        if not words.text:
            return LiveText(tuple(kept))
        if kept and words.is_final and words.start is None and kept[-1].is_final and kept[-1].start is None:
            words = replace(words, text=f"{kept.pop().text} {words.text}")
        index = len(kept)
        while index and words.start is not None and (kept[index - 1].start or 0.0) > words.start:
            index -= 1
        return LiveText((*kept[:index], words, *kept[index:]))

    def split(self, time: float) -> tuple["LiveText", "LiveText"]:
        """The words of an utterance that ends at `time`, and those whose middle is later."""
        later = [
            each
            for each in self.words
            if each.start is not None and each.end is not None and each.start + each.end > 2 * time
        ]
        return LiveText(tuple(each for each in self.words if each not in later)), LiveText(tuple(later))


def make_words(text: str, start: float | None, end: float | None, *, is_final: bool) -> Words:
    """Words as a client sends them. If only one of the times is known, the other one is the same.

    >>> make_words(" Hello ", 2.0, None, is_final=True)
    Words(text='Hello', start=2.0, end=2.0, is_final=True)
    """
    words = Words(text.strip(), start if start is not None else end, end if end is not None else start, is_final)
    if words.start is not None and words.end is not None and words.end < words.start:
        return replace(words, end=words.start)
    return words
