"""Times as transcripts write them, in seconds."""

import re

_TIME = r"(?:-?(?:(?:\d+\s*:\s*)?-?\d+\s*:\s*)?-?\d+\s*:\s*-?\d+(?:\s*[.,;]\s*\d+)?|-?\d+[.,]\d+)"
_ARROW = r"(?:-{1,3}\s?>|[–—=]>|→)"
TIMING = re.compile(rf"\s*({_TIME})\s*{_ARROW}\s*(?:({_TIME})(?![\w:])|$)")
_FULL = r"\d+\s*:\s*\d+\s*:\s*\d+(?:\s*[.,:;]\s*\d+)?"
WITHOUT_ARROW = re.compile(rf"\s*({_FULL})\s*(?:[-–—~|/]+|to)\s*({_FULL})\s*$")
_FAST = re.compile(r"(\d\d):(\d\d):(\d\d)[,.](\d\d\d) --> (\d\d):(\d\d):(\d\d)[,.](\d\d\d)(?!\d)")
_ARROW_ONLY = re.compile(_ARROW)
_STAMP = re.compile(r"\d\s*:\s*-?[\dA-Za-z]")


def parse_clock(stamp: str) -> float:
    """A time as seconds: hours, minutes and seconds between colons, the fraction after a point, a comma or one more colon.

    >>> parse_clock("0:01:02,5"), parse_clock("01:02.250"), parse_clock("00:00:01:500"), parse_clock("-0:00:01")
    (62.5, 62.25, 1.5, -1.0)

    Raises:
        ValueError: it is no such time.
    """
    sign = -1.0 if "-" in stamp else 1.0
    clock, _, fraction = re.sub(r"[\s-]", "", stamp).replace(",", ".").replace(";", ".").partition(".")
    fields = clock.split(":")
    if not fraction and (len(fields) == 4 or (len(fields) == 3 and len(fields[2]) == 3)):  # 00:00:01:500, 00:01:500
        fraction = fields.pop()
    if len(fields) > 3 or any(not (field.isdecimal() and len(field) < 12) for field in [*fields, fraction or "0"]):
        raise ValueError(stamp)
    seconds = 0
    for field in fields:
        seconds = seconds * 60 + int(field)
    return sign * (seconds + (int(fraction) / 10 ** len(fraction) if fraction else 0.0))


def parse_timing(line: str) -> tuple[float, float | None] | None:
    """Start and end of a line such as `00:00:01,000 --> 00:00:02,000`; the end may be absent. `None` where it is no such line.

    >>> parse_timing("0:00:01 --> 0:00:02.5 align:start")
    (1.0, 2.5)
    """
    if ">" not in line and "→" not in line and line.count(":") < 4:
        return None
    fast = _FAST.match(line)
    if fast:
        h, m, s, ms, hh, mm, ss, mss = map(int, fast.groups())
        return (h * 3600 + m * 60 + s) + ms / 1000, (hh * 3600 + mm * 60 + ss) + mss / 1000
    found = TIMING.match(line) or WITHOUT_ARROW.match(line)
    if found is None:
        return None
    try:
        return parse_clock(found[1]), parse_clock(found[2]) if found[2] else None
    except ValueError:
        return None


def is_damaged_timing(line: str) -> bool:
    """Whether a line was meant as a timing line, but its times cannot be read: it has an arrow and begins with part of a time.

    >>> is_damaged_timing("00:00:0x,000 --> 00:00:02,000"), is_damaged_timing("Press here --> now")
    (True, False)
    """
    if ">" not in line and "→" not in line:
        return False
    arrow = _ARROW_ONLY.search(line)
    if arrow is None or len(line) > 200 or parse_timing(line) is not None:
        return False
    before, after = line[: arrow.start()].strip(), line[arrow.end() :].strip()
    if not before:
        return bool(re.match(_TIME, after))
    return ":" in before and not re.search(r"[\s<]", before) and bool(_STAMP.search(before) or re.match(_TIME, after))


def split_lines(text: str) -> list[str]:
    r"""Lines that end with LF, CR LF or CR; a CR CR LF, which some tools write, ends one line.

    >>> split_lines("a\rb\r\nc\r\r\n\nd")
    ['a', 'b', 'c', '', 'd']
    """
    if "\r" in text:
        text = re.sub(r"\r+\n|\r", "\n", text)
    return text.split("\n")
