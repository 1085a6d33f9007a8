"""RTTM: who speaks when, without words (NIST RT-09 evaluation plan, appendix A)."""

import re
from collections import Counter
from urllib.parse import unquote

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.clock import split_lines
from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.tiers import list_names

SPEAKER = re.compile(r"^[ \t]*SPEAKER(?:[ \t]+\S+){2}(?:[ \t]+\d+(?:\.\d*)?){2}(?:[ \t]+\S+){3}", re.MULTILINE)
OWN = re.compile(r"^;; .*\bmmerc\b", re.MULTILINE)
NONE = "<NA>"
MIN_FIELDS = 8


def read_rttm(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The turns of an RTTM file called `name`, without words. `Cue.source` is the recording that a line names."""
    is_own = OWN.match(text) is not None  # then a space in a name is written %20
    cues: list[Cue] = []
    others: Counter[str] = Counter()
    for number, line in enumerate(split_lines(text), 1):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if fields[0] != "SPEAKER":
            others[fields[0]] += 1
            continue
        try:
            source, start, length, speaker = fields[1], float(fields[3]), float(fields[4]), fields[MIN_FIELDS - 1]
        except (ValueError, IndexError):
            what = f'has no start, length and speaker that can be read: "{line.strip()[:60]}" is left out'
            problems.append(Problem("row", f"{name} line {number}", what))
            continue
        source, speaker = ("" if each == NONE else unquote(each) if is_own else each for each in (source, speaker))
        cues.append(Cue(start, round(start + length, 6), (Line("", speaker),), number, source))
    others.pop("SPKR-INFO", None)  # age and sex of speakers
    if others:
        lines = "a line" if others.total() == 1 else f"{others.total()} lines"
        what = f"{lines} of type {list_names(others)} left out: only SPEAKER lines are read"
        problems.append(Problem("row", name, what))
    return cues
