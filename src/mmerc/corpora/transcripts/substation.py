"""Advanced SubStation (.ass) and SubStation Alpha (.ssa), read by pysubs2."""

import re

import pysubs2

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.clock import split_lines
from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.markup import INVISIBLE, NO_NAMES
from mmerc.errors import CorpusError

DIALOGUE = re.compile(r"^\s*Dialogue\s*:", re.MULTILINE | re.IGNORECASE)
_TIME = r"\s*-?\d{1,2}:\d{1,2}:\d{1,2}(?:[.,]\d{1,3})?\s*"
STYLE = re.compile(r"\s*Style\s*:", re.IGNORECASE)
TIMED = re.compile(rf"\s*Dialogue\s*:[^,]*,{_TIME},{_TIME},", re.IGNORECASE)


def read_substation(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The dialogue of a SubStation file called `name`; comments and drawings are no dialogue. The actor field names the speaker.

    Raises:
        CorpusError: pysubs2 cannot read the file.
    """
    text = "\n".join(_drop_untimed(split_lines(text), name, problems))
    form = "ssa" if "[v4 styles]" in text.lower() else "ass"
    try:
        subtitles = pysubs2.SSAFile.from_string(text, format_=form)
    except (pysubs2.Pysubs2Error, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise CorpusError(f"{name} cannot be read as {form.upper()} ({str(error)[:80]}): export it again.") from error
    lost = len(DIALOGUE.findall(text)) - sum(event.type == "Dialogue" for event in subtitles)
    if lost > 0:
        lines = "line that pysubs2 cannot read is" if lost == 1 else "lines that pysubs2 cannot read are"
        problems.append(Problem("cue", name, f"{lost} {lines} left out"))
    cues = []
    for number, event in enumerate(subtitles):
        if event.is_comment or event.is_drawing:
            continue
        actor = " ".join(event.name.split())
        speaker = "" if actor in NO_NAMES else actor
        words = [INVISIBLE.sub("", line).strip() for line in event.plaintext.split("\n")]
        lines_of_cue = tuple(Line(line, speaker) for line in words if line)
        if lines_of_cue:
            cues.append(Cue(event.start / 1000, event.end / 1000, lines_of_cue, number))
    return cues


def _drop_untimed(lines: list[str], name: str, problems: list[Problem]) -> list[str]:
    """Drop style lines and dialogue lines without valid times: pysubs2 refuses a whole file for one damaged line."""
    kept = []
    for number, line in enumerate(lines, start=1):
        if DIALOGUE.match(line) and not TIMED.match(line):
            words = line.rpartition(",")[2].strip()[:60]
            problems.append(
                Problem("time", f"{name} line {number}", f'has no time that can be read; "{words}" is left out')
            )
        elif not STYLE.match(line):
            kept.append(line)
    return kept
