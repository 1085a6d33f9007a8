"""Public weights: their sources and licences, and how to fetch them and load them into a network.

What is fetched is checked by its hash and kept in the user's cache (`MMERC_CACHE`, default `~/.cache/mmerc`): checkpoints of
PyTorch as safetensors, networks of transformers as folders. `MMERC_WEIGHTS` is a mirror: a folder with the original files,
with converted files, or with folders of networks. Downloads use the proxy settings of the environment (`HTTPS_PROXY`, pip's own settings).
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from torch import nn

from mmerc.errors import WeightsError
from mmerc.weights.catalogue import CATALOGUE, Checkpoint, Entry, Network, get_entry
from mmerc.weights.checkpoints import fetch_checkpoint, find_checkpoint, find_original
from mmerc.weights.networks import fetch_network, find_mirrored, find_network
from mmerc.weights.tensors import Tensors, fill, fill_where_shapes_match, read_tensors, write_tensors

__all__ = [
    "CATALOGUE", "Checkpoint", "Network", "fetch", "fill", "fill_public", "fill_where_shapes_match", "find", "find_folder", "load", "load_network",
    "read_tensors", "write_tensors",
]  # fmt: skip


N = TypeVar("N", bound=nn.Module)


def find(name: str) -> Path | None:
    """The file or the folder of fetched weights; None if they are not in the cache. Converted checkpoints are also found in the
    mirror.

    Raises:
        WeightsError: the catalogue has no such name.
    """
    entry = get_entry(name)
    return find_network(entry) if isinstance(entry, Network) else find_checkpoint(entry)


def fetch(name: str) -> Path:
    """Fetch weights, unless they are on this machine, and return their file or folder.

    Raises:
        WeightsError: the download fails, or the file is not the published one.
    """
    entry = get_entry(name)
    return find(name) or (fetch_network(entry) if isinstance(entry, Network) else fetch_checkpoint(entry))


def load(name: str) -> Tensors:
    """Read the tensors of a checkpoint on this machine. An original file in the mirror is converted first.

    Raises:
        WeightsError: the weights are not on this machine. The message has the command that downloads them.
    """
    return read_tensors(_get_file(name))


def fill_public(network: nn.Module, name: str) -> None:
    """Load a checkpoint on this machine into the network.

    Raises:
        WeightsError: as `load`.
    """
    fill(network, load(name), name)


def load_network(kind: type[N], name: str) -> N:
    """A network with its public weights, for predictions. It is loaded once in a process, and again if another file has the weights.

    Raises:
        WeightsError: as `load`.
    """
    network = _load_network(kind, name, _get_file(name))  # type: ignore[arg-type]  # mypy: "a class is not hashable"
    assert isinstance(network, kind)
    return network


@lru_cache(maxsize=4)
def _load_network(kind: Callable[[], nn.Module], name: str, file: Path) -> nn.Module:
    network = kind().eval().requires_grad_(False)
    fill(network, read_tensors(file), name)
    return network


def find_folder(name: str) -> Path:
    """The folder of a network on this machine. A folder in the mirror is checked and copied first.

    Raises:
        WeightsError: the network is not on this machine. The message has the command that downloads it.
    """
    entry = get_entry(name)
    assert isinstance(entry, Network)
    how = f"put the files of {entry.source} into a folder {name} and set MMERC_WEIGHTS to the folder above it"
    return _require(f"the network {name} ({entry.description}) is", entry, find_mirrored(entry), how)


def _get_file(name: str) -> Path:
    entry = get_entry(name)
    assert isinstance(entry, Checkpoint)
    how = f"put {entry.filename} into a folder and set MMERC_WEIGHTS to it"
    return _require(f"the weights {name} ({entry.description}) are", entry, find_original(entry), how)


def _require(subject: str, entry: Entry, mirrored: Path | None, how: str) -> Path:
    """What was fetched of an entry, or is fetched now from the mirror. `subject` and `how` are parts of the error message."""
    found = find(entry.name)
    if found is None and mirrored is not None:
        found = fetch(entry.name)
    if found is None:
        raise WeightsError(f"{subject} not on this machine: run `mmerc weights fetch {entry.name}`, or {how}.")
    return found
