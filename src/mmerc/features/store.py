"""What one stage leaves for the next: arrays of unequal length on disk, one row per utterance.

A store is a folder of Arrow files. Each is written under a temporary name and renamed when it is whole, so a store
can be read while others append to it, and a killed writer loses at most the rows that it had not yet flushed. Rows
are memory-mapped: reading one costs its own bytes.
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
from mmerc.files import replacing

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
class Row:
    """One utterance's array [T, ...], or the reason why there is none; `metadata` is whatever its writer noted."""

    key: Key
    values: np.ndarray | None
    reason: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


class FeatureStore:
    """Read access to a store; an absent folder is an empty store. Of two rows with one key the first one counts.

    Raises:
        RunError: a file in the folder is not one that a `FeatureWriter` wrote.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._batches: list[pa.RecordBatch] = []
        self._places: dict[Key, tuple[int, int]] = {}
        self._seen: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Take in what others have appended since."""
        for file in sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder.is_dir() else []:
            if file.name in self._seen or file.name.startswith("."):
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
            self._seen.add(file.name)
            for batch in table.to_batches():
                columns = (batch.column(name).to_pylist() for name in ("split", "dialogue", "utterance"))
                for row, key in enumerate(zip(*columns, strict=True)):
                    self._places.setdefault(key, (len(self._batches), row))
                self._batches.append(batch)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[Key]:
        return iter(self._places)

    def __getitem__(self, key: Key) -> Row:
        """The row of a key; its array is read-only and lies in the file's mapping.

        Raises:
            KeyError: no row was written for it.
        """
        number, row = self._places[key]
        batch = self._batches[number]
        metadata = json.loads(batch.column("metadata")[row].as_py() or "{}")
        values = batch.column("values")
        if not values[row].is_valid:
            return Row(key, None, batch.column("reason")[row].as_py(), metadata)
        _, ends, raw = values.buffers()
        begin, end = np.frombuffer(ends, np.int64)[values.offset + row : values.offset + row + 2]
        dtype = np.dtype(batch.column("dtype")[row].as_py())
        # Read in place: a scalar of pyarrow's own would be a copy.
        array = np.frombuffer(raw, dtype, (end - begin) // dtype.itemsize, begin)
        return Row(key, array.reshape(batch.column("shape")[row].as_py()), None, metadata)

    def missing(self) -> dict[Key, str]:
        """The reason of every row without an array."""
        found: dict[Key, str] = {}
        for key, (number, row) in self._places.items():
            reason = self._batches[number].column("reason")[row].as_py()
            if reason is not None:
                found[key] = reason
        return found

    def absent(self, keys: Iterable[Key]) -> list[Key]:
        """The keys for which no row was written at all."""
        return [key for key in keys if key not in self._places]


class FeatureWriter:
    """Appends rows to a store; several may write to one folder at once.

    with FeatureWriter(folder) as writer:
        writer.add(Row(key, values))
        writer.add(Row(other, None, "clip.mp4 has no audio stream"))
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._writer = uuid.uuid4().hex[:8]
        self._count = 0

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()  # also after an error: what is done is done

    def add(self, row: Row) -> None:
        values = None if row.values is None else np.ascontiguousarray(row.values)
        if (values is None) == (row.reason is None):
            raise ValueError(f"{row.key}: a row has either values or a reason")
        split, dialogue, utterance = row.key
        self._rows.append(
            {
                "split": split,
                "dialogue": dialogue,
                "utterance": utterance,
                "shape": None if values is None else list(values.shape),
                "dtype": None if values is None else values.dtype.str,
                "values": None if values is None else values.tobytes(),
                "reason": row.reason,
                "metadata": json.dumps(row.metadata) if row.metadata else None,
            }
        )
        self._bytes += 0 if values is None else values.nbytes
        if self._bytes >= FLUSH_BYTES or len(self._rows) >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what has been added as one more file."""
        if not self._rows:
            return
        table = pa.Table.from_pylist(self._rows, schema=SCHEMA)
        file = self.folder / f"rows-{self._writer}-{self._count:05d}{SUFFIX}"
        with (
            replacing(file) as temporary,
            pa.OSFile(str(temporary), "wb") as sink,
            pa.ipc.new_file(sink, SCHEMA) as out,
        ):
            out.write_table(table)
        self._rows, self._bytes = [], 0
        self._count += 1
