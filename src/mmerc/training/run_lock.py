"""Opening a run folder for training: one process at a time, one configuration and corpus, more seeds later."""

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
from mmerc.errors import RunError
from mmerc.files import TEMPORARY, read_json, refuse_address, replace_atomically, write_json, write_text
from mmerc.training.environment import compute_fingerprint, describe_environment
from mmerc.training.run_config import RunConfig
from mmerc.training.run_folder import CONFIG, CORPUS, ENVIRONMENT, SEEDS, list_seed_folders, read_run_settings

INPUTS, LOCK, ABORTED_CONFIG = "inputs", ".lock", "given-up.yaml"
BEFORE_TRAINING = {
    ENVIRONMENT,
    INPUTS,
    LOCK,
    ABORTED_CONFIG,
}  # what a run writes before it trains, besides its config.yaml
ENVIRONMENT_KEYS = {"versions", "processor_threads", CORPUS}  # by which our environment.json is recognised
# The parts of a seed, in reverse order of creation: `encoders` moves last, so an interrupted move is found and continued.
PARTS = ("predictions", "fusions", "fusion", "fusion.checkpoint", "features", "encoders")
LOCKS_UNSUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # errors of file systems without locks


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Create the folder and keep other processes from training in it; may be nested in one process.

    Raises:
        RunError: it is no run folder and not empty, another process trains in it, or it cannot be created.
    """
    refuse_address(folder, "a run folder")
    if not (folder / CONFIG).is_file() and not _is_unused(folder):
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
        if error.errno not in LOCKS_UNSUPPORTED:
            raise RunError(
                f"{folder} cannot be written ({error.strerror}): choose a folder you may write to."
            ) from error
    try:
        yield
    finally:
        lock.release()


def _is_unused(folder: Path) -> bool:
    """Whether the folder is absent or empty, or holds a run that ended before it trained."""
    if not folder.is_dir():
        return not folder.exists()
    names = {path.name for path in folder.iterdir() if not path.name.startswith(TEMPORARY)} - {LOCK}
    is_run = ENVIRONMENT in names and read_json(folder / ENVIRONMENT).keys() >= ENVIRONMENT_KEYS
    return not names or (is_run and names <= BEFORE_TRAINING)


def open_run(folder: Path, config: RunConfig, corpus: Corpus, seeds: int) -> None:
    """Write the configuration of a run into its folder, or check that the folder holds the same run. Call it in `lock_run`.

    Raises:
        RunError: the folder holds a run with another configuration or corpus, or cannot be written.
    """
    settings = {CORPUS: corpus.location, SEEDS: seeds, **config.to_settings()}
    fingerprint = compute_fingerprint(corpus)
    if (folder / CONFIG).is_file():
        existing = read_run_settings(folder)
        if isinstance(existing.get(SEEDS), int) and existing[SEEDS] < seeds:
            existing[SEEDS] = seeds  # more seeds do not change the existing ones
        difference = _describe_difference(folder, existing, settings, fingerprint)
        if difference:
            raise RunError(f"{folder} holds a run {difference}: choose another --out, or delete it.")
    else:
        earlier = folder / ABORTED_CONFIG
        if not earlier.is_file() or _describe_difference(
            folder, read_run_settings(folder, ABORTED_CONFIG), settings, fingerprint
        ):
            shutil.rmtree(folder / INPUTS, ignore_errors=True)  # they were prepared for other settings
        write_json(folder / ENVIRONMENT, {**describe_environment(), "seed": config.seed, CORPUS: fingerprint})
    # Written last, because it makes the folder a run; and written again, because the corpus may have moved.
    write_text(folder / CONFIG, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
    (folder / ABORTED_CONFIG).unlink(missing_ok=True)
    _move_first_seed(folder, seeds)


def _move_first_seed(folder: Path, seeds: int) -> None:
    """Move the parts of a run with one seed to the folder of the first of several; its model stays until all are trained."""
    if seeds == 1 or not (folder / PARTS[-1]).is_dir():
        return
    first = list_seed_folders(folder, seeds)[0]
    first.mkdir(exist_ok=True)
    if (folder / "model").is_dir():
        with replace_atomically(first / "model") as temporary:
            shutil.copytree(folder / "model", temporary)
    for name in PARTS:
        if (folder / name).exists():
            (folder / name).rename(first / name)


def release_folder(folder: Path) -> None:
    """Free the folder of a run that failed before it trained, so that other settings can use it; keep any other run."""
    if {path.name for path in folder.iterdir()} <= {CONFIG, *BEFORE_TRAINING}:
        (folder / CONFIG).replace(folder / ABORTED_CONFIG)


def _describe_difference(folder: Path, existing: Settings, settings: Settings, fingerprint: str) -> str:
    """How the run in the folder differs from these settings and this corpus; empty where it does not."""
    # The number of processes and the location of the corpus change no number.
    found = [_first_difference("trainer.precision", _precision(existing), _precision(settings))]
    found += [
        _first_difference(key, existing.get(key), settings.get(key))
        for key in sorted((existing.keys() | settings.keys()) - {"trainer", CORPUS})
    ]
    for difference in filter(None, found):
        return f"with another configuration ({difference})"
    if read_json(folder / ENVIRONMENT).get(CORPUS) != fingerprint:
        return "on another corpus, or the corpus has changed since"
    return ""


def _precision(settings: Settings) -> Any:
    trainer = settings.get("trainer")
    return trainer.get("precision") if isinstance(trainer, dict) else None


def _first_difference(key: str, existing: Any, new: Any) -> str:
    if isinstance(existing, dict) and isinstance(new, dict):
        names = sorted(existing.keys() | new.keys())
        found = (_first_difference(f"{key}.{name}", existing.get(name), new.get(name)) for name in names)
        return next((difference for difference in found if difference), "")
    if existing == new:
        return ""
    for one, other, where in ((existing, new, "in the folder only"), (new, existing, "in the new settings only")):
        if isinstance(one, dict) and other is None:
            return f"{key} is {where}"
    return f"{key} is {existing!r} in the folder and {new!r} now"
