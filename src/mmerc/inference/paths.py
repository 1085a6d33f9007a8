"""Paths on the command line: the split behind a `#`, and output files that must not replace what is read."""

from collections.abc import Callable
from pathlib import Path

from mmerc.addresses import make_path
from mmerc.corpora import READERS
from mmerc.corpora.location import parse_location, split_locations
from mmerc.errors import ConfigError
from mmerc.suffixes import MEDIA_SUFFIXES

PREDICTION_SUFFIXES = (".jsonl", ".xlsx", ".html")  # no file of a corpus or a model has one of these


def check_output(file: Path, location: str, *others: Path) -> None:
    """Check that an output file neither overwrites an input nor is later read as a part of one.

    `location`: the input; `others`: other files and folders that are read, such as the model.

    Raises:
        ConfigError: the file is an input or a recording, or lies in a corpus or model and would be read as a part of it.
    """
    parts = [parse_location(part) for part in split_locations(location, READERS)]
    of_corpus = [
        expand_home(each) for kind, path, _ in parts if kind in READERS for each in {path, split_path(path)[0]} if each
    ]
    inputs = [each.resolve() for each in (expand_home(location), *of_corpus, *others)]
    target = file.resolve()
    if is_file(file) and (file.suffix.lower() in MEDIA_SUFFIXES or target in inputs):
        raise ConfigError(f"{file} exists and is not a file of predictions: give another file.")
    is_ours = file.suffix.lower() in PREDICTION_SUFFIXES
    becomes_signal = any(kind == "pack" for kind, _, _ in parts) and not is_ours
    for folder in inputs[1:]:
        is_inside = _test(folder, Path.is_dir) and target.is_relative_to(folder)
        if is_inside and (becomes_signal or (is_file(file) and not is_ours)):
            raise ConfigError(f"{file} is inside {folder}, which is an input: choose a path outside it.")


def split_path(path: str) -> tuple[str, str]:
    """A path and the split behind its last `#`; a path that exists is not split, because its name may contain a `#`.

    >>> split_path("/no/such/meld#test"), split_path("/no/such/meld")
    (('/no/such/meld', 'test'), ('/no/such/meld', ''))
    """
    before, mark, split = path.rpartition("#")
    return (before, split) if mark and not _test(expand_home(path), Path.exists) else (path, "")


def is_file(path: Path) -> bool:
    """Whether there is a file; False for a text that cannot be a path."""
    return _test(path, Path.is_file)


def find_recording(location: str) -> Path | None:
    """The file of an input that is one recording; None for a folder or a corpus."""
    path = expand_home(location)
    return path if is_file(path) else None


def expand_home(path: str) -> Path:
    """The path with the home folder instead of `~` or `~NAME`; unchanged where there is no such user."""
    try:
        return make_path(path)
    except RuntimeError:
        return Path(path)


def _test(path: Path, condition: Callable[[Path], bool]) -> bool:
    try:
        return condition(path)
    except (OSError, ValueError):
        return False
