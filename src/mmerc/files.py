"""Reading and writing files: everything is written under a temporary name and renamed when it is complete."""

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from mmerc.addresses import RemotePath, is_address
from mmerc.errors import RunError
from mmerc.transfers import remove, upload

TEMPORARY = ".partial-"  # prefix of a temporary name
DAMAGED_HINT = "the folder is damaged, create or copy it again."


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`, and rename it to `path` when the block ends without an error.

    It works for a file and for a folder; an existing folder at `path` is removed just before the rename. A symbolic link is
    followed. A device or a pipe is written directly. What is for an address is written on this machine, and uploaded at the end.

    Raises:
        RunError: the folder or the address cannot be written.
    """
    if is_address(str(path)):
        with _upload_at_end(RemotePath(str(path))) as temporary:
            yield temporary
        return
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
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
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


@contextmanager
def _upload_at_end(path: RemotePath) -> Iterator[Path]:
    """Yield a path on this machine, and copy what is written there to the address; if that fails, it stays on this machine."""
    folder = Path(tempfile.mkdtemp(prefix="mmerc-"))
    temporary, is_complete = folder / path.name, False
    try:
        yield temporary
        is_complete = True
        upload(temporary, path)
    except BaseException as error:
        remedy = f"the result is in {temporary}, copy it from there"
        if not is_complete:
            shutil.rmtree(folder, ignore_errors=True)
            remedy = "free some space, or set TMPDIR to another folder"
        if isinstance(error, OSError | SafetensorError):
            reason = getattr(error, "strerror", None) or error
            raise RunError(f"{path} cannot be written ({reason}): {remedy}.") from error
        raise
    shutil.rmtree(folder, ignore_errors=True)


def refuse_address(path: Path, what: str) -> None:
    """Check that a path is on this machine. `what` is written to it in small steps, such as a run folder.

    >>> refuse_address(Path("s3:/bucket/run"), "a run folder")
    Traceback (most recent call last):
    mmerc.errors.RunError: s3:/bucket/run is an address, and a run folder is written on this machine: give a path.

    Raises:
        RunError: it is an address.
    """
    if is_address(str(path)):
        raise RunError(f"{path} is an address, and {what} is written on this machine: give a path.")


def is_stream(path: Path) -> bool:
    """Whether `path` is a device or a pipe, which is written directly.

    >>> is_stream(Path("/dev/null")), is_stream(Path("/"))
    (True, False)
    """
    return path.exists() and not path.is_file() and not path.is_dir()


def check_writable(path: Path) -> None:
    """Raises RunError: no file can be written at `path`."""
    if is_address(str(path)):
        _check_address(RemotePath(str(path)))
        return
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


def _check_address(path: RemotePath) -> None:
    probe = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex[:8]}")
    try:
        with tempfile.NamedTemporaryFile() as empty:
            upload(Path(empty.name), probe)
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"{path} cannot be written ({reason}): choose an address that you may write to.") from error
    with suppress(OSError):
        remove(probe)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8. Raises RunError as `replace_atomically` does."""
    write_lines(path, [text])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file in UTF-8 from its lines, with their ends as they are. Raises RunError as `replace_atomically` does."""
    with replace_atomically(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(lines)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file. Raises RunError as `replace_atomically` does."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write a JSON object per line. Raises RunError as `replace_atomically` does."""
    write_lines(path, (json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def get_required(settings: dict[str, Any], key: str, file: Path) -> Any:
    """One value of a JSON object that was read from `file`. Raises RunError: it has no such key."""
    if key not in settings:
        raise RunError(f'{file} has no "{key}": the folder is damaged or was written by another program.')
    return settings[key]


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        RunError: the file does not exist or holds no JSON object.
    """
    value = read_json_value(path)
    if not isinstance(value, dict):
        raise RunError(f"{path} holds no JSON object: {DAMAGED_HINT}")
    return value


def read_json_value(path: Path) -> Any:
    """The value in a JSON file, of any type.

    Raises:
        RunError: the file does not exist or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} does not exist: is {path.parent} a complete run or model folder?") from error
    except (ValueError, OSError, RecursionError) as error:
        raise RunError(f"{path} cannot be read as JSON ({error}): {DAMAGED_HINT}") from error


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The objects in a file with a JSON object per line.

    Raises:
        RunError: the file cannot be read, or a line is not JSON.
    """
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except (ValueError, OSError, RecursionError) as error:
        raise RunError(f"{path} cannot be read ({error}): {DAMAGED_HINT}") from error


def remove_temporary(folder: Path) -> None:
    """Remove temporary files and folders that a killed process has left below `folder`."""
    for leftover in folder.rglob(f"{TEMPORARY}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
