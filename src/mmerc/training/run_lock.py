"""The run folder: whose it is, one process at a time in it, further seeds, and what becomes of a run that cannot be."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from mmerc.config import Settings
from mmerc.corpora import Corpus
from mmerc.corpora.location import absolute
from mmerc.errors import RunError
from mmerc.files import TEMPORARY, read_json, replacing, write_json, write_text
from mmerc.training.run_config import RunConfig
from mmerc.training.run_folder import CONFIG, ENVIRONMENT, corpus_fingerprint, environment, read_settings, seed_folders

INPUTS, LOCK, GIVEN_UP = "inputs", ".lock", "given-up.yaml"
BEGINNING = {ENVIRONMENT, INPUTS, LOCK, GIVEN_UP}  # what a run makes before it trains, less its mark
OURS = {"versions", "processor_threads", "corpus"}  # of an environment.json
# Of a seed; what was first made is last.
PARTS = ("predictions", "fusions", "fusion", "fusion.checkpoint", "features", "encoders")
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # of a file system that knows none


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make the folder and keep other processes from training in it; may be asked again by who is in it already.

    Raises:
        RunError: it is no run folder and not empty, another process trains in it, or it cannot be made.
    """
    if not (folder / CONFIG).is_file() and not _unmarked(folder):
        raise RunError(f"{folder} exists and is not a run folder: choose another --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be created ({error.strerror}): choose a folder you may write to.") from error
    lock = FileLock(folder / LOCK, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunError(
            f"{folder} is being trained by another process: wait for it, or choose another --out."
        ) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise RunError(
                f"{folder} cannot be written ({error.strerror}): choose a folder you may write to."
            ) from error
    try:
        yield
    finally:
        lock.release()


def _unmarked(folder: Path) -> bool:
    """Whether nothing is there, or what is left of a run that was killed before it was marked, or given up."""
    if not folder.is_dir():
        return not folder.exists()
    names = {path.name for path in folder.iterdir() if not path.name.startswith(TEMPORARY)} - {LOCK}
    ours = ENVIRONMENT in names and read_json(folder / ENVIRONMENT).keys() >= OURS
    return not names or (ours and names <= BEGINNING)


def open_run(folder: Path, config: RunConfig, corpus: Corpus, location: str, seeds: int) -> None:
    """Make the folder this run's, or check that it is; to be asked by who is `alone_in` it.

    Raises:
        RunError: it belongs to a run of another configuration or corpus, or cannot be written.
    """
    settings = {"corpus": absolute(location), "seeds": seeds, **config.settings()}
    fingerprint = corpus_fingerprint(corpus)
    if (folder / CONFIG).is_file():
        there = read_settings(folder)
        if isinstance(there.get("seeds"), int) and there["seeds"] < seeds:
            there["seeds"] = seeds  # further seeds change nothing of those that are there
        other = _other(folder, there, settings, fingerprint)
        if other:
            raise RunError(f"{folder} holds a run {other}: choose another --out, or delete it.")
    else:
        mark = folder / GIVEN_UP
        if not mark.is_file() or _other(folder, read_settings(folder, GIVEN_UP), settings, fingerprint):
            shutil.rmtree(folder / INPUTS, ignore_errors=True)  # read for other settings
        write_json(folder / ENVIRONMENT, {**environment(), "seed": config.seed, "corpus": fingerprint})
    # Last, for it marks the folder; and again, for the corpus may lie elsewhere now.
    write_text(folder / CONFIG, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
    (folder / GIVEN_UP).unlink(missing_ok=True)
    _make_room(folder, seeds)


def _make_room(folder: Path, seeds: int) -> None:
    """What one seed has left in the run itself goes where the first of several lies; its model stays until there is a better."""
    if seeds == 1 or not (folder / PARTS[-1]).is_dir():
        return
    first = seed_folders(folder, seeds)[0]
    first.mkdir(exist_ok=True)
    if (folder / "model").is_dir():
        with replacing(first / "model") as temporary:
            shutil.copytree(folder / "model", temporary)
    for name in PARTS:
        if (folder / name).exists():
            (folder / name).rename(first / name)


def give_up(folder: Path) -> None:
    """Take the mark from a run that cannot be: other settings may have the folder. One that has trained anything stays."""
    if {path.name for path in folder.iterdir()} <= {CONFIG, *BEGINNING}:
        (folder / CONFIG).replace(folder / GIVEN_UP)


def _other(folder: Path, there: Settings, here: Settings, fingerprint: str) -> str:
    """What these are that the run there is not; nothing where they are one run."""
    # How many processes share the work, and where the corpus lies, change no number.
    found = [_difference("trainer.precision", _precision(there), _precision(here))]
    found += [
        _difference(key, there.get(key), here.get(key))
        for key in sorted((there.keys() | here.keys()) - {"trainer", "corpus"})
    ]
    for difference in filter(None, found):
        return f"of another configuration ({difference})"
    if read_json(folder / ENVIRONMENT).get("corpus") != fingerprint:
        return "on another corpus, or the corpus has changed since"
    return ""


def _precision(settings: Settings) -> Any:
    trainer = settings.get("trainer")
    return trainer.get("precision") if isinstance(trainer, dict) else None


def _difference(key: str, there: Any, here: Any) -> str:
    if isinstance(there, dict) and isinstance(here, dict):
        found = (
            _difference(f"{key}.{name}", there.get(name), here.get(name)) for name in sorted(there.keys() | here.keys())
        )
        return next((difference for difference in found if difference), "")
    if there == here:
        return ""
    for one, other, where in ((there, here, "there and not here"), (here, there, "here and not there")):
        if isinstance(one, dict) and other is None:
            return f"{key} is {where}"
    return f"{key} is {there!r} there and {here!r} here"
