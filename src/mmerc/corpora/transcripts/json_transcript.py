"""JSON of any dialect as cues."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Cue
from mmerc.corpora.transcripts.fields import to_name, to_seconds, to_text
from mmerc.corpora.transcripts.json_dialects import DIALECTS, JsonRow
from mmerc.corpora.transcripts.markup import parse_lines
from mmerc.corpora.transcripts.units import correct_unit
from mmerc.corpora.transcripts.words import SENTENCE_END, Word, group_words
from mmerc.errors import CorpusError

ROW_ERRORS = (AttributeError, KeyError, TypeError, ValueError, OverflowError)


def read_json_transcript(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The rows of a JSON file called `name`, in the file's order; words are gathered into cues.

    Raises:
        CorpusError: it is no JSON, or has rows of no known dialect.
    """
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "a number in it is too large"
        if isinstance(error, RecursionError):
            reason = "its lists are too deep"
        elif isinstance(error, json.JSONDecodeError):
            reason = str(error)[:120]
        raise CorpusError(f"{name} is no JSON ({reason}): export it again.") from error
    found = next(((each, rows) for each in DIALECTS if (rows := each.find(content)) is not None), None)
    if found is None:
        names = ", ".join(dict.fromkeys(each.name for each in DIALECTS[:-1]))
        raise CorpusError(f"{name} has no list of segments with times: give JSON as these write it: {names}.")
    dialect, rows = found
    read = list(dialect.read(rows))
    if dialect.has_words or (dialect.may_have_words and _are_words(read)):
        cues = _read_words(read, dialect.scale, name, problems)
    else:
        cues = list(_read_cues(read, dialect.scale, name, problems))
    cues = correct_unit(cues, dialect.scale, name, problems)
    return _cut_at_next(cues) if dialect.is_display else cues


def _read_cues(rows: Iterable[JsonRow], scale: float, name: str, problems: list[Problem]) -> Iterator[Cue]:
    for number, row in enumerate(rows):
        try:
            start, end = _read_times(row, scale)
        except ROW_ERRORS:
            start = end = None
        if start is None:
            problems.append(Problem("row", f"{name} segment {number}", "has no time that can be read; left out"))
            continue
        speaker = to_name(row.speaker)
        yield Cue(start, end, parse_lines(to_text(row.text), speaker), number)


def _are_words(rows: list[JsonRow]) -> bool:
    """Whether the rows are single words and no utterances, as transformers and whisper.cpp write them on demand."""
    texts = [row.text.strip() for row in rows if isinstance(row.text, str) and row.text.strip()]
    if len(texts) < 4 or sum(" " in text for text in texts) > 0.1 * len(texts):
        return False
    return sum(bool(SENTENCE_END.search(text)) for text in texts) < 0.5 * len(texts)


def _read_words(rows: Iterable[JsonRow], scale: float, name: str, problems: list[Problem]) -> list[Cue]:
    cues: list[Cue] = []
    count = 0
    for _, group in groupby(rows, key=lambda row: row.group):
        words = []
        for row in group:
            text = str(row.text) if row.text is not None else ""
            try:
                start, end = _read_times(row, scale)
                words.append(
                    Word(
                        to_text(text) if text == text.lstrip() else f" {to_text(text)}",
                        start,
                        end,
                        to_name(row.speaker),
                    )
                )
            except ROW_ERRORS:
                problems.append(Problem("row", f"{name} word {count}", "has no time that can be read; left out"))
            count += 1
        cues += group_words(words, len(cues))
    return cues


def _read_times(row: JsonRow, scale: float) -> tuple[float | None, float | None]:
    unit = scale if row.scale == 1.0 else row.scale
    start, end = to_seconds(row.start, unit), to_seconds(row.end, unit)
    if end is None and row.duration is not None and start is not None:
        duration = to_seconds(row.duration, unit)
        end = None if duration is None else round(start + duration, 6)
    return start, end


def _cut_at_next(cues: list[Cue]) -> list[Cue]:
    """A line that is still shown when the next one begins is no longer spoken."""
    ordered = sorted(cues, key=lambda cue: cue.start)
    cut = []
    for cue, after in zip(ordered, [*ordered[1:], None], strict=False):
        is_late = after is not None and cue.end is not None and cue.start < after.start < cue.end
        cut.append(cue._replace(end=after.start) if is_late and after is not None else cue)
    return cut
