"""What the numbers of a run were computed with: the corpus, the versions of libraries, the machine."""

import hashlib
import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmerc.corpora import Clip, Corpus, Utterance

LIBRARIES = ("mmerc", "torch", "lightning", "transformers", "numpy", "av", "pyarrow", "scikit-learn")


def compute_fingerprint(corpus: Corpus) -> str:
    """A hash that changes whenever a key, a text, a label, a vote, a rating, a signal, or a clip's name, size or part changes."""
    return hash_utterances(each for split in corpus.splits for each in corpus.utterances(split))


def hash_utterances(utterances: Iterable[Utterance]) -> str:
    """The same of some utterances."""
    digest = hashlib.sha256()
    for each in utterances:
        digest.update(repr((each.key, each.speaker, each.text, each.emotion, _describe(each.clip))).encode())
        if each.votes or each.dimensions:
            digest.update(repr((sorted(each.votes.items()), sorted(each.dimensions.items()))).encode())
        for name, value in sorted(each.signals.items()):
            digest.update(name.encode() + (value if isinstance(value, bytes) else np.asarray(value).tobytes()))
    return digest.hexdigest()


def _describe(clip: Clip | None) -> tuple[str, int, float, float | None] | None:
    if clip is None:
        return None
    size = clip.path.stat().st_size if clip.path.is_file() else -1
    return (clip.path.name, size, clip.start, clip.end)


def describe_environment() -> dict[str, Any]:
    """Versions of libraries, the platform, the accelerator, and the commit of mmerc where it is a checkout."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = "not installed"
    return {
        "versions": versions,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor_threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "commit": _find_commit(),
    }


def _find_commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return result.stdout.strip() or "unknown"
