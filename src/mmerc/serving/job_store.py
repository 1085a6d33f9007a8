"""Jobs on disk: they survive a restart or a kill of the service. Files are encrypted if there is a key."""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from filelock import FileLock, Timeout

from mmerc.errors import ConfigError, MmercError
from mmerc.files import replace_atomically

BLOCK = 1 << 20
VALID_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
REQUEST, RESULT, ATTEMPTS = "request", "result", "attempts"
MAX_ATTEMPTS = 3  # times that a job may end the service before it fails
ACKNOWLEDGED = 5  # status of persist-queue


@runtime_checkable
class Cipher(Protocol):
    """What encrypts a block of bytes, such as Fernet."""

    def encrypt(self, data: bytes) -> bytes:
        """The encrypted block, without line ends."""
        ...

    def decrypt(self, token: bytes) -> bytes:
        """The block."""
        ...


def make_cipher(key: str) -> Cipher:
    """The cipher for a key of Fernet (AES-128-CBC with an HMAC).

    Raises:
        ConfigError: it is no such key.
    """
    from cryptography.fernet import Fernet

    try:
        return Fernet(key)
    except ValueError as error:
        raise ConfigError("the key is not 32 bytes in URL-safe base64: make one as docs/serving.md says.") from error


class JobStore:
    """The folder of all jobs: a queue in SQLite with their IDs, and for each job a folder with its files and its result.

    A job is in the queue until its result is on disk, so a job that was interrupted is run again. One process at a time uses the folder.
    Several threads may call the methods. `key`: see `make_cipher`; with `None` the files are not encrypted.
    """

    def __init__(self, folder: Path, key: str | None = None) -> None:
        """Open or create the folder.

        Raises:
            ConfigError: the key is not valid, or another process uses the folder.
        """
        from persistqueue import SQLiteAckQueue
        from persistqueue.serializers import json as json_serializer

        self.cipher = None if key is None else make_cipher(key)
        self.folder = folder / "jobs"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FileLock(folder / "lock", thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise ConfigError(f"another service uses {folder}: give another --state folder.") from error
        self._queue = SQLiteAckQueue(str(folder / "queue"), multithreading=True, serializer=json_serializer)
        waiting = set(self.list_waiting())
        for path in self.folder.iterdir():  # a kill before the job was accepted, or in an erasure
            if path.name not in waiting and not (path / RESULT).is_file():
                shutil.rmtree(path, ignore_errors=True)

    def add(self, id: str, files: Mapping[str, Path], request: Mapping[str, Any]) -> None:
        """Store a new job. It is in the queue when this returns."""
        with replace_atomically(self.folder / id) as temporary:
            temporary.mkdir(mode=0o700, exist_ok=True)
            for name, file in files.items():
                self._write(temporary / name, _read_blocks(file))
            self._write(temporary / REQUEST, [json.dumps(request).encode()])
        self._queue.put(id)

    def list_waiting(self) -> list[str]:
        """The IDs of the jobs that have no result, in the order of their arrival."""
        ids = [item["data"] for item in self._queue.queue() if item["status"] != ACKNOWLEDGED]
        return [id for id in ids if (self.folder / id / REQUEST).is_file()]

    def begin(self, id: str) -> None:
        """Count an attempt to run the job.

        Raises:
            MmercError: it has ended the service several times.
        """
        file = self.folder / id / ATTEMPTS
        if file.is_file() and file.stat().st_size >= MAX_ATTEMPTS:
            raise MmercError(
                f"the service was ended {MAX_ATTEMPTS} times while it processed the recording: send another file."
            )
        with file.open("ab") as out:
            out.write(b"x")

    def suspend(self, id: str) -> None:
        """The service stops before the job is done: this is no failure of the job."""
        (self.folder / id / ATTEMPTS).unlink(missing_ok=True)

    def read_request(self, id: str) -> dict[str, Any]:
        """What `add` got.

        Raises:
            MmercError: it cannot be read with this key, or is damaged.
        """
        return self._read_json(self.folder / id / REQUEST)

    def unpack(self, id: str, name: str, target: Path) -> Path:
        """Write a file of the job, decrypted, to `target`."""
        with target.open("wb") as out:
            for block in self._read(self.folder / id / name):
                out.write(block)
        return target

    def finish(self, id: str, result: Mapping[str, Any]) -> None:
        """Store the result, delete the files of the job, and take it out of the queue."""
        folder = self.folder / id
        if folder.is_dir():
            temporary = folder / f"{RESULT}.{secrets.token_hex(4)}"
            self._write(temporary, [json.dumps(result).encode()])
            temporary.replace(folder / RESULT)
            for file in folder.iterdir():
                if file.name != RESULT:
                    file.unlink()
        self._acknowledge(id)

    def read_result(self, id: str) -> dict[str, Any] | None:
        """The result of a finished job, which is now the most recently used; `None` if there is none."""
        file = self.folder / id / RESULT
        if VALID_ID.fullmatch(id) is None or not file.is_file():
            return None
        with suppress(OSError, MmercError):
            os.utime(file)
            return self._read_json(file)
        return None

    def erase(self, id: str) -> bool:
        """Delete all of a job. Whether there was one."""
        if VALID_ID.fullmatch(id) is None or not (self.folder / id).is_dir():
            return False
        shutil.rmtree(self.folder / id, ignore_errors=True)
        self._acknowledge(id)
        return True

    def sweep(self, expiry_seconds: float) -> None:
        """Delete the results that were not used for so long."""
        oldest = time.time() - expiry_seconds
        for file in self.folder.glob(f"*/{RESULT}"):
            with suppress(OSError):
                if file.stat().st_mtime < oldest:
                    self.erase(file.parent.name)

    def close(self) -> None:
        """Let another process use the folder."""
        self._queue.close()
        self._lock.release()

    def _acknowledge(self, id: str) -> None:
        for item in self._queue.queue():
            if item["data"] == id and item["status"] != ACKNOWLEDGED:
                self._queue.get(block=False, id=item["id"])
                self._queue.ack(id=item["id"])
        self._queue.clear_acked_data(keep_latest=0)

    def _write(self, file: Path, blocks: Iterator[bytes] | list[bytes]) -> None:
        with file.open("wb") as out:
            for block in blocks:
                out.write(block if self.cipher is None else self.cipher.encrypt(block) + b"\n")
            out.flush()
            os.fsync(out.fileno())

    def _read_json(self, file: Path) -> dict[str, Any]:
        try:
            return dict(json.loads(b"".join(self._read(file))))
        except (TypeError, ValueError, RecursionError) as error:
            raise MmercError("what is stored of the recording is damaged: send the recording again.") from error

    def _read(self, file: Path) -> Iterator[bytes]:
        if self.cipher is None:
            yield from _read_blocks(file)
            return
        from cryptography.fernet import InvalidToken

        with file.open("rb") as lines:
            for line in lines:
                try:
                    yield self.cipher.decrypt(line.rstrip())
                except InvalidToken as error:
                    raise MmercError(
                        "the stored recording cannot be decrypted: it was stored with another key."
                    ) from error


def _read_blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            yield block
