"""Archives from the internet: only the wanted members are written, under names that mmerc chooses, up to a limit."""

import errno
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from mmerc.errors import CorpusError

MAX_MEMBERS = 100_000  # several times as many as the repository of CREMA-D has
MAX_BYTES = 4 << 30  # unpacked; the largest corpus has 0.6 GB
BLOCK = 1 << 20
_REFUSED = "this is not the published archive, download it again."
DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, NotImplementedError,
)  # fmt: skip

Place = Callable[[PurePosixPath], PurePosixPath | None]  # a member's path -> its path in the corpus; None: not wanted


def unpack_zip(archive: Path, folder: Path, place: Place, max_bytes: int = MAX_BYTES) -> None:
    """Write the wanted members of a ZIP archive below `folder`. A second copy of a member is skipped.

    Raises:
        CorpusError: the archive is damaged, encrypted or too large, or has a link or a path that leads out of it.
    """
    with _explain_damage(archive), zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        if len(members) > MAX_MEMBERS:
            raise CorpusError(f"{archive} has {len(members):,} members, more than {MAX_MEMBERS:,}: {_REFUSED}")
        budget, written = max_bytes, dict[PurePosixPath, tuple[int, int]]()
        for member in members:
            path = _check_path(archive, member.filename)
            if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise CorpusError(f'{archive} has the link or device "{member.filename[:80]}": {_REFUSED}')
            target = None if member.is_dir() else place(path)
            if target is None:
                continue
            if member.flag_bits & 1:
                raise CorpusError(f"{archive} is encrypted: {_REFUSED}")
            content = (member.CRC, member.file_size)
            if target in written:
                if written[target] != content:
                    raise CorpusError(f"{archive} has two different files {target}: {_REFUSED}")
                continue
            written[target] = content
            with opened.open(member) as stream:
                budget = _write(stream.read, folder / target, budget, archive)


def unpack_tar_member(archive: Path, name: str, target: Path, max_bytes: int = MAX_BYTES) -> None:
    """Write the first file with this name, in any folder of a TAR archive, to `target`.

    Raises:
        CorpusError: the archive is damaged or too large, or has no such file.
    """
    budget = max_bytes
    with _explain_damage(archive), tarfile.open(archive) as opened:
        for count, member in enumerate(opened):
            budget -= member.size
            if count >= MAX_MEMBERS or budget < 0:
                raise CorpusError(f"{archive} is larger than {max_bytes:,} bytes when it is unpacked: {_REFUSED}")
            if member.isreg() and PurePosixPath(member.name).name == name:
                stream = opened.extractfile(member)
                assert stream is not None  # only for what is no file
                _write(stream.read, target, member.size, archive)
                return
    raise CorpusError(f"{archive} has no file {name}: {_REFUSED}")


@contextmanager
def _explain_damage(archive: Path) -> Iterator[None]:
    """Raises CorpusError: a library cannot read the archive."""
    try:
        yield
    except (*DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: an offset before the file
            raise
        raise CorpusError(f"{archive} is damaged ({error}): download it again.") from error


def _check_path(archive: Path, name: str) -> PurePosixPath:
    """The path of a member, also as Windows writes it. Raises CorpusError: it leads out of the archive's own folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name:
        raise CorpusError(f'{archive} has the path "{name[:80]}", which leads out of its folder: {_REFUSED}')
    return path


def _write(read: Callable[[int], bytes], target: Path, budget: int, archive: Path) -> int:
    """Write what `read` gives, at most `budget` bytes. Returns what is left of the budget, whatever size the archive declares."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as copy:
        while block := read(BLOCK):
            budget -= len(block)
            if budget < 0:
                raise CorpusError(f"{archive} is larger than allowed when it is unpacked: {_REFUSED}")
            copy.write(block)
    return budget
