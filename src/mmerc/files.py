"""Nothing lost: whatever is written is written under a temporary name and renamed when it is whole."""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from mmerc.errors import RunError

TEMPORARY = ".partial-"
DAMAGED = "its folder is damaged, make or copy it again."


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` when the block ends well, remove it when it does not.

    Works for a file and for a folder. A folder that already stands at `path` is removed just before the rename. What a link
    points to is replaced, not the link; a device or a pipe is no file to be replaced and takes what is written as it comes.

    Raises:
        RunError: the folder cannot be written.
    """
    if is_stream(path):
        yield path
        return
    path = Path(os.path.realpath(path))
    temporary = path.parent / f"{TEMPORARY}{path.name}-{uuid.uuid4().hex[:8]}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{path.parent} cannot be created ({error.strerror}): choose a folder you may write to."
        ) from error
    try:
        yield temporary
        if temporary.is_file():
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        elif path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RunError(f"{path} cannot be written ({reason}): free some space or choose another folder.") from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def is_stream(path: Path) -> bool:
    """Whether a device or a pipe stands there: it takes what is written as it comes.

    >>> is_stream(Path("/dev/null")), is_stream(Path("/"))
    (True, False)
    """
    return path.exists() and not path.is_file() and not path.is_dir()


def check_writable(path: Path) -> None:
    """Raises RunError: no file can be written at `path`."""
    if path.is_dir():
        raise RunError(f"{path} is a folder: give the name of a file.")
    if is_stream(path):
        return
    probe = path.parent / f"{TEMPORARY}{uuid.uuid4().hex[:8]}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): choose a folder you may write to.") from error
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def entry(settings: dict[str, Any], key: str, where: Path) -> Any:
    """One value of a file that was read, or the sentence that it is not there."""
    if key not in settings:
        raise RunError(f'{where} lacks "{key}": the folder is damaged or was made by another program.')
    return settings[key]


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        RunError: the file is absent or holds no JSON object.
    """
    value = read_json_value(path)
    if not isinstance(value, dict):
        raise RunError(f"{path} holds no JSON object: {DAMAGED}")
    return value


def read_json_value(path: Path) -> Any:
    """Whatever a JSON file holds.

    Raises:
        RunError: the file is absent or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} does not exist: is {path.parent} a complete run or model folder?") from error
    except (ValueError, OSError) as error:
        raise RunError(f"{path} cannot be read as JSON ({error}): {DAMAGED}") from error


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file.

    Raises:
        RunError: it cannot be read, or a line is not JSON.
    """
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except (ValueError, OSError) as error:
        raise RunError(f"{path} cannot be read ({error}): {DAMAGED}") from error


def sweep(folder: Path) -> None:
    """Remove what a killed process left half-written below `folder`."""
    for leftover in folder.rglob(f"{TEMPORARY}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
