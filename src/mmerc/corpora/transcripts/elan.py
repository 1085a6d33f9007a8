"""ELAN's `.eaf` files (https://www.mpi.nl/tools/elan/EAFv3.0.xsd), read as a stream: a cut file gives what stands before the cut.

pympi-ling fails on a file that lacks an attribute, and keeps nothing of one that is cut.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from typing import Any

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Annotation, Cue
from mmerc.corpora.transcripts.fields import to_name
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
from mmerc.errors import CorpusError

UNITS = {"milliseconds": 0.001, "PAL-frames": 1 / 25, "NTSC-frames": 1001 / 30_000}  # seconds
BLOCK = 1 << 20  # characters
DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
Row = tuple[str, str, str, str, str]  # ID, first and last time slot, ID of the annotation that it belongs to, text


def read_eaf(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The speech in an EAF file called `name`: tiers without a parent. The participant, or the tier's name, is the speaker.

    Raises:
        CorpusError: it is no EAF, or defines entities.
    """
    tiers = parse_eaf(text, name, problems)
    if is_own(tiers):
        return make_cues(pair_tiers(tiers))
    report_unread([tier for tier in tiers if tier.parent], "they belong to other tiers", name, problems)
    speech = choose_speech([tier for tier in tiers if not tier.parent], name, problems)
    report_overlaps(speech, name, problems)
    rows = [
        Annotation(mark.start, mark.end, mark.text, tier.speaker or find_speaker(tier.name))
        for tier in speech
        for mark in tier.marks
    ]
    return make_cues(sorted(rows, key=lambda row: (row.start, row.end)))


def parse_eaf(text: str, name: str, problems: list[Problem]) -> list[Tier]:
    """All tiers of an EAF file called `name`. A mark that belongs to another mark has its times.

    Raises:
        CorpusError: it is no EAF, or defines entities.
    """
    if "<!ENTITY" in text:
        raise CorpusError(f"{name} defines entities of its own, which no annotation file needs: export it again.")
    reader = _Reader()
    parser: ET.XMLPullParser[Any] = ET.XMLPullParser(("start", "end"))
    start = found.end() if (found := DECLARATION.match(text)) else 0
    try:
        for at in range(start, len(text), BLOCK):
            parser.feed(text[at : at + BLOCK])
            reader.read(parser.read_events(), name)
        parser.close()
        reader.read(parser.read_events(), name)
    except (ET.ParseError, ValueError) as error:
        if not reader.tiers:
            raise CorpusError(f"{name} is no XML ({str(error)[:80]}): export it again.") from error
        line = getattr(error, "position", (0,))[0]
        what = "is cut or damaged; what stands before is read, save it again in ELAN to get the rest"
        problems.append(Problem("cut", f"{name} line {line}", what))
    return list(reader.make_tiers(name, problems))


class _Reader:
    """Collects tiers and time slots, and drops each element as soon as it is read."""

    def __init__(self) -> None:
        self.slots: dict[str, int | None] = {}
        self.tiers: list[tuple[Tier, list[Row]]] = []
        self.unit, self.origin = 0.001, 0.0
        self.around: ET.Element | None = None  # the tier, or the list of time slots
        self.is_first = True

    def read(self, events: Iterable[Any], name: str) -> None:
        for event, element in events:
            if self.is_first:
                if element.tag != "ANNOTATION_DOCUMENT":
                    raise CorpusError(f"{name} has no <ANNOTATION_DOCUMENT> as an EAF has: is it the right file?")
                self.is_first = False
            if event == "start":
                self._begin(element)
            elif element.tag == "TIME_SLOT":
                value = element.get("TIME_VALUE", "")
                self.slots[element.get("TIME_SLOT_ID", "")] = int(value) if value.isdecimal() else None
                self._clear()
            elif element.tag == "ANNOTATION" and self.tiers:
                self.tiers[-1][1].extend(_read_annotation(each) for each in element)
                self._clear()

    def _begin(self, element: ET.Element) -> None:
        if element.tag in ("TIME_ORDER", "TIER"):
            self.around = element
        if element.tag == "TIER":
            speaker, parent = to_name(element.get("PARTICIPANT")), element.get("PARENT_REF", "")
            self.tiers.append((Tier(element.get("TIER_ID", ""), speaker, parent), []))
        elif element.tag == "HEADER":
            self.unit = UNITS.get(element.get("TIME_UNITS", ""), 0.001)
        elif element.tag == "MEDIA_DESCRIPTOR" and not self.origin:
            origin = element.get("TIME_ORIGIN", "")
            self.origin = int(origin) / 1000 if origin.isdecimal() else 0.0

    def _clear(self) -> None:
        if self.around is not None:
            del self.around[:]

    def make_tiers(self, name: str, problems: list[Problem]) -> Iterator[Tier]:
        """The tiers with times in seconds. A row without times of its own has those of the row that it belongs to."""
        if self.origin:
            what = f"its recording begins at {self.origin:.3f} s of the media file (TIME_ORIGIN); the times are moved by that"
            problems.append(Problem("time", name, what))
        seconds = {slot: ticks * self.unit + self.origin for slot, ticks in _fill_slots(self.slots).items()}
        rows = {row[0]: row for _, each in self.tiers for row in each}
        for tier, own in self.tiers:
            for row in own:
                aligned: Row | None = row
                for _ in self.tiers:  # a chain is no longer than the number of tiers
                    if aligned is None or aligned[1]:
                        break
                    aligned = rows.get(aligned[3])
                start, end = (seconds.get(slot) for slot in aligned[1:3]) if aligned else (None, None)
                if start is None or end is None:
                    what = f'has no time that can be read; left out, with the words "{row[4][:60]}"'
                    problems.append(Problem("time", f"{name} annotation {row[0]}", what))
                    continue
                tier.marks.append(Mark(round(start, 6), round(end, 6), row[4], row[0], row[3]))
            yield tier


def _read_annotation(element: ET.Element) -> Row:
    value = element.find("ANNOTATION_VALUE")
    text = "".join(value.itertext()) if value is not None else ""
    names = ("ANNOTATION_ID", "TIME_SLOT_REF1", "TIME_SLOT_REF2", "ANNOTATION_REF")
    first, start, end, parent = (element.get(each, "") for each in names)
    return first, start, end, parent, text


def _fill_slots(slots: dict[str, int | None]) -> dict[str, float]:
    """The ticks of all slots: those without a time share the time between their neighbours, as ELAN shows them."""
    filled: dict[str, float] = {}
    waiting: list[str] = []
    last = 0
    for slot, ticks in slots.items():
        if ticks is None:
            waiting.append(slot)
            continue
        step = (ticks - last) / (len(waiting) + 1)
        filled.update((each, last + step * number) for number, each in enumerate(waiting, 1))
        filled[slot], last, waiting = ticks, ticks, []
    return filled
