"""What a run is: its settings, its corpus, and what its numbers were made with."""

import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from mmerc.config import Settings
from mmerc.corpora import Clip, Corpus
from mmerc.errors import RunError
from mmerc.training.run_config import RunConfig, check

CONFIG, ENVIRONMENT = "config.yaml", "environment.json"
LIBRARIES = ("mmerc", "torch", "lightning", "transformers", "numpy", "av", "pyarrow", "scikit-learn")


def read_settings(folder: Path, name: str = CONFIG) -> Settings:
    """The settings of a run, which lie under `name`.

    Raises:
        RunError: the folder is no run.
    """
    file = folder / name
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
