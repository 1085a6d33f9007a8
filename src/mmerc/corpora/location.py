"""`KIND:PATH`, and of a pack `KIND:PATH?ROLE=PLACE&...`: how a corpus is named on the command line and in a run's settings."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from mmerc.errors import ConfigError


def parts(location: str) -> tuple[str, str, str]:
    """Kind, path, and what stands behind a pack's question mark; a part that is not there is empty.

    >>> parts("pack:data/pack.pkl?labels=1"), parts("meld:data/what?")
    (('pack', 'data/pack.pkl', 'labels=1'), ('meld', 'data/what?', ''))
    """
    kind, _, path = location.partition(":")
    path, _, roles = path.partition("?") if kind == "pack" else (path, "", "")
    return kind, path, roles


def absolute(location: str) -> str:
    """The location as it is found from every folder.

    >>> absolute("pack:/data/pack.pkl?labels=1"), absolute("meld:/data/meld")
    ('pack:/data/pack.pkl?labels=1', 'meld:/data/meld')
    """
    kind, path, roles = parts(location)
    return f"{kind}:{Path(path).expanduser().absolute()}" + (f"?{roles}" if roles else "")


def beside(location: str, kind: str) -> str:
    """The corpus in the folder `kind` beside the one at `location`, empty where there is none.

    >>> beside("meld:/no/such/place/meld", "goemotions")
    ''
    """
    folder = Path(parts(location)[1]).expanduser().absolute().parent / kind
    return f"{kind}:{folder}" if folder.is_dir() else ""


def mapped(location: str, places: Sequence[str]) -> str:
    """The location of a pack with a map in it, as every command takes it.

    >>> mapped("pack:mine.pkl", ["text=3", "names=calm,tense"])
    'pack:mine.pkl?text=3&names=calm,tense'

    Raises:
        ConfigError: a place is not `role=place`, or the corpus is no pack.
    """
    if not places:
        return location
    wrong = next((place for place in places if not all(place.partition("="))), None)
    if wrong is not None or not location.startswith("pack:"):
        raise ConfigError(f"--map {wrong or places[0]}: write it as role=place, for a corpus pack:FILE.")
    roles = {role: where for role, _, where in (place.partition("=") for place in places)}
    return f"{location}?{urlencode(roles, safe=',')}"
