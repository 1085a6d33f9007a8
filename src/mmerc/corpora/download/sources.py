"""Where the files of a corpus come from: the user's mirror, an earlier call, or their public address."""

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from mmerc.download import download_file, find_difference
from mmerc.errors import DownloadError
from mmerc.progress import show_progress

log = logging.getLogger("mmerc")
MIRROR = "MMERC_CORPORA"
CONNECTIONS = 8  # for many small files


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        name: its name in a mirror, where it is below a folder with the name of the corpus.
        url: its public address; None where it can be downloaded only after a login.
        size: bytes, where the publisher or a public record gives them.
        checksum: algorithm and hash, such as `sha256:9f86…`, where the publisher or a public record gives it.
    """

    name: str
    url: str | None
    size: int | None = None
    checksum: str | None = None


@dataclass(frozen=True)
class FileSource:
    """Gives the files of one corpus. `folder` keeps what was downloaded until the corpus is complete."""

    kind: str
    folder: Path

    def get(self, file: RemoteFile) -> Path:
        """The file on this machine, in the mirror or in `folder`. It is downloaded if necessary, with a progress bar.

        Raises:
            DownloadError: no source has the published file. The message says how to put it into a mirror.
        """
        found = self._find(file)
        if found is not None:
            return found
        with show_progress(f"{self.kind}: {file.name}", file.size, is_bytes=True) as report:
            return self._download(file, report)

    def has(self, file: RemoteFile) -> bool:
        """Whether the file is on this machine, as it was published."""
        return self._find(file) is not None

    def get_many(self, files: Sequence[RemoteFile], title: str) -> list[Path]:
        """Many small files, with several connections and one progress bar over their bytes. Their sizes are known.

        Raises:
            DownloadError: as `get` does, for the first file that fails. The others are kept for the next call.
        """
        total, lock, is_stopped = sum(file.size or 0 for file in files), Lock(), Event()
        done = 0

        def get_share(share: Sequence[RemoteFile]) -> None:
            nonlocal done
            import requests  # imported here: only a download needs it

            with requests.Session() as session:
                for file in share:
                    if is_stopped.is_set():
                        return
                    if self._find(file) is None:
                        self._download(file, session=session)
                    with lock:
                        done += file.size or 0
                        report(done)

        with (
            show_progress(f"{self.kind}: {title}", total, is_bytes=True) as report,
            ThreadPoolExecutor(CONNECTIONS) as pool,
        ):
            try:
                shares = (files[start::CONNECTIONS] for start in range(CONNECTIONS))
                for future in as_completed([pool.submit(get_share, share) for share in shares]):
                    future.result()
            finally:
                is_stopped.set()  # an error or Ctrl-C stops the other connections after their present file
        return [self._find_mirrored(file) or self.folder / file.name for file in files]

    def place(self, file: Path, target: Path) -> None:
        """Give a file another name in the new corpus. What was downloaded takes no space twice, and stays for a next call."""
        if file.is_relative_to(self.folder):
            with suppress(OSError):  # a file system without hard links
                os.link(file, target)
                return
        shutil.copyfile(file, target)

    def _find(self, file: RemoteFile) -> Path | None:
        mirrored = self._find_mirrored(file)
        if mirrored is not None:
            return mirrored
        earlier = self.folder / file.name
        return earlier if earlier.is_file() and not find_difference(earlier, file.checksum, file.size) else None

    def _find_mirrored(self, file: RemoteFile) -> Path | None:
        """The file in the mirror, if it is the published one."""
        mirror = os.environ.get(MIRROR)
        path = Path(mirror).expanduser() / self.kind / file.name if mirror else None
        if path is None or not path.is_file():
            return None
        difference = find_difference(path, file.checksum, file.size)
        if difference:
            log.warning("%s is not the published file (%s): it is not used", path, difference)
        return None if difference else path

    def _download(self, file: RemoteFile, report: Callable[..., None] | None = None, session: object = None) -> Path:
        assert file.url is not None, "without an address, only the mirror has the file"
        how = f"download it by other means, put it as {self.kind}/{file.name} into a folder, and set {MIRROR} to that folder"
        try:
            return download_file(
                file.url,
                self.folder / file.name,
                checksum=file.checksum,
                size=file.size,
                report=report,
                session=session,
            )
        except DownloadError as error:
            raise DownloadError(f"{error}: run the command again to continue, or {how}.") from error
