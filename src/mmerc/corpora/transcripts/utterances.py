"""From cues to utterances: who speaks, where another speaker begins inside a cue, and what is no words."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from mmerc.corpora.transcripts.cue import Cue, Line, Segment
from mmerc.corpora.transcripts.names import Prefix, find_prefix
from mmerc.corpora.transcripts.sounds import MARKS, remove_sounds
from mmerc.corpora.transcripts.speakers import Speakers

CHEVRONS = re.compile(r"(?:^|(?<=\s)|(?<=[.!?]))>{2,3}(?=\s|\w|\[|$)\s*")
DASH = re.compile(r"[-‐‒–—―−]{1,2}(?:\s+(?=\S)|(?=[^\W\d]|[\"'“‘«¿¡\[(♪.…]))")
DASH_INSIDE = re.compile(r"(?<=[.!?…\"”\])])\s+[-‐‒–—―−]\s*(?=[^\W\d_a-z]|[\"“¿¡\[(])")
SPECIAL = re.compile(rf"[>:：\-‐‒–—―−{re.escape(''.join(MARKS))}]")


class Part(NamedTuple):
    """The beginning of a line, or what follows a dash or chevrons in it, with the prefix that may name its speaker.

    `is_new_speaker`: another speaker begins here. `has_chevrons`: ">>" stands before it.
    """

    text: str
    prefix: Prefix | None = None
    is_new_speaker: bool = False
    has_chevrons: bool = False


class Piece(NamedTuple):
    """What one speaker says in a cue."""

    speaker: str
    words: list[str]
    start: float | None


def make_segments(cues: list[Cue]) -> Iterator[Segment]:
    """The utterances of cues whose ends are all known, in the order of the cues.

    Those of one cue share its time by the length of their words, unless time stamps inside the cue say more. A cue of sounds alone is an
    utterance without words.
    """
    parts = [_split_cue(cue) for cue in cues]
    speakers = _find_speakers(cues, parts)
    for cue, lines in zip(cues, parts, strict=True):
        if lines is None:
            assert cue.end is not None
            yield Segment(cue.start, cue.end, _join([cue.lines[0].text]), cue.lines[0].speaker)
            continue
        pieces = _find_pieces(cue, lines, speakers)
        with_words = [piece for piece in pieces if any(piece.words)]
        yield from _share_time(cue, with_words or pieces[:1])


def _split_cue(cue: Cue) -> list[list[Part]] | None:
    """The parts of each line; `None` for a cue of one plain line, as most are in a long file."""
    if len(cue.lines) == 1 and not SPECIAL.search(cue.lines[0].text):
        return None
    return [_split_line(line) for line in cue.lines]


def _split_line(line: Line) -> list[Part]:
    if not SPECIAL.search(line.text):
        return [Part(line.text)]
    parts: list[Part] = []
    position, has_chevrons = 0, False
    for chevrons in CHEVRONS.finditer(line.text) if ">>" in line.text else ():
        parts += _split_at_dashes(line.text[position : chevrons.start()], has_chevrons)
        position, has_chevrons = chevrons.end(), True
    parts += _split_at_dashes(line.text[position:], has_chevrons)
    return parts or [Part("")]


def _split_at_dashes(text: str, has_chevrons: bool) -> list[Part]:
    text = text.strip()
    if not text and not has_chevrons:
        return []
    part = _make_part(text, has_chevrons, has_chevrons)
    dash = DASH.match(part.text)
    if dash is None:
        return [part]
    first, *others = DASH_INSIDE.split(part.text[dash.end() :])
    return [_make_part(first, True, has_chevrons), *(_make_part(other, True) for other in others)]


def _make_part(text: str, is_new_speaker: bool, has_chevrons: bool = False) -> Part:
    """The part without sounds before its first word or its name."""
    prefix = find_prefix(text)
    if prefix is None and text[:1] in MARKS:
        text = remove_sounds(text) or text
        prefix = find_prefix(text)
    return Part(text, prefix, is_new_speaker, has_chevrons)


def _find_speakers(cues: list[Cue], parts: list[list[list[Part]] | None]) -> Speakers:
    openings: list[Prefix | None] = []
    others: list[Prefix] = []
    after_chevrons: list[Prefix] = []
    known: set[str] = set()
    for cue, lines in zip(cues, parts, strict=True):
        known.update(line.speaker for line in cue.lines if line.speaker)
        openings.append(lines[0][0].prefix if lines else None)
        if lines is None:
            continue
        if len(lines) > 1 or len(lines[0]) > 1 or lines[0][0].has_chevrons:
            flat = [part for line in lines for part in line]
            others += [part.prefix for part in flat[1:] if part.prefix]
            after_chevrons += [part.prefix for part in flat if part.prefix and part.has_chevrons]
    return Speakers(openings, others, after_chevrons, known)


def _find_pieces(cue: Cue, lines: list[list[Part]], speakers: Speakers) -> list[Piece]:
    pieces: list[Piece] = []
    voice = ""
    for line, parts in zip(cue.lines, lines, strict=True):
        for index, part in enumerate(parts):
            speaker, words = line.speaker, part.text
            if part.prefix and speakers.is_speaker(part.prefix):
                name = part.prefix.name
                if not speaker or speaker.casefold() == name.casefold():  # "<v Ann>Ann: Hi" says the name twice
                    speaker, words = speaker or name, words[part.prefix.end :]
            is_new = not line.speaker and (part.is_new_speaker or bool(speaker))
            if not pieces or is_new or line.speaker != voice:
                pieces.append(Piece(speaker, [], line.start if index == 0 else None))
            voice = line.speaker
            pieces[-1].words.append(remove_sounds(words.strip()))
    return pieces


def _share_time(cue: Cue, pieces: list[Piece]) -> Iterator[Segment]:
    assert cue.end is not None
    if len(pieces) == 1:
        speaker, words, _ = pieces[0]
        yield Segment(cue.start, cue.end, _join(words), speaker)
        return
    texts = [_join(piece.words) for piece in pieces]
    starts = [cue.start]
    for piece in pieces[1:]:
        is_inside = piece.start is not None and max(starts) <= piece.start <= cue.end
        starts.append(piece.start if is_inside and piece.start is not None else -1.0)
    first = 0
    for last in [index for index in range(1, len(starts)) if starts[index] >= 0] + [len(starts)]:
        end = starts[last] if last < len(starts) else cue.end
        total = sum(map(len, texts[first:last])) or 1
        for index in range(first + 1, last):
            starts[index] = starts[index - 1] + (end - starts[first]) * len(texts[index - 1]) / total
        first = last
    for piece, text, start, end in zip(pieces, texts, starts, [*starts[1:], cue.end], strict=True):
        yield Segment(start, end, text, piece.speaker)


def _join(words: list[str]) -> str:
    return " ".join(" ".join(words).split())
