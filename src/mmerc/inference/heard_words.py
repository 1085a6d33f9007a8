"""The recognised words of a live stream by their time, so that words that come late still belong to the utterance in which they were said."""

from collections.abc import Sequence

from mmerc.inference.live_text import Words

MAX_WORDS = 1000  # that are kept: some minutes of speech


class HeardWords:
    """What was recognised in stretches of the stream. A later recognition replaces what was recognised of its stretch before.

    A word belongs to the stretch in which it begins; words without times are at the start of theirs.

    >>> heard = HeardWords()
    >>> heard.add([Words("You", 1.0, 1.2), Words("cane", 1.2, 1.5)], 1.0, 1.5)
    >>> heard.add([Words("You", 1.0, 1.2), Words("came", 1.2, 1.6), Words("Who?", 2.0, 2.2)], 1.0, 2.2)
    >>> [[each.text for each in heard.find(*times)] for times in ((1.0, 1.8), (1.8, 3.0))]
    [['You', 'came'], ['Who?']]
    """

    def __init__(self) -> None:
        self._words: list[tuple[float, Words]] = []  # with the time at which each counts, in order

    def add(self, words: Sequence[Words], start: float, end: float) -> None:
        """Add what was recognised between two times, in seconds of the stream.

        A word at the start that was recognised before the start already is left out: the sound of an utterance has a margin.
        """
        before = [each for each in self._words if each[0] < start]
        after = [each for each in self._words if each[0] >= end]
        new = [
            (start if word.start is None else min(max(word.start, start), end), word)
            for word in words
            if not (before and _is_again(word, before[-1][1], start))
        ]
        self._words = [*before, *new, *after][-MAX_WORDS:]

    def find(self, start: float, end: float) -> list[Words]:
        """The words of an utterance between two times."""
        return [word for time, word in self._words if start <= time < end]


def _is_again(word: Words, earlier: Words, start: float) -> bool:
    """Whether a word that begins before `start` is the earlier one, recognised again: they overlap by more than half of the shorter one."""
    if word.start is None or word.end is None or earlier.start is None or earlier.end is None or word.start >= start:
        return False
    overlap = min(word.end, earlier.end) - max(word.start, earlier.start)
    return overlap > min(word.end - word.start, earlier.end - earlier.start) / 2
