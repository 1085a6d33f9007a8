"""Feature arrays of unequal length on disk, one row for each utterance: the output of stage 1 and the input of stage 2.

A store is a folder of Arrow files. Each file is written under a temporary name and renamed when it is complete. So a store can be
read while other processes append to it, and a killed writer loses at most the rows that it had not flushed. Rows are
memory-mapped: reading a row reads only its own bytes.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from mmerc.corpora import Key
from mmerc.errors import RunError
from mmerc.files import replace_atomically

SUFFIX = ".arrow"
SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("dialogue", pa.string()),
        ("utterance", pa.string()),
        ("shape", pa.list_(pa.int64())),
        ("dtype", pa.string()),
        ("values", pa.large_binary()),  # null where the modality is missing
        ("reason", pa.string()),  # null where it is not
        ("metadata", pa.string()),
    ]
)
FLUSH_BYTES = 64 << 20
FLUSH_ROWS = 256


@dataclass(frozen=True)
class FeatureRow:
    """The features of one utterance for one modality.

    Attributes:
        key: the utterance's key.
        values: an array [T, ...]; `None` where the modality is missing.
        reason: why it is missing; `None` where it is not.
        metadata: values for JSON that the writer stored with the row.
    """

    key: Key
    values: np.ndarray | None
    reason: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


class FeatureStore:
    """Reads a store. An absent folder is an empty store. Of two rows with one key the first one counts.

    Raises:
        RunError: a file in the folder was not written by a `FeatureWriter`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._batches: list[pa.RecordBatch] = []
        self._indices: dict[Key, tuple[int, int]] = {}  # the batch of a key, and the row in the batch
        self._files: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Read the files that were added since the last call.

        Raises:
            RunError: a file was not written by a `FeatureWriter`.
        """
        for file in sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder.is_dir() else []:
            if file.name in self._files or file.name.startswith("."):
                continue
            try:
                # The mapping stays open for as long as a batch refers to it.
                table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
                if not table.schema.equals(SCHEMA):
                    raise pa.ArrowInvalid("it has other columns")
            except (pa.ArrowInvalid, OSError) as error:
                raise RunError(
                    f"{file} is not a feature file ({error}): delete it and run the same command again."
                ) from error
            self._files.add(file.name)
            for batch in table.to_batches():
                for row, key in enumerate(list_keys(batch)):
                    self._indices.setdefault(key, (len(self._batches), row))
                self._batches.append(batch)

    def __len__(self) -> int:
        return len(self._indices)

    def __contains__(self, key: Key) -> bool:
        return key in self._indices

    def __iter__(self) -> Iterator[Key]:
        return iter(self._indices)

    def __getitem__(self, key: Key) -> FeatureRow:
        """The row of a key. Its array is read-only and memory-mapped.

        Raises:
            KeyError: the store has no row for the key.
        """
        number, row = self._indices[key]
        return decode_row(self._batches[number], row, key)

    def list_missing(self) -> dict[Key, str]:
        """The keys of the rows without an array, each with its reason."""
        found: dict[Key, str] = {}
        for key, (number, row) in self._indices.items():
            reason = self._batches[number].column("reason")[row].as_py()
            if reason is not None:
                found[key] = reason
        return found

    def list_absent(self, keys: Iterable[Key]) -> list[Key]:
        """Those of `keys` for which the store has no row."""
        return [key for key in keys if key not in self._indices]


class FeatureWriter:
    """Appends rows to a store. Several writers may write to one folder at the same time.

    with FeatureWriter(folder) as writer:
        writer.add(FeatureRow(key, values))
        writer.add(FeatureRow(other, None, "clip.mp4 has no audio stream"))
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        """`name`: in the names of the files, which are read in the order of their names; random by default."""
        self.folder = folder
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._writer = name or uuid.uuid4().hex[:8]
        self._count = 0

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()  # also after an error: the rows so far are complete

    def add(self, row: FeatureRow) -> None:
        """Append a row; it is on disk after the next `flush`, at the latest at the end of the `with` block.

        Raises:
            ValueError: the row has neither values nor a reason, or both.
        """
        self._rows.append(encode_row(row))
        self._bytes += 0 if row.values is None else row.values.nbytes
        if self._bytes >= FLUSH_BYTES or len(self._rows) >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the added rows as one more file.

        Raises:
            RunError: the folder cannot be written.
        """
        if not self._rows:
            return
        table = pa.Table.from_pylist(self._rows, schema=SCHEMA)
        file = self.folder / f"rows-{self._writer}-{self._count:05d}{SUFFIX}"
        with (
            replace_atomically(file) as temporary,
            pa.OSFile(str(temporary), "wb") as sink,
            pa.ipc.new_file(sink, SCHEMA) as out,
        ):
            out.write_table(table)
        self._rows, self._bytes = [], 0
        self._count += 1


def encode_row(row: FeatureRow) -> dict[str, Any]:
    """The row by the columns of `SCHEMA`.

    Raises:
        ValueError: the row has neither values nor a reason, or both.
    """
    values = None if row.values is None else np.ascontiguousarray(row.values)
    if (values is None) == (row.reason is None):
        raise ValueError(f"{row.key}: a row needs either values or a reason")
    split, dialogue, utterance = row.key
    return {
        "split": split,
        "dialogue": dialogue,
        "utterance": utterance,
        "shape": None if values is None else list(values.shape),
        "dtype": None if values is None else values.dtype.str,
        "values": None if values is None else values.tobytes(),
        "reason": row.reason,
        "metadata": json.dumps(row.metadata) if row.metadata else None,
    }


def decode_row(batch: pa.RecordBatch, index: int, key: Key) -> FeatureRow:
    """A row of a batch with the columns of `SCHEMA`. Its array is read in place and cannot be changed."""
    metadata = json.loads(batch.column("metadata")[index].as_py() or "{}")
    values = batch.column("values")
    if not values[index].is_valid:
        return FeatureRow(key, None, batch.column("reason")[index].as_py(), metadata)
    _, ends, raw = values.buffers()
    begin, end = np.frombuffer(ends, np.int64)[values.offset + index : values.offset + index + 2]
    dtype = np.dtype(batch.column("dtype")[index].as_py())
    # Read in place: a scalar of pyarrow would be a copy.
    array = np.frombuffer(raw, dtype, (end - begin) // dtype.itemsize, begin)
    return FeatureRow(key, array.reshape(batch.column("shape")[index].as_py()), None, metadata)


def list_keys(batch: pa.RecordBatch) -> list[Key]:
    """The keys of the rows of a batch with the columns of `SCHEMA`."""
    return list(zip(*(batch.column(name).to_pylist() for name in ("split", "dialogue", "utterance")), strict=True))
