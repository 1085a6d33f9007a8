"""Prefixes such as "ANN:" or "[Ann]" that may name a speaker, taken line by line; `speakers` decides for a whole file."""

import re
from functools import lru_cache
from typing import NamedTuple

from mmerc.corpora.transcripts.sounds import is_manner, is_sound

PREFIX = re.compile(r"([^:：<>{}\[\]\"“”!?…]{1,60}?)\s?(?::(?=\s|$)|(?<=[A-Z][A-Z]):(?=[^\W\d])|：(?!\d))\s*")
BRACKETED = re.compile(r"\[([^\[\]]{1,60})\]\s*(:?)\s*")
PROBABILITY = re.compile(r"\s[01]\.\d\d$")  # "[joy 0.80]", as mmerc writes it into subtitles
PARENTHESES = re.compile(r"\s*\(([^()]*)\)")
LABEL = re.compile(
    r"(?:speaker|spk|person|participant|guest|host|caller|interviewer|interviewee|moderator|sprecher|sprecherin|locuteur"
    r"|hablante|unknown speaker)(?:[ _#-]*(?:\d{1,3}|[A-Z]))?$",
    re.IGNORECASE,
)
_PARTICLES = "and und et y e von van der den de la le da di du del dos bin al the of for"
_HEADINGS = (
    "note notes warning caution tip hint example question answer ps p.s. update edit reminder source sources chapter part title"
    " subject summary conclusion result results time date place location breaking disclaimer fact rule step todo hinweis achtung"
    " beispiel frage antwort remarque attention exemple nota ejemplo важно caption captions subtitles translation translated"
)
# English words, in small letters, that make a clause: what they stand in is no name. Other languages rely on the file's regularity.
_PRONOUNS = "i he she it we they you this that these those there here's that's it's what who why how when where if because but so"
_VERBS = "is are was were be has have had do does did can could will would should must not said says say saying asked asks replied"
PARTICLES, PRONOUNS, HEADINGS = (frozenset(words.split()) for words in (_PARTICLES, _PRONOUNS, _HEADINGS))
CLAUSE = PRONOUNS | frozenset(_VERBS.split())
CASELESS = 8  # letters of a name in a script without capitals, where a clause looks the same
ABBREVIATION = 4  # letters before the point of "Prof."


class Prefix(NamedTuple):
    """A prefix of a line: the `name` it may give, how it is spelled (`kind`), and where the words behind it begin.

    Kinds: `label` ("Speaker 1"), `caps` ("ROSS"), `title` ("Jörg von Öhr"), `other` ("bob jones", "iPad de Juan"), `bracket`
    ("[Ross]", without a colon).
    """

    name: str
    kind: str
    end: int


def find_prefix(line: str) -> Prefix | None:
    """The prefix of a line; `None` where it has none that could be a name.

    >>> find_prefix("ROSS (O.S.): Hi"), find_prefix("He said: no"), find_prefix("It is 10:30 now")
    (Prefix(name='ROSS', kind='caps', end=13), None, None)
    """
    if line.startswith("["):
        found = BRACKETED.match(line)
        name = " ".join(found[1].split()) if found else ""
        if found is None or PROBABILITY.search(name) or (is_sound(name) and not LABEL.match(name)):
            return None
        kind = _find_kind(name)
        if kind is None or (kind == "other" and not found[2]):  # [door closes]
            return None
        return Prefix(name, kind if found[2] or kind == "label" else "bracket", found.end())
    if ":" not in line and "：" not in line:
        return None
    found = PREFIX.match(line)
    if found is None or (found[0].endswith("：") and found[1][-1:].isdecimal()):
        return None
    name = _strip_manner(" ".join(found[1].split()))
    kind = _find_kind(name)
    return Prefix(name, kind, found.end()) if kind else None


def _strip_manner(name: str) -> str:
    """The name without what says how its owner speaks; pronouns and companies belong to the name.

    >>> _strip_manner("ROSS (laughing)"), _strip_manner("Ann Smith (she/her)"), _strip_manner("MAN (IN SUIT)")
    ('ROSS', 'Ann Smith (she/her)', 'MAN')
    """
    is_caps = name.upper() == name
    return PARENTHESES.sub(
        lambda found: "" if is_manner(found[1]) or (is_caps and "/" not in found[1]) else found[0], name
    ).strip()


@lru_cache(maxsize=4096)  # names recur
def _find_kind(name: str) -> str | None:
    bare = PARENTHESES.sub("", name).strip()
    words = bare.split()
    if not words or len(words) > 6 or not any(character.isalnum() for character in bare):
        return None
    if LABEL.match(bare):
        return "label"
    if bare.lower() in HEADINGS or words[0].lower() in HEADINGS or not _is_one_phrase(words):
        return None
    is_caps = bare.upper() == bare
    if not is_caps and (words[0].lower() in PRONOUNS or not CLAUSE.isdisjoint(word.strip(",.") for word in words)):
        return None
    letters = [character for character in bare if character.isalpha()]
    if not letters:
        return "other"
    if not any(letter.isupper() or letter.islower() for letter in letters):
        return "title" if len(words) == 1 and len(bare) <= CASELESS else "other"
    if is_caps:
        return "caps"
    has_capital = words[0][0].isupper() or not words[0][0].isalpha()
    return "title" if has_capital and all(word in PARTICLES or not word[0].islower() for word in words) else "other"


def _is_one_phrase(words: list[str]) -> bool:
    """Whether no sentence ends between the words: "Dr. Green", but not "Hello. Ann"."""
    return not any(word.endswith((".", ";")) and len(word) > ABBREVIATION + 1 for word in words[:-1])
