"""Fetching a published corpus into a folder, and finding the corpora in such a folder."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mmerc.corpora import READERS, open_corpus
from mmerc.corpora.dialogue import Corpus
from mmerc.corpora.download.catalogue import PublishedCorpus
from mmerc.corpora.download.sources import FileSource
from mmerc.corpora.readers.speaker_splits import write_splits
from mmerc.errors import CorpusError, RunError
from mmerc.files import TEMPORARY, refuse_address, replace_atomically, write_json

log = logging.getLogger("mmerc")
DOWNLOADS = ".downloads"  # in the folder of the corpora, until they are complete
RECORD = "source.json"
MIN_SHARE = 0.99  # of the published number of utterances; with fewer, the archive is another one
NOT_PUBLISHED = frozenset({"table", "pack", "synthetic"})  # kinds that are formats and no corpora


def fetch_corpus(entry: PublishedCorpus, folder: Path) -> str:
    """Download a corpus, unpack it into `folder/KIND`, and return its location. A corpus that is there is only opened.

    The new folder appears when it is complete. It also has `source.json` (address, licence, citation) and, for acted speech,
    `splits.csv` with the split of each speaker. A broken download is continued by the next call.

    Raises:
        CorpusError: the corpus has no public address, `folder/KIND` is something else, or the files are not those of the corpus.
        DownloadError: a file cannot be downloaded, or is not the published one.
        RunError: the folder cannot be written, or another process fetches the same corpus.
    """
    refuse_address(folder, "a corpus")
    target = (folder / entry.kind).expanduser().absolute()
    location = f"{entry.kind}:{target}"
    if is_fetched(entry, folder):
        return location
    require_source(entry)
    with _lock_downloads(entry, folder) as downloads:
        source = FileSource(entry.kind, downloads)
        with replace_atomically(target) as temporary:
            temporary.mkdir()
            try:
                entry.layout(source, entry.files, temporary)
                corpus = open_corpus(f"{entry.kind}:{temporary}")
                _check_size(entry, corpus)
            except CorpusError:
                for file in entry.files:
                    if file.checksum is None:  # a damaged file without a hash is not used again
                        (downloads / file.name).unlink(missing_ok=True)
                raise
            _write_record(entry, temporary, corpus)
        shutil.rmtree(downloads, ignore_errors=True)
    return location


def is_fetched(entry: PublishedCorpus, folder: Path) -> bool:
    """Whether `folder/KIND` is there already.

    Raises:
        CorpusError: it is there, but its reader cannot read it.
    """
    target = (folder / entry.kind).expanduser().absolute()
    if not target.exists():
        return False
    try:
        open_corpus(f"{entry.kind}:{target}")
    except CorpusError as error:
        raise CorpusError(f"{target} is there and cannot be read: remove or rename it. {error}") from error
    return True


def require_source(entry: PublishedCorpus) -> None:
    """Raises CorpusError: the corpus has no public address, and the mirror does not have its files. It says where to apply."""
    mirror = FileSource(entry.kind, Path(os.devnull))
    if not entry.files or not all(file.url or mirror.has(file) for file in entry.files):
        raise CorpusError(f"{entry.kind} cannot be fetched. {entry.hint}.")


def find_corpora(folder: Path) -> dict[str, str]:
    """The corpora in a folder whose subfolders are named as kinds, such as `ravdess`: kind to location, in the order of `READERS`.

    A subfolder that its reader cannot read is left out, with a warning.
    """
    found = {}
    for kind in READERS:
        path = (folder / kind).expanduser().absolute()
        if kind in NOT_PUBLISHED or not path.is_dir():
            continue
        try:
            open_corpus(f"{kind}:{path}")
        except CorpusError as error:
            log.warning("%s is left out: %s", path, error)
            continue
        found[kind] = f"{kind}:{path}"
    return found


@contextmanager
def _lock_downloads(entry: PublishedCorpus, folder: Path) -> Iterator[Path]:
    """The folder for the downloads of one corpus, which one process may use at a time.

    Raises:
        RunError: another process uses it, or it cannot be created.
    """
    downloads = folder.expanduser().absolute() / DOWNLOADS / entry.kind
    lock = downloads.with_name(f"{entry.kind}.lock")
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=0):
            for leftover in downloads.parent.parent.glob(f"{TEMPORARY}{entry.kind}-*"):  # of a killed process
                shutil.rmtree(leftover, ignore_errors=True)
            yield downloads
        if not downloads.exists():
            lock.unlink(missing_ok=True)
            with suppress(OSError):  # downloads of other corpora are in it
                downloads.parent.rmdir()
    except Timeout as error:
        raise RunError(f"{folder / entry.kind} is being fetched by another process: wait for it.") from error
    except OSError as error:
        raise RunError(
            f"{downloads} cannot be written ({error.strerror}): choose a folder you may write to."
        ) from error


def _check_size(entry: PublishedCorpus, corpus: Corpus) -> None:
    found = sum(len(list(corpus.utterances(split))) for split in corpus.splits)
    if found < MIN_SHARE * entry.utterances:
        raise CorpusError(
            f"{entry.kind} has {found:,} of {entry.utterances:,} utterances, so the download is incomplete: run the command again, or take another copy."
        )
    if found != entry.utterances:
        log.warning("%s has %s utterances, and %s are published", entry.kind, f"{found:,}", f"{entry.utterances:,}")


def _write_record(entry: PublishedCorpus, folder: Path, corpus: Corpus) -> None:
    if entry.is_acted:
        write_splits(folder, {each.speaker: split for split in corpus.splits for each in corpus.utterances(split)})
    record = {
        "corpus": entry.kind,
        "source": entry.source,
        "licence": entry.licence,
        "citation": entry.citation,
        "fetched": datetime.now(UTC).date().isoformat(),
        "files": [{"name": file.name, "url": file.url, "checksum": file.checksum} for file in entry.files],
    }
    write_json(folder / RECORD, record)
