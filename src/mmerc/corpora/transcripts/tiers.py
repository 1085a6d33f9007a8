"""Tiers of annotation programs: rows of marked stretches of time, one for each speaker and kind of annotation."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Annotation, Cue
from mmerc.corpora.transcripts.fields import to_name
from mmerc.corpora.transcripts.markup import parse_lines

KINDS = ("words", "emotion", "confidence")  # of the tiers that mmerc writes
OWN_NAME = re.compile(rf"({'|'.join(KINDS)})(-points)?(\d*)(?:@(.*))?", re.DOTALL)
CONVENTION = re.compile(r"[a-z][\w.-]{0,20}@(?=\S)")  # a kind before the speaker, as in tx@Ann
# Tiers that are no names of speakers.
GENERIC = frozenset(
    [
        "default",
        "utterance",
        "utterances",
        "sentence",
        "sentences",
        "text",
        "texts",
        "transcript",
        "transcription",
        "orthography",
        "ort",
        "words",
        "word",
        "phrase",
        "phrases",
        "speech",
        "silences",
        "turns",
        "segments",
        "annotation",
        "annotations",
    ]
)
NO_SPEECH = re.compile(
    r"gestur|gaze|movement|posture|\bhands?\b|\bhead\b|comment|\bnotes?\b|translat|\bgloss|\btopics?\b|\bscenes?\b",
    re.IGNORECASE,
)
MAX_NAMED = 3


class Mark(NamedTuple):
    """A stretch of a tier, in seconds. `id` and `parent` name a mark and the mark that it belongs to, where the format has that."""

    start: float
    end: float
    text: str
    id: str = ""
    parent: str = ""


@dataclass
class Tier:
    """`speaker`: the speaker that the format names apart from the tier's name. `parent`: the tier that this one belongs to; empty for most.

    `has_points`: its marks are points in time.
    """

    name: str
    speaker: str = ""
    parent: str = ""
    has_points: bool = False
    marks: list[Mark] = field(default_factory=list)


def name_tier(kind: str, speaker: str, lane: int = 1, *, has_points: bool = False) -> str:
    """The name of a tier that mmerc writes. Lane 2 and above hold what overlaps another utterance of the same speaker.

    >>> name_tier("words", "Ann"), name_tier("emotion", "", 2), name_tier("words", "Ann", has_points=True)
    ('words@Ann', 'emotion2', 'words-points@Ann')
    """
    return f"{kind}{'-points' if has_points else ''}{lane if lane > 1 else ''}{f'@{speaker}' if speaker else ''}"


def find_speaker(name: str) -> str:
    """The speaker whom a tier's name means; empty for names such as "utterances".

    >>> find_speaker("Ann"), find_speaker("tx@Ann"), find_speaker("Utterances"), find_speaker("Ann - words")
    ('Ann', 'Ann', '', 'Ann')
    """
    name = CONVENTION.sub("", name.strip(), count=1) if CONVENTION.match(name.strip()) else name.strip()
    name = re.sub(r"\s+-\s+(?:words|utterances|transcript)$", "", name, flags=re.IGNORECASE)
    return "" if name.lower() in GENERIC else to_name(name)


def is_own(tiers: Iterable[Tier]) -> bool:
    """Whether the tiers are those that mmerc writes: words, with the emotion and its confidence."""
    kinds = {found[1] for tier in tiers if (found := OWN_NAME.fullmatch(tier.name))}
    return {"emotion", "confidence"} <= kinds


def pair_tiers(tiers: Sequence[Tier]) -> list[Annotation]:
    """The rows of tiers that mmerc wrote, in the order of their times, also where a person has changed them since."""
    groups: dict[tuple[str, str, str], dict[str, Tier]] = {}
    for tier in tiers:
        found = OWN_NAME.fullmatch(tier.name)
        if found:
            groups.setdefault((found[2] or "", found[3], found[4] or ""), {})[found[1]] = tier
    rows = [row for (_, _, speaker), group in groups.items() for row in _pair_group(speaker, group)]
    return sorted(rows, key=lambda row: (row.start, row.end))


def _pair_group(speaker: str, group: dict[str, Tier]) -> Iterator[Annotation]:
    words, emotion, confidence = (group[kind].marks if kind in group else [] for kind in KINDS)
    of_words, of_confidence = _find_partners(emotion, words), _find_partners(emotion, confidence)
    for index, mark in enumerate(emotion):
        text = words[of_words[index]].text if index in of_words else ""
        number = confidence[of_confidence[index]].text if index in of_confidence else ""
        yield Annotation(mark.start, mark.end, text, speaker, mark.text, to_probability(number))
    used = set(of_words.values())
    for index, mark in enumerate(words):
        if index not in used:  # a person added it, without an emotion
            yield Annotation(mark.start, mark.end, mark.text, speaker)


def _find_partners(marks: Sequence[Mark], others: Sequence[Mark]) -> dict[int, int]:
    """For each mark the index of the one in `others` that belongs to it: by ID, by equal times, or the one that contains its middle."""
    by_id = {mark.id: index for index, mark in enumerate(others) if mark.id}
    by_parent = {mark.parent: index for index, mark in enumerate(others) if mark.parent}
    by_time: dict[tuple[float, float], list[int]] = {}
    for index in range(len(others) - 1, -1, -1):
        by_time.setdefault(others[index][:2], []).append(index)
    order = sorted(range(len(others)), key=lambda index: others[index].start)
    starts = [others[index].start for index in order]
    partners: dict[int, int] = {}
    for index, mark in enumerate(marks):
        found = by_id.get(mark.parent, by_parent.get(mark.parent)) if mark.parent else None
        if found is None and by_time.get(mark[:2]):
            found = by_time[mark[:2]].pop()
        if found is None and not mark.parent:
            middle = (mark.start + mark.end) / 2
            position = bisect_right(starts, middle) - 1
            if position >= 0 and middle < others[order[position]].end:
                found = order[position]
        if found is not None:
            partners[index] = found
    return partners


def to_probability(text: str) -> float | None:
    """A probability as mmerc writes it; `None` for any other text.

    >>> to_probability("0.81"), to_probability("?"), to_probability("nan")
    (0.81, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None


def make_cues(annotations: Iterable[Annotation]) -> list[Cue]:
    """Cues of annotations, without their labels."""
    return [
        Cue(each.start, each.end, parse_lines(each.text, each.speaker), number)
        for number, each in enumerate(annotations, 1)
    ]


def choose_speech(tiers: Sequence[Tier], name: str, problems: list[Problem]) -> list[Tier]:
    """The tiers that may be speech by their names; all of them, if no name leaves another choice."""
    others = [tier for tier in tiers if NO_SPEECH.search(tier.name)]
    if len(others) == len(tiers):
        return list(tiers)
    report_unread(others, "the name means no speech", name, problems)
    return [tier for tier in tiers if not NO_SPEECH.search(tier.name)]


def report_overlaps(tiers: Sequence[Tier], name: str, problems: list[Problem]) -> None:
    """A problem for each speaker who has several tiers of speech that overlap: one may be a translation."""
    by_speaker: dict[str, list[Tier]] = {}
    for tier in tiers:
        by_speaker.setdefault(tier.speaker, []).append(tier)
    for speaker, group in by_speaker.items():
        if len(group) < 2 or not speaker:
            continue
        marks = sorted((mark.start, mark.end) for tier in group for mark in tier.marks)
        overlaps = [after for before, after in pairwise(marks) if after[0] < before[1]]
        if overlaps:
            what = (
                f"the tiers {list_names(tier.name for tier in group)} of {speaker} overlap {count_times(len(overlaps))}, first "
                f"at {overlaps[0][0]:.1f} s; all are read: delete those that are not what {speaker} says"
            )
            problems.append(Problem("tier", name, what))


def report_unread(tiers: Sequence[Tier], reason: str, name: str, problems: list[Problem]) -> None:
    """A problem that names the tiers with marks that are not read."""
    names = [tier.name for tier in tiers if tier.marks]
    if names:
        tier = "the tier" if len(names) == 1 else "the tiers"
        problems.append(Problem("tier", name, f"{tier} {list_names(names)} not read: {reason}"))


def list_names(names: Iterable[str]) -> str:
    """The first names in quotes, and how many others there are.

    >>> list_names(["a", "b"]), list_names("abcde")
    ('"a", "b"', '"a", "b", "c" and 2 more')
    """
    quoted = [f'"{name[:40]}"' for name in names]
    rest = len(quoted) - MAX_NAMED
    return ", ".join(quoted[:MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def count_times(count: int) -> str:
    """
    >>> count_times(1), count_times(3)
    ('once', '3 times')
    """
    return "once" if count == 1 else f"{count} times"
