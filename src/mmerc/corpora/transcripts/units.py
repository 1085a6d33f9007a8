"""Whether the times of a file are seconds or milliseconds: its format says it, and the words must fit."""

from collections.abc import Sequence

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Cue

SLOWEST = 0.15  # characters in a second; speech has 5 to 25, and 1000 times less is no speech
FASTEST = 500.0
LONGEST = 200.0  # seconds; the mean of cues without words


def correct_unit(
    cues: list[Cue], scale: float, name: str, problems: list[Problem], is_known: bool = False
) -> list[Cue]:
    """The cues in seconds, where their words show that the unit was not the assumed one of `scale` seconds (1 or 0.001).

    is_known: milliseconds are usual in this format, so that they need no Problem.
    """
    timed = [cue for cue in cues if cue.end is not None and cue.end > cue.start]
    seconds = sum(cue.end - cue.start for cue in timed if cue.end is not None)
    if not timed or seconds <= 0:
        return cues
    letters = sum(len(line.text) for cue in timed for line in cue.lines)
    rate = letters / seconds
    if scale == 1.0 and all(cue.start.is_integer() and (cue.end or 0.0).is_integer() for cue in timed):
        if rate < SLOWEST if letters else seconds / len(timed) > LONGEST:
            if not is_known:
                what = "the times are read as milliseconds: as seconds they are too long for the words"
                problems.append(Problem("time", name, what))
            return _rescale(cues, 0.001)
    elif scale == 0.001 and rate > FASTEST:
        what = "the times are read as seconds: as milliseconds they are too short for the words"
        problems.append(Problem("time", name, what))
        return _rescale(cues, 1000.0)
    return cues


def _rescale(cues: Sequence[Cue], factor: float) -> list[Cue]:
    return [
        cue._replace(start=round(cue.start * factor, 6), end=None if cue.end is None else round(cue.end * factor, 6))
        for cue in cues
    ]
