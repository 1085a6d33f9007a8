"""Words with times of their own, as speech recognisers write them, gathered into cues."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mmerc.corpora.transcripts.cue import Cue, Line

MIN_PAUSE = 0.8  # seconds without a word that end an utterance, Deepgram's default
MIN_SECONDS_FOR_SENTENCE_END = 15.0  # seconds after which the next end of a sentence ends the utterance
MAX_SECONDS = 30.0  # seconds after which any word ends it
SENTENCE_END = re.compile(r"[.!?。！？…]['\"”’)]*$")
WITHOUT_SPACES = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f]")  # Thai to Chinese
CLOSING = re.compile(r"[,.;:!?%)\]}’”»…，。！？、；：]+$")


class Word(NamedTuple):
    """A word, with its times in seconds (`None` where it has none, such as punctuation) and its speaker."""

    text: str
    start: float | None
    end: float | None
    speaker: str = ""


def group_words(words: Iterable[Word], number: int = 0) -> Iterator[Cue]:
    """Cues of words without a change of speaker or a pause of 0.8 s, cut at the end of a sentence after 15 s, or after 30 s."""
    group: list[Word] = []
    start = end = 0.0
    for word in words:
        if word.start is None:  # punctuation, or a number that could not be aligned
            if group:
                group.append(word)
                continue
            word = word._replace(start=end)
        assert word.start is not None
        if group:
            length = word.start - start
            is_end = length >= MIN_SECONDS_FOR_SENTENCE_END and SENTENCE_END.search(group[-1].text)
            if word.speaker != group[0].speaker or word.start - end >= MIN_PAUSE or is_end or length >= MAX_SECONDS:
                yield _make_cue(group, start, end, number)
                group = []
                number += 1
        if not group:
            start = word.start
        end = word.start if word.end is None else word.end
        group.append(word)
    if group:
        yield _make_cue(group, start, end, number)


def _make_cue(group: list[Word], start: float, end: float, number: int) -> Cue:
    return Cue(start, end, (Line(join_words([word.text for word in group]), group[0].speaker),), number)


def join_words(words: list[str]) -> str:
    """Words as running text: no space before punctuation, nor between letters of scripts without spaces.

    >>> join_words(["Well", ",", "yes", "!"]), join_words([" New", " York"]), join_words(["你", "好"])
    ('Well, yes!', 'New York', '你好')
    """
    text = ""
    for word in words:
        is_attached = CLOSING.match(word) or (
            text and WITHOUT_SPACES.match(text[-1]) and word and WITHOUT_SPACES.match(word[0])
        )
        text += word if is_attached or text.endswith(" ") or word.startswith(" ") else f" {word}"
    return " ".join(text.split())
