"""Writing a store: rows are appended in shards, and at the end the shards are put in the order of the corpus."""

import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import numpy as np

from mmerc.corpora import Key
from mmerc.features.row import FeatureRow
from mmerc.features.shard import check_row, get_kind, write_shard
from mmerc.features.store import MANIFEST, SUFFIX, FeatureStore, list_manifest
from mmerc.files import write_json

SHARD_BYTES = 64 << 20
SHARD_ROWS = 4096
FLUSH_SECONDS = 30.0  # a killed writer loses at most the rows of so many seconds


class _Buffer:
    """The rows of the next shard, which are of one kind (`get_kind`)."""

    def __init__(self) -> None:
        self.rows: list[FeatureRow] = []
        self.bytes = 0
        self.kind: tuple[np.dtype, bool] | None = None

    def accepts(self, row: FeatureRow) -> bool:
        is_full = self.bytes >= SHARD_BYTES or len(self.rows) >= SHARD_ROWS
        return not is_full and (get_kind(row) is None or self.kind in (None, get_kind(row)))

    def add(self, row: FeatureRow) -> None:
        self.rows.append(row)
        self.kind = get_kind(row) or self.kind
        if row.values is not None and self.kind is not None:
            self.bytes += row.values.size * self.kind[0].itemsize


class FeatureWriter:
    """Appends rows to a store. Several writers may write to one folder at the same time.

    with FeatureWriter(folder) as writer:
        writer.add(FeatureRow(key, values))
        writer.add(FeatureRow(other, None, "clip.mp4 has no audio stream"))
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._buffer = _Buffer()
        self._writer = uuid.uuid4().hex[:8]
        self._count = 0
        self._flushed = time.monotonic()

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()  # also after an error: the rows so far are complete

    def add(self, row: FeatureRow) -> None:
        """Append a row; it is on disk after the next `flush`, at the latest at the end of the `with` block.

        Raises:
            ValueError: the row has neither values nor a reason, or both, or its values are no numbers.
        """
        check_row(row)
        if not self._buffer.accepts(row):
            self.flush()
        self._buffer.add(row)
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the added rows as one more shard.

        Raises:
            RunError: the folder cannot be written.
        """
        if self._buffer.rows:
            write_shard(self.folder / f"rows-{self._writer}-{self._count:05d}{SUFFIX}", self._buffer.rows)
            self._count += 1
        self._buffer, self._flushed = _Buffer(), time.monotonic()


def sort_store(store: FeatureStore, keys: Iterable[Key]) -> None:
    """Put the rows of a store in the order of `keys`, in shards of equal size with a manifest; rows of other keys are dropped.

    A program that reads the corpus in this order then reads each file once, and neighbouring utterances are together in the store of
    every modality. If it is stopped, the store still has every row, and the next call does the work again.

    Raises:
        RunError: the folder cannot be written.
        KeyError: the store has no row for one of the keys.
    """
    name = uuid.uuid4().hex[:8]
    shards: list[dict[str, str | int]] = []

    def write(rows: list[FeatureRow]) -> None:
        file = store.folder / f"shard-{len(shards):05d}-{name}{SUFFIX}"
        write_shard(file, rows)
        shards.append({"file": file.name, "rows": len(rows), "bytes": file.stat().st_size})

    buffer = _Buffer()
    for key in keys:
        row = store[key]
        if not buffer.accepts(row):
            write(buffer.rows)
            buffer = _Buffer()
        buffer.add(row)
    if buffer.rows:
        write(buffer.rows)
    write_json(store.folder / MANIFEST, {"rows": sum(int(each["rows"]) for each in shards), "shards": shards})
    for file in store.folder.glob(f"*{SUFFIX}"):
        if file.name not in {each["file"] for each in shards}:
            file.unlink()
    store.refresh()


def is_sorted(store: FeatureStore) -> bool:
    """Whether every shard of the store is in its manifest, as `sort_store` leaves it."""
    listed = list_manifest(store.folder)
    return bool(listed) and all(file.name in listed for file in store.folder.glob(f"*{SUFFIX}"))
