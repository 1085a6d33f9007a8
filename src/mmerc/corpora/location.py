"""`KIND:PATH[?PARAMETERS]`: how a corpus is named on the command line and in a run's configuration.

Any corpus may have the parameters `label_set=a,b,c` and `fold=0/5,speaker,0` (see `corpora.folds`); a pack may also have
`ROLE=INDEX` for its map, IEMOCAP `classes=4`, and a dataset of Hugging Face or a manifest of lhotse
`ROLE=COLUMN`. Several corpora are joined by `+`; a fold is then one of all together.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from mmerc.addresses import make_path
from mmerc.errors import ConfigError

LABEL_SET, FOLD = "label_set", "fold"
PARAMETRISED = ("pack", "iemocap", "hf", "lhotse")  # the kinds with parameters of their own
HUB = "hf"  # the kind whose path may be a name on the Hugging Face hub
PARAMETERS = re.compile(rf"\?(?=(?:{LABEL_SET}|{FOLD})=)")  # where they begin, for a corpus of another kind


class Location(NamedTuple):
    """The parts of a location. A part that it lacks is empty."""

    kind: str
    path: str
    parameters: str


def parse_location(location: str) -> Location:
    """Split a location at its colon and its question mark.

    The path of a kind with parameters of its own ends at the first question mark; the path of another corpus may contain one, and
    ends only where `?label_set=` or `?fold=` follows.

    >>> tuple(parse_location("pack:data/pack.pkl?labels=1")), tuple(parse_location("meld:data/what?"))
    (('pack', 'data/pack.pkl', 'labels=1'), ('meld', 'data/what?', ''))
    >>> parse_location("table:talk.csv?label_set=calm,tense").parameters
    'label_set=calm,tense'
    """
    kind, _, rest = location.partition(":")
    if kind in PARAMETRISED:
        path, _, parameters = rest.partition("?")
        return Location(kind, path, parameters)
    marks = [match.start() for match in PARAMETERS.finditer(rest)]
    return Location(kind, rest[: marks[-1]], rest[marks[-1] + 1 :]) if marks else Location(kind, rest, "")


def split_locations(locations: str, kinds: Iterable[str] = (), *, separator: str = "+") -> list[str]:
    """The locations of corpora that are joined by `+`, or listed with another separator.

    A separator that no kind and colon follow belongs to a path or to a label set. `kinds`: the known kinds; without them any
    word of small letters and digits is one.

    >>> split_locations("ravdess:data/a+b+emodb:c", ["ravdess", "emodb"])
    ['ravdess:data/a+b', 'emodb:c']
    >>> split_locations("table:a.csv?label_set=calm,tense, ravdess:data", ["table", "ravdess"], separator=",")
    ['table:a.csv?label_set=calm,tense', 'ravdess:data']
    """
    kind = "|".join(map(re.escape, kinds)) or "[a-z0-9]+"
    return re.split(rf"{re.escape(separator)}\s*(?=(?:{kind}):)", locations)


def read_parameters(location: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The kind's own parameters, such as a pack's map (role to index or name), and the names of the label set; both may be empty.

    >>> read_parameters("pack:mine.pkl?labels=2&label_set=calm,tense")
    ({'labels': '2'}, ('calm', 'tense'))
    """
    mapping = dict(parse_qsl(parse_location(split_fold(location)[0]).parameters))
    return mapping, split_label_names(mapping.pop(LABEL_SET, ""))


def split_fold(location: str) -> tuple[str, str]:
    """A location without its parameter `fold`, and the fold; empty where not given.

    >>> split_fold("table:talk.csv?label_set=calm,tense&fold=0/5,speaker,0")
    ('table:talk.csv?label_set=calm,tense', '0/5,speaker,0')
    """
    found = re.search(rf"[?&]{FOLD}=([^?&]*)$", location)
    return (location[: found.start()], found[1]) if found else (location, "")


def add_fold(location: str, fold: str) -> str:
    """The location of one fold of a corpus, or of corpora that are joined; empty for a corpus without a location.

    >>> add_fold("table:talk.csv", "0/5,speaker,0")
    'table:talk.csv?fold=0/5,speaker,0'
    >>> add_fold("ravdess:A+iemocap:B?classes=4", "0/5,speaker,0")
    'ravdess:A+iemocap:B?classes=4&fold=0/5,speaker,0'
    """
    if not location:
        return ""
    *joined, last = split_locations(location)
    return "+".join([*joined, _add_parameters(last, f"{FOLD}={fold}")])


def split_label_names(names: str) -> tuple[str, ...]:
    """Label names from a list with commas, in lower case.

    >>> split_label_names("Calm, tense")
    ('calm', 'tense')
    """
    names = unicodedata.normalize("NFC", names)
    return tuple(name.strip().lower() for name in names.split(",") if name.strip())


def make_absolute(location: str) -> str:
    """The location with an absolute path, so that it means the same from every working directory.

    >>> make_absolute("pack:/data/pack.pkl?labels=1"), make_absolute("meld:/data/meld")
    ('pack:/data/pack.pkl?labels=1', 'meld:/data/meld')
    """
    kind, path, parameters = parse_location(location)
    if kind == HUB and not make_path(path).exists():
        return location  # a name on the hub
    return f"{kind}:{make_path(path).absolute()}" + (f"?{parameters}" if parameters else "")


def find_sibling_corpus(location: str, kind: str) -> str:
    """The location of the folder named `kind` next to the corpus at `location`; empty where there is none.

    >>> find_sibling_corpus("meld:/no/such/folder/meld", "goemotions")
    ''
    """
    folder = make_path(parse_location(location).path).absolute().parent / kind
    return f"{kind}:{folder}" if folder.is_dir() else ""


def add_pack_mapping(location: str, entries: Sequence[str]) -> str:
    """The location of a pack with a map from `role=index` entries, as `--map` takes them.

    >>> add_pack_mapping("pack:mine.pkl", ["text=3", "names=calm,tense"])
    'pack:mine.pkl?text=3&names=calm,tense'

    Raises:
        ConfigError: an entry is not `role=index`, or the corpus is not a pack.
    """
    if not entries:
        return location
    wrong = next((entry for entry in entries if not all(entry.partition("="))), None)
    if wrong is not None or not location.startswith("pack:"):
        raise ConfigError(f"--map {wrong or entries[0]}: write it as role=index, for a corpus pack:FILE.")
    mapping = dict(entry.split("=", 1) for entry in entries)
    return _add_parameters(location, urlencode(mapping, safe=","))


def add_label_set(location: str, names: str) -> str:
    """The location of a corpus with an explicit label set, as `--labels a,b,c` gives it.

    >>> add_label_set("table:talk.csv", "Calm, tense")
    'table:talk.csv?label_set=calm,tense'

    Raises:
        ConfigError: fewer than two names are given, or one twice.
    """
    labels = split_label_names(names)
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise ConfigError(f"--labels {names[:80]}: write two or more different names with commas, such as calm,tense.")
    return _add_parameters(location, f"{LABEL_SET}={quote(','.join(labels), safe=', ')}")


def _add_parameters(location: str, parameters: str) -> str:
    kind, path, before = parse_location(location)
    return f"{kind}:{path}?{before}&{parameters}" if before else f"{kind}:{path}?{parameters}"
