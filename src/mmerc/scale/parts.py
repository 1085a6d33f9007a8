"""The finished parts of a job in a folder next to its output, so that a job that was stopped repeats none of them."""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mmerc.corpora import Dialogue
from mmerc.errors import RunError
from mmerc.files import read_json, remove_temporary, replace_atomically, write_json
from mmerc.inference.inputs import Part
from mmerc.scale.work import Job, name
from mmerc.training.environment import hash_utterances

SUFFIX, LOCK, JOB = ".parts", ".lock", "job.json"
Run = Callable[[Job, Sequence[Part]], Iterator[tuple[int, bytes]]]


class PartFolder:
    """A file for each finished part. `open_parts` gives one."""

    def __init__(self, folder: Path, parts: Sequence[Part]) -> None:
        self.folder, self.parts = folder, parts
        self.files = [folder / name_file(part) for part in parts]

    def compute(self, job: Job, run: Run, report: Callable[[int], None] = lambda done: None) -> None:
        """Compute the parts that are not there yet; each is written when it is complete."""
        present = {file.name for file in self.folder.iterdir()}
        remaining = [index for index, file in enumerate(self.files) if file.name not in present]
        done = len(self.files) - len(remaining)
        report(done)
        for index, content in run(job, [self.parts[index] for index in remaining]) if remaining else ():
            with replace_atomically(self.files[remaining[index]]) as temporary:
                temporary.write_bytes(content)
            done += 1
            report(done)

    def remove(self) -> None:
        """Remove the folder, once the output is complete."""
        shutil.rmtree(self.folder)


@contextmanager
def open_parts(output: Path, description: Mapping[str, Any], parts: Sequence[Part]) -> Iterator[PartFolder]:
    """The folder of the parts of `output`, which no other process may use meanwhile.

    `description`: what the content of a part depends on besides the part itself, as JSON.

    Raises:
        RunError: it holds parts of another job, another process works on it, or it cannot be written.
    """
    folder = output.with_name(output.name + SUFFIX)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            _check_job(folder, description)
            remove_temporary(folder)
            yield PartFolder(folder, parts)
    except Timeout as error:
        raise RunError(f"another process works on {folder}: wait for it, or choose another --out.") from error


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


def _describe_file(file: Path) -> tuple[int, float]:
    try:
        status = file.stat()
    except OSError:
        return -1, 0.0
    return status.st_size, status.st_mtime
