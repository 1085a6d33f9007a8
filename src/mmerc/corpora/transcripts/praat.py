"""Praat's TextGrids, in the long and the short form. Praat reads both as a row of numbers, texts in quotes and flags, and so does this.

https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html. praatio reads the long form by its keys: a label that looks
like a key, such as "item [1]", ends the file there.
"""

import re
from collections.abc import Iterator

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Annotation, Cue
from mmerc.corpora.transcripts.tiers import (
    Mark,
    Tier,
    choose_speech,
    find_speaker,
    is_own,
    make_cues,
    pair_tiers,
    report_overlaps,
    report_unread,
)
from mmerc.corpora.transcripts.words import Word, group_words
from mmerc.errors import CorpusError

TOKEN = re.compile(
    r'"(?P<text>[^"]*(?:""[^"]*)*)"'
    r"|(?<!\S)(?P<number>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?!\S)"
    r"|(?<!\S)<(?P<flag>[a-z]+)>(?!\S)"
    r"|(?<!\S)![^\n]*"  # a comment
)
POINTS = "TextTier"
PAUSES = frozenset({"", "sil", "sp", "<sil>", "<eps>", "<p:>", "<p>", "silent", "silence", "#", "_"})
WITHOUT_WORDS = frozenset({"sounding", "spn", "<unk>", "speech"})  # somebody speaks, the words are not known
ALIGNED_WORDS = re.compile(
    r"(?:.*\s-\s)?words?$|ORT-MAU$", re.IGNORECASE
)  # tiers of the Montreal Forced Aligner, of WebMAUS
SOUNDS = re.compile(
    r"(?:.*\s-\s)?(?:phones?|phonemes?|syllables?)$|(?:KAN-)?MAU$|KAN$|MAS$", re.IGNORECASE
)  # smaller than words


class _End(Exception):
    """The file ends before the tier does."""


def read_textgrid(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The speech in a TextGrid called `name`. A tier is a speaker; tiers of a forced aligner have words, and phones, which are not read.

    Raises:
        CorpusError: it is no TextGrid.
    """
    tiers = parse_textgrid(text, name, problems)
    if is_own(tiers):
        return make_cues(pair_tiers(tiers))
    sounds = [tier for tier in tiers if SOUNDS.match(tier.name.strip())]
    report_unread(sounds, "they have phones or syllables, no words", name, problems)
    report_unread([tier for tier in tiers if tier.has_points], "they have points, no intervals", name, problems)
    speech = choose_speech([tier for tier in tiers if tier not in sounds and not tier.has_points], name, problems)
    cues: list[Cue] = []
    for tier in speech:
        tier.speaker = find_speaker(tier.name)
        marks = [
            mark._replace(text="" if mark.text.strip().lower() in WITHOUT_WORDS else mark.text)
            for mark in tier.marks
            if mark.text.strip().lower() not in PAUSES
        ]
        if ALIGNED_WORDS.match(tier.name.strip()):
            cues += group_words((Word(mark.text.strip(), *mark[:2], tier.speaker) for mark in marks), len(cues) + 1)
        else:
            cues += make_cues(Annotation(*mark[:3], tier.speaker) for mark in marks)
    report_overlaps(speech, name, problems)
    return sorted(cues, key=lambda cue: cue.start)


def parse_textgrid(text: str, name: str, problems: list[Problem]) -> list[Tier]:
    """The tiers of a TextGrid called `name`, without its empty intervals.

    Raises:
        CorpusError: it is no TextGrid.
    """
    tokens = _read_tokens(text)
    try:
        head = [_take(tokens, "text") for _ in range(2)]
        if head[1] != "TextGrid":
            raise CorpusError(f'{name} has an object "{head[1][:40]}": save the TextGrid instead, as a text file.')
        _take(tokens, "number"), _take(tokens, "number")
        count = int(float(_take(tokens, "number"))) if _take(tokens, "flag") == "exists" else 0
    except (_End, OverflowError, ValueError) as error:
        raise CorpusError(f"{name} ends before its first tier: save it again in Praat.") from error
    tiers: list[Tier] = []
    for _ in range(count):
        try:
            _read_tier(tokens, tiers)
        except (_End, OverflowError, ValueError):  # no number of intervals is infinite
            where = f'in the tier "{tiers[-1].name[:40]}"' if tiers else "before its first tier"
            what = f"is cut {where}; what stands before is read, save it again in Praat to get the rest"
            problems.append(Problem("cut", name, what))
            break
    return tiers


def _read_tier(tokens: Iterator[re.Match[str]], tiers: list[Tier]) -> None:
    kind, name = _take(tokens, "text"), _take(tokens, "text")
    tier = Tier(name, has_points=kind == POINTS)
    tiers.append(tier)
    _take(tokens, "number"), _take(tokens, "number")
    for _ in range(int(float(_take(tokens, "number")))):
        start = float(_take(tokens, "number"))
        end = start if tier.has_points else float(_take(tokens, "number"))
        text = _take(tokens, "text")
        if text or tier.has_points:
            tier.marks.append(Mark(start, end, text))


def _read_tokens(text: str) -> Iterator[re.Match[str]]:
    return (token for token in TOKEN.finditer(text) if token.lastgroup)


def _take(tokens: Iterator[re.Match[str]], kind: str) -> str:
    """The next token, which must be of this kind. Raises _End: there is no other; ValueError: it is of another kind."""
    token = next(tokens, None)
    if token is None:
        raise _End
    if token.lastgroup != kind:
        raise ValueError(token[0])
    return token[kind].replace('""', '"')
