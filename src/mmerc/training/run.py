"""The run folder: which corpus and configuration it belongs to, and the guard against mixing two in one place."""

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from filelock import FileLock, Timeout

from mmerc.config import Settings
from mmerc.corpora import Clip, Corpus
from mmerc.corpora.location import absolute
from mmerc.errors import RunError
from mmerc.files import TEMPORARY, read_json, write_json, write_text
from mmerc.training.settings import RunConfig, check

CONFIG, ENVIRONMENT, INPUTS, LOCK = "config.yaml", "environment.json", "inputs", ".lock"
BEGINNING = {ENVIRONMENT, INPUTS, LOCK}  # what a run makes before it trains, less its mark
PARTS = ("model", "predictions", "fusions", "fusion", "features", "encoders")  # of a seed; what was first made is last
OURS = {"versions", "processor_threads", "corpus"}  # of an environment.json
LIBRARIES = ("mmerc", "torch", "lightning", "transformers", "numpy", "av", "pyarrow", "scikit-learn")


def open_run(folder: Path, config: RunConfig, corpus: Corpus, location: str, seeds: int) -> None:
    """Make the folder this run's, or check that it is.

    Raises:
        RunError: it belongs to a run of another configuration or corpus, or cannot be written.
    """
    settings = {"corpus": absolute(location), "seeds": seeds, **config.settings()}
    fingerprint = corpus_fingerprint(corpus)
    if (folder / CONFIG).is_file():
        there = read_settings(folder)
        if isinstance(there.get("seeds"), int) and there["seeds"] < seeds:
            there["seeds"] = seeds  # further seeds change nothing of those that are there
        _refuse_other(folder, there, settings, fingerprint)
    else:
        if not _unmarked(folder):
            raise RunError(f"{folder} exists and is not a run folder: choose another --out.")
        shutil.rmtree(folder / INPUTS, ignore_errors=True)  # read for other settings, perhaps
        write_json(folder / ENVIRONMENT, {**environment(), "seed": config.seed, "corpus": fingerprint})
    # Last, for it marks the folder; and again, for the corpus may lie elsewhere now.
    write_text(folder / CONFIG, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))


def make_room(folder: Path, seeds: int) -> None:
    """What one seed has left in the run itself goes where the first of several lies."""
    if seeds > 1 and (folder / PARTS[-1]).is_dir():
        first = seed_folders(folder, seeds)[0]
        first.mkdir(exist_ok=True)
        for name in PARTS:
            if (folder / name).is_dir():
                (folder / name).rename(first / name)


def give_up(folder: Path) -> None:
    """Take the mark from a run that cannot be: other settings may have the folder. One that has trained anything stays."""
    if {path.name for path in folder.iterdir()} <= {CONFIG, *BEGINNING}:
        (folder / CONFIG).unlink(missing_ok=True)


def _unmarked(folder: Path) -> bool:
    """Whether nothing is there, or what is left of a run that was killed before it was marked, or given up."""
    if not folder.is_dir():
        return not folder.exists()
    names = {path.name for path in folder.iterdir() if not path.name.startswith(TEMPORARY)} - {LOCK}
    ours = ENVIRONMENT in names and read_json(folder / ENVIRONMENT).keys() >= OURS
    return not names or (ours and names <= BEGINNING)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from training in the folder. Raises RunError: one does so now."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunError(
            f"{folder} is being trained by another process: wait for it, or choose another --out."
        ) from error
    except NotImplementedError:
        pass  # a file system that knows no locks
    try:
        yield
    finally:
        lock.release()


def _refuse_other(folder: Path, there: Settings, here: Settings, fingerprint: str) -> None:
    # How many processes share the work, and where the corpus lies, change no number.
    found = [_difference("trainer.precision", _precision(there), _precision(here))]
    found += [
        _difference(key, there.get(key), here.get(key))
        for key in sorted((there.keys() | here.keys()) - {"trainer", "corpus"})
    ]
    for difference in filter(None, found):
        raise RunError(
            f"{folder} holds a run of another configuration ({difference}): choose another --out, or delete it."
        )
    if read_json(folder / ENVIRONMENT).get("corpus") != fingerprint:
        raise RunError(
            f"{folder} holds a run on another corpus, or the corpus has changed since: choose another --out."
        )


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


def read_settings(folder: Path) -> Settings:
    """The settings of a run.

    Raises:
        RunError: the folder is no run.
    """
    file = folder / CONFIG
    if not file.is_file():
        raise RunError(f"{folder} is not a run folder (it has no config.yaml): give the --out of `mmerc train`.")
    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RunError(f"{file} cannot be read ({error}): delete the folder and train again.") from error
    if not isinstance(settings, dict):
        raise RunError(f"{file} holds no settings: delete the folder and train again.")
    return settings


def read_config(folder: Path) -> tuple[RunConfig, str, int]:
    """The configuration of a run, where its corpus lay, and its number of seeds."""
    settings = read_settings(folder)
    location, seeds = settings.pop("corpus", ""), settings.pop("seeds", 1)
    if not isinstance(seeds, int) or seeds < 1:
        raise RunError(f"{folder / 'config.yaml'} has seeds {seeds!r}, which is no count: the folder is damaged.")
    return check(settings), str(location), seeds


def seed_folders(folder: Path, seeds: int) -> list[Path]:
    """Where each seed's parts lie: in the run itself if there is one seed, else below it."""
    return [folder] if seeds == 1 else [folder / f"seed-{number}" for number in range(seeds)]


def corpus_fingerprint(corpus: Corpus) -> str:
    """Changes whenever a key, a text, a label, a signal or a clip's name, size or part does."""
    digest = hashlib.sha256()
    for split in corpus.splits:
        for turn in corpus.utterances(split):
            digest.update(repr((turn.key, turn.speaker, turn.text, turn.emotion, _of_clip(turn.clip))).encode())
            for name, value in sorted(turn.signals.items()):
                digest.update(name.encode() + (value if isinstance(value, bytes) else np.asarray(value).tobytes()))
    return digest.hexdigest()


def _of_clip(clip: Clip | None) -> tuple[str, int, float, float | None] | None:
    if clip is None:
        return None
    size = clip.path.stat().st_size if clip.path.is_file() else -1
    return (clip.path.name, size, clip.start, clip.end)


def environment() -> dict[str, Any]:
    """What the numbers were made with."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = "not installed"
    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "versions": versions,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor_threads": torch.get_num_threads(),
        "accelerator": accelerator,
        "commit": _commit(),
    }


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return result.stdout.strip() or "unknown"
