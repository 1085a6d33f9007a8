"""Text of a cue without its markup: tags, entities, inline time stamps and voices, as WebVTT's cue text rules have them.

https://www.w3.org/TR/webvtt1/#webvtt-cue-text-parsing-rules. Subtitles in SRT have the same tags, without rules. One thing differs:
`<` that opens no complete tag stays, where the rules drop the rest of the cue ("I <3 you").
"""

import html
import re

from mmerc.corpora.transcripts.clock import parse_clock
from mmerc.corpora.transcripts.cue import Line

TOKEN = re.compile(
    r"<(?P<close>/?)(?P<tag>[A-Za-z]+)(?P<classes>(?:\.[^\s<>.]*)*)(?:\s+(?P<annotation>[^>]*))?/?\s*>"
    r"|<(?P<stamp>(?:\d{1,9}:)?\d{1,2}:\d{1,2}[.,]\d{1,3})>"
    r"|</?>|<\|[^|<>]{0,40}\|>"  # the latter are tokens of Whisper
    r"|\{\\[^}]*\}"  # override tags of Advanced SubStation, which SRT files carry along
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")
INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u00ad]")  # marks of direction, soft hyphens
NO_NAMES = frozenset({"", "-", "–", "—"})  # what programs write as the name of a speaker that they do not know


def decode_entities(text: str) -> str:
    """The text with the characters that its entities stand for, without invisible marks.

    >>> decode_entities("Tom &amp; Jerry aren&#39;t&lrm; here &lt;3 R&D;")
    "Tom & Jerry aren't here <3 R&D;"
    """
    if "&" in text:
        text = ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return text if text.isascii() else INVISIBLE.sub("", text).replace("\u00a0", " ")


def parse_markup(lines: list[str]) -> tuple[Line, ...]:
    """The lines of a cue as they are read aloud, each with the voice that a tag names.

    A line in which the voice changes becomes several. The text of `<rt>`, which only says how the word before it sounds, is left
    out. The time stamp that stands before the first word of a line is the line's start.

    >>> parse_markup(["<v Ann>Hi <i>all</i></v> <v.loud Bob>No &amp; no", "more"])
    (Line(text='Hi all', speaker='Ann', start=None), Line(text='No & no', speaker='Bob', start=None), Line(text='more', speaker='Bob', start=None))
    """
    parts: list[Line] = []
    speaker, start, hidden = "", None, 0
    for line in lines:
        words: list[str] = []
        position = 0
        for token in TOKEN.finditer(line) if "<" in line or "{" in line else ():
            if not hidden:
                words.append(line[position : token.start()])
            position = token.end()
            if token["stamp"]:
                start = parse_clock(token["stamp"]) if not "".join(words).strip() else start
            elif token["tag"] in ("v", "V"):
                parts += _make_line(words, speaker, start)
                words, start = [], None if "".join(words).strip() else start
                name = decode_entities(" ".join((token["annotation"] or "").split()))
                speaker = "" if token["close"] or name in NO_NAMES else name
            elif token["tag"] == "rt":
                hidden = 0 if token["close"] else 1
            elif token["tag"] == "ruby" and token["close"]:  # </rt> may be left out before it
                hidden = 0
            elif token["tag"] and token["tag"].lower() == "br":
                parts += _make_line(words, speaker, start)
                words, start = [], None
        if not hidden:
            words.append(line[position:])
        parts += _make_line(words, speaker, start)
        start = None
    return tuple(parts)


def parse_lines(text: str, speaker: str) -> tuple[Line, ...]:
    """The lines of a text of a table or of JSON, said by `speaker`; one empty line where it has no words.

    >>> parse_lines("Hi &amp; <i>bye</i>", "Ann")
    (Line(text='Hi & bye', speaker='Ann', start=None),)
    """
    lines = parse_markup(text.split("\n"))
    if not speaker:
        return lines or (Line(""),)
    return tuple(line._replace(speaker=speaker) for line in lines) or (Line("", speaker),)


def _make_line(words: list[str], speaker: str, start: float | None) -> list[Line]:
    text = decode_entities("".join(words)).strip()
    return [Line(text, speaker, start)] if text else []
