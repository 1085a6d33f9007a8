"""Annotation files with labels, as mmerc writes them and as people correct them: the rows exactly as they stand in the file.

`read_transcript` gives what an utterance is predicted from, so it drops sounds and labels; this keeps everything.
"""

import csv
import html
import io
import re
from collections.abc import Iterator
from pathlib import Path

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.encoding import read_text_any_encoding
from mmerc.corpora.transcripts.clock import parse_timing
from mmerc.corpora.transcripts.cue import Annotation
from mmerc.corpora.transcripts.elan import parse_eaf
from mmerc.corpora.transcripts.fields import remove_guard
from mmerc.corpora.transcripts.praat import parse_textgrid
from mmerc.corpora.transcripts.rttm import read_rttm
from mmerc.corpora.transcripts.tiers import is_own, pair_tiers, to_probability
from mmerc.errors import CorpusError

VOICE = re.compile(r"<v(?: ([^>]*))?>(.*?)(?:</v>)?$", re.DOTALL)
LABEL = re.compile(r"\[(.+?) ([01]\.\d\d)\](?: |$)", re.DOTALL)
COLUMNS = ("start", "end", "speaker", "text", "emotion")
SUFFIXES = (".eaf", ".textgrid", ".rttm", ".vtt", ".csv")


def read_annotations(file: Path) -> list[Annotation]:
    """The rows of an annotation file that mmerc wrote, in the order of their times, also where a person has changed them since.

    Labels are in `.eaf`, `.TextGrid`, `.vtt` and `.csv`; the confidence of `.vtt` has two decimals. `.rttm` has speakers and times only.

    Raises:
        CorpusError: the file is absent, damaged, or has no emotions.
    """
    file = Path(file)
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise CorpusError(f"{file} has no labels that can be read: give one of {', '.join(SUFFIXES)}.")
    text, _, _ = read_text_any_encoding(file)
    problems: list[Problem] = []
    if suffix == ".vtt":
        rows = list(_read_webvtt(text))
    elif suffix == ".csv":
        rows = list(_read_table(text, file))
    elif suffix == ".rttm":
        cues = read_rttm(text, str(file), problems)
        rows = [Annotation(cue.start, cue.end or cue.start, "", cue.lines[0].speaker) for cue in cues]
    else:
        tiers = (parse_eaf if suffix == ".eaf" else parse_textgrid)(text, str(file), problems)
        if not is_own(tiers):
            raise CorpusError(f"{file} has no tiers of emotions as mmerc writes them: read it with --transcript.")
        rows = pair_tiers(tiers)
    if problems:
        raise CorpusError(f"{problems[0].where} {problems[0].what}.")
    return sorted(rows, key=lambda row: (row.start, row.end))


def _read_webvtt(text: str) -> Iterator[Annotation]:
    for block in re.split(r"\n{2,}", text):
        first, _, body = block.strip("\n").partition("\n")
        times = parse_timing(first)
        if times is None:
            continue
        voice = VOICE.match(body)
        speaker, words = (voice[1] or "", voice[2]) if voice else ("", body)
        speaker, words = html.unescape(speaker), html.unescape(words)
        label = LABEL.match(words)
        if label:
            words = words[label.end() :]
        start, end = times
        emotion, confidence = (label[1], to_probability(label[2])) if label else ("", None)
        yield Annotation(start, start if end is None else end, words, speaker, emotion, confidence)


def _read_table(text: str, file: Path) -> Iterator[Annotation]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    lacking = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if lacking:
        raise CorpusError(f"{file} lacks the column {lacking[0]}: give a table that mmerc predict --out wrote.")
    for number, row in enumerate(rows, 2):
        start, end, speaker, words, emotion = (remove_guard(row[name] or "") for name in COLUMNS)
        try:
            yield Annotation(
                float(start), float(end), words, speaker, emotion, to_probability(row.get("confidence") or "")
            )
        except ValueError as error:
            raise CorpusError(f"{file} row {number} has no start and end in seconds: fill them in.") from error
