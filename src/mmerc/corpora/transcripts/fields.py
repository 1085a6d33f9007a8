"""Fields of a row by the names that programs give them, and numbers as they write them."""

import math
import re
from collections.abc import Mapping
from typing import Any

from mmerc.corpora.dialogue import replace_surrogates
from mmerc.corpora.transcripts.clock import parse_clock
from mmerc.corpora.transcripts.markup import NO_NAMES

START = ("start", "begin", "start_time", "starttime", "from", "t0", "in", "onset", "timestamp", "time", "offset")
END = ("end", "stop", "end_time", "endtime", "to", "t1", "out", "finish")
DURATION = ("duration", "dur", "length")
TEXT = (
    "text",
    "transcript",
    "punctuated_word",
    "word",
    "content",
    "sentence",
    "utterance",
    "caption",
    "transcription",
    "value",
    "line",
)
SPEAKER = (
    "speaker",
    "speaker_name",
    "speakername",
    "speaker_id",
    "speakerid",
    "speaker_label",
    "speakertag",
    "name",
    "who",
    "role",
)
UNIT = re.compile(r"[ _-]*[\[(]?(ms|msec|milliseconds|millis|s|sec|seconds)[\])]?$")
MILLISECONDS = ("ms", "msec", "milliseconds", "millis")
GUARD = re.compile(r"'+[-=+@\t\r]")
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def find_field(row: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, float] | None:
    """The first key of a row that is one of `names`, in any spelling, and the seconds that its unit has (0.001 for `start_ms`).

    >>> find_field({"startTime": 1}, START), find_field({"End (ms)": 1}, END), find_field({"x": 1}, TEXT)
    (('startTime', 1.0), ('End (ms)', 0.001), None)
    """
    keys: dict[str, tuple[str, float]] = {}
    for key in row:
        plain = re.sub(r"[\s-]+", "_", CAMEL.sub("_", str(key).strip()).lower())
        unit = UNIT.search(plain) if len(plain) > 3 and names not in (TEXT, SPEAKER) else None
        bare = plain[: unit.start()] if unit else plain
        scale = 0.001 if unit and unit[1] in MILLISECONDS else 1.0
        for each in (plain, bare):
            keys.setdefault(each, (key, scale))
            keys.setdefault(each.replace("_", ""), (key, scale))
    return next((keys[name] for name in names if name in keys), None)


def to_seconds(value: Any, scale: float = 1.0) -> float | None:
    """A time in seconds: a number of units of `scale` seconds, or text such as "1.200s", "PT1.2S" or "00:00:01,200". `None` stays.

    Raises:
        ValueError, TypeError: it is no time.
        OverflowError: it is larger than a float.
    """
    if value is None or value == "":
        return None
    if isinstance(value, Mapping):  # protobuf's Duration
        return float(value.get("seconds") or 0) + float(value.get("nanos") or 0) / 1e9
    if isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, str):
        text = value.strip()
        if ":" in text:
            return parse_clock(text)
        text = text.upper().removeprefix("PT")
        if text.endswith("MS"):
            return float(text[:-2].replace(",", ".")) / 1000
        if text.endswith("S"):
            return float(text[:-1].replace(",", "."))
        value = text.replace(",", ".")
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError(value)
    return round(seconds / 1000, 6) if scale == 0.001 else seconds * scale


def to_text(value: Any) -> str:
    """Text without halves of characters; empty for `None`."""
    return "" if value is None else replace_surrogates(str(value).strip())


def to_name(value: Any) -> str:
    """A speaker's name; the number 0 is a name, `None`, true and false are none.

    >>> to_name(0), to_name("-"), to_name(None), to_name({"name": "Ann"})
    ('0', '', '', 'Ann')
    """
    if isinstance(value, Mapping):
        value = value.get("name", value.get("id"))
    if value is None or isinstance(value, (bool, list)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    name = " ".join(to_text(value).split())
    return "" if name in NO_NAMES else name


def remove_guard(cell: str) -> str:
    """A cell of a table that mmerc wrote, without the quote that keeps a spreadsheet from running it.

    >>> remove_guard("'=1+1"), remove_guard("'tis")
    ('=1+1', "'tis")
    """
    return cell[1:] if GUARD.match(cell) else cell
