"""The finished parts of a job in a folder next to its output, so that a job that was stopped repeats none of them.

Those of an output at an address are in the cache of this machine, and each is copied to the address when it is complete, so that another
machine can continue.
"""

import hashlib
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mmerc.addresses import RemotePath
from mmerc.cache import get_cache_folder
from mmerc.corpora import Dialogue
from mmerc.errors import RunError
from mmerc.files import read_json, remove_temporary, replace_atomically, write_json
from mmerc.inference.inputs import Part
from mmerc.scale.work import Job, name
from mmerc.training.environment import hash_utterances
from mmerc.transfers import remove, upload

SUFFIX, LOCK, JOB = ".parts", ".lock", "job.json"
UPLOADS = 8  # at a time
Run = Callable[[Job, Sequence[Part]], Iterator[tuple[int, bytes]]]


class PartFolder:
    """A file for each finished part, and the address to which they are copied, if there is one. `open_parts` gives such a folder."""

    def __init__(self, folder: Path, parts: Sequence[Part], copy: RemotePath | None = None) -> None:
        self.folder, self.parts, self.copy = folder, parts, copy
        self.files = [folder / name_file(part) for part in parts]

    def compute(self, job: Job, run: Run, report: Callable[[int], None] = lambda done: None) -> None:
        """Compute the parts that are not there yet; each is written when it is complete.

        Raises:
            RunError: a part cannot be written.
        """
        present = {file.name for file in self.folder.iterdir()}
        remaining = [index for index, file in enumerate(self.files) if file.name not in present]
        done = len(self.files) - len(remaining)
        report(done)
        uploads: deque[Future[None]] = deque()
        with ThreadPoolExecutor(UPLOADS) as pool:
            for index, content in run(job, [self.parts[index] for index in remaining]) if remaining else ():
                file = self.files[remaining[index]]
                with replace_atomically(file) as temporary:
                    temporary.write_bytes(content)
                if self.copy is not None:
                    uploads.append(pool.submit(_upload, file, self.copy / file.name))
                while uploads and (uploads[0].done() or len(uploads) > 2 * UPLOADS):
                    uploads.popleft().result()
                done += 1
                report(done)
            for each in uploads:
                each.result()

    def fetch(self) -> None:
        """Copy the parts that another machine has computed to this one."""
        if self.copy is None:
            return
        found = {each.name: each for each in self.copy.iterdir()} if self.copy.is_dir() else {}
        for file in self.files:
            if file.name in found and not file.exists():
                with replace_atomically(file) as temporary:
                    temporary.write_bytes(found[file.name].read_bytes())

    def remove(self) -> None:
        """Remove the folder, once the output is complete."""
        shutil.rmtree(self.folder)
        if self.copy is not None:
            remove(self.copy)


def _upload(file: Path, target: RemotePath) -> None:
    try:
        upload(file, target)
    except OSError as error:
        raise RunError(
            f"{target} cannot be written ({error.strerror}): the finished parts are kept; run the same command to continue."
        ) from error


@contextmanager
def open_parts(output: Path, description: Mapping[str, Any], parts: Sequence[Part]) -> Iterator[PartFolder]:
    """The folder of the parts of `output`, which no other process of this machine may use meanwhile.

    `description`: what the content of a part depends on besides the part itself, as JSON.

    Raises:
        RunError: it holds parts of another job, another process works on it, or it cannot be written.
    """
    folder, copy = output.with_name(output.name + SUFFIX), None
    if isinstance(folder, RemotePath):
        copy = folder
        folder = get_cache_folder() / "outputs" / hashlib.sha256(str(copy).encode()).hexdigest()[:24]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            for each in (copy, folder):
                if each is not None:
                    _check_job(each, description)
            remove_temporary(folder)
            opened = PartFolder(folder, parts, copy)
            opened.fetch()
            yield opened
    except Timeout as error:
        raise RunError(f"another process works on {copy or folder}: wait for it, or choose another --out.") from error


def _check_job(folder: Path, description: Mapping[str, Any]) -> None:
    file = folder / JOB
    if not file.exists():
        write_json(file, description)
        return
    found = read_json(file)
    different = sorted(key for key in {*found, *description} if found.get(key) != description.get(key))
    if different:
        raise RunError(
            f"{folder} holds parts that were computed with another {' and '.join(different)}: delete it to compute them again, or choose another --out."
        )


def name_file(part: Part) -> str:
    """The name of a part's file. It changes whenever the part changes, such as a recording that was replaced."""
    if isinstance(part, Dialogue):
        state = hash_utterances(part.utterances)
    else:
        state = repr((str(part.file), part.name, _describe_file(part.file)))
    slug = re.sub(r"\W+", "-", name(part))[:40].strip("-")
    return f"{slug}-{hashlib.sha256(state.encode(errors='replace')).hexdigest()[:16]}"


def _describe_file(file: Path) -> tuple[int, float] | str:
    try:
        if isinstance(file, RemotePath):
            return file.read_state()
        status = file.stat()
    except OSError:
        return -1, 0.0
    return status.st_size, status.st_mtime
