"""TTML, DFXP and IMSC: timed text in XML (https://www.w3.org/TR/ttml1/).

pysubs2 reads no frames, ticks, `dur`, spans with times, or documents in DFXP's own namespace.
"""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.markup import INVISIBLE
from mmerc.errors import CorpusError

CLOCK = re.compile(r"(\d+):(\d{1,2}):(\d{1,2})(?:(\.\d+)|:(\d+)(?:\.\d+)?)?")
OFFSET = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|f|t)?")
SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
DEEPEST = 100  # elements inside each other


@dataclass(frozen=True)
class Rates:
    """Frames and ticks in a second."""

    frames: float
    ticks: float


@dataclass(frozen=True)
class Scope:
    """What an element hands down to those inside it: the times (seconds) and the speaker."""

    start: float = 0.0
    end: float | None = None
    speaker: str = ""
    is_timed: bool = False


def read_ttml(text: str, name: str, problems: list[Problem]) -> list[Cue]:
    """The paragraphs of a TTML file called `name`. `ttm:agent` names the speaker.

    Raises:
        CorpusError: it is no XML, or has no body.
    """
    if "<!ENTITY" in text:
        raise CorpusError(f"{name} defines entities of its own, which no transcript needs: export it again.")
    try:
        root = ET.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text).strip())  # nosec B314: it defines no entities
    except (ET.ParseError, RecursionError, ValueError) as error:
        raise CorpusError(f"{name} is no XML ({str(error)[:80]}): export it again.") from error
    body = next((element for element in root.iter() if _get_tag(element) == "body"), None)
    if body is None:
        raise CorpusError(f"{name} has no <body> as TTML has: is it the right file?")
    if _is_deep(root):
        raise CorpusError(f"{name} has elements more than {DEEPEST} deep and is no transcript: export it again.")
    reader = _Reader(name, _find_rates(root), _find_agents(root), problems)
    reader.walk(body, Scope())
    return reader.cues


def parse_ttml_time(stamp: str, rates: Rates) -> float:
    """A time as seconds: `00:00:01.5`, `00:00:01:12` (frames), `1.5s`, `1500ms`, `36f`, `15000000t`.

    Raises:
        ValueError: it is no such time.
    """
    stamp = stamp.strip().replace(",", ".")
    found = CLOCK.fullmatch(stamp)
    if found:
        hours, minutes, seconds, fraction, frames = found.groups()
        whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        return whole + float(fraction or 0) + (int(frames) / rates.frames if frames else 0.0)
    found = OFFSET.fullmatch(stamp)
    if not found:
        raise ValueError(stamp)
    unit = found[2] or "s"
    return float(found[1]) * (SECONDS[unit] if unit in SECONDS else 1 / (rates.frames if unit == "f" else rates.ticks))


class _Reader:
    def __init__(self, name: str, rates: Rates, agents: dict[str, str], problems: list[Problem]) -> None:
        self.name, self.rates, self.agents, self.problems = name, rates, agents, problems
        self.cues: list[Cue] = []
        self.number = 0

    def walk(self, element: ET.Element, scope: Scope) -> None:
        """Add the cues of an element and of all inside it. A time is relative to the element around it."""
        tag = _get_tag(element)
        if tag == "p":
            self.number += 1
        inner = self._narrow(element, scope)
        if inner is None:
            return
        if tag == "p" or (tag == "span" and inner.is_timed and not scope.is_timed):
            timed = [child for child in element.iter() if child is not element and _get_attribute(child, "begin")]
            if not timed:
                self._add(element, inner)
                return
            if element.text and element.text.strip():
                what = f'has words without a time among spans with times: "{element.text.strip()[:60]}" is left out'
                self.problems.append(Problem("cue", f"{self.name} paragraph {self.number}", what))
            inner = replace(inner, is_timed=False)
        offset = inner.start
        is_sequence = _get_attribute(element, "timeContainer") == "seq"
        for child in element:
            self.walk(child, replace(inner, start=offset, is_timed=False))
            if is_sequence:
                done = self._narrow(child, replace(inner, start=offset))
                offset = done.end if done is not None and done.end is not None else offset

    def _narrow(self, element: ET.Element, scope: Scope) -> Scope | None:
        """The element's own times and speaker inside those around it; `None` where its times cannot be read."""
        stamps = {key: _get_attribute(element, key) for key in ("begin", "end", "dur")}
        try:
            times = {key: parse_ttml_time(stamp, self.rates) for key, stamp in stamps.items() if stamp}
        except (ValueError, OverflowError, ZeroDivisionError) as error:
            words = " ".join("".join(element.itertext()).split())[:60]
            what = f'"{str(error)[:40]}" is no time; left out, with the words "{words}"'
            self.problems.append(Problem("time", f"{self.name} paragraph {self.number}", what))
            return None
        start = scope.start + times.get("begin", 0.0)
        end = scope.start + times["end"] if "end" in times else None
        if "dur" in times:
            end = start + times["dur"] if end is None else min(end, start + times["dur"])
        if end is None:
            end = scope.end
        agent = _get_attribute(element, "agent").split()
        speaker = " & ".join(self.agents.get(each, each) for each in agent) or scope.speaker
        return Scope(start, end, speaker, "begin" in times or scope.is_timed)

    def _add(self, element: ET.Element, scope: Scope) -> None:
        lines = tuple(Line(line, scope.speaker) for line in _read_lines(element) if line)
        if lines:
            self.cues.append(Cue(scope.start, scope.end, lines, self.number))


def _read_lines(element: ET.Element) -> list[str]:
    parts: list[str] = []

    def collect(element: ET.Element) -> None:
        if _get_tag(element) in ("metadata", "title", "desc"):
            return
        parts.append("\n" if _get_tag(element) == "br" else re.sub(r"\s+", " ", element.text or ""))
        for child in element:
            collect(child)
            parts.append(re.sub(r"\s+", " ", child.tail or ""))

    collect(element)
    return [INVISIBLE.sub("", line).strip() for line in "".join(parts).split("\n")]


def _is_deep(root: ET.Element) -> bool:
    layer = [root]
    for _ in range(DEEPEST):
        layer = [child for element in layer for child in element]
    return bool(layer)


def _get_tag(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _get_attribute(element: ET.Element, name: str) -> str:
    """The value of an attribute in any namespace; empty where it is absent."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _find_rates(root: ET.Element) -> Rates:
    def parse_number(name: str, default: float) -> float:
        try:
            return float(_get_attribute(root, name)) or default
        except ValueError:
            return default

    frames = parse_number("frameRate", 30.0)
    multiplier = re.split(r"[\s:]+", _get_attribute(root, "frameRateMultiplier").strip())
    if len(multiplier) == 2 and all(part.isdecimal() and int(part) for part in multiplier):
        frames *= int(multiplier[0]) / int(multiplier[1])
    return Rates(frames, parse_number("tickRate", frames if _get_attribute(root, "frameRate") else 1.0))


def _find_agents(root: ET.Element) -> dict[str, str]:
    """The names behind the identifiers of <ttm:agent>."""
    agents = {}
    for element in root.iter():
        if _get_tag(element) == "agent":
            name = next(
                (" ".join((child.text or "").split()) for child in element.iter() if _get_tag(child) == "name"), ""
            )
            agents[_get_attribute(element, "id")] = name or _get_attribute(element, "id")
    return agents
