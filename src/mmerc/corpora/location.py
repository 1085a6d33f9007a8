"""`KIND:PATH`, and of a pack `KIND:PATH?ROLE=PLACE&...`: how a corpus is named on the command line and in a run's settings."""

from pathlib import Path


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
