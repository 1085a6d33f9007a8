"""A shard: one Arrow file of a store, with a row for each utterance. Any program that reads Arrow files can read it.

| column | type | what it is |
|---|---|---|
| split, dialogue, utterance | string | the key of the utterance |
| shape | list of int32 | of the array: its steps, and the size of each step; null where the modality is missing |
| values | list of a number type | the array, row by row; null where the modality is missing |
| scales | list of float32 | the factor of each step, where `values` are quantised to int8; otherwise null |
| reason | string | why the modality is missing; null where it is not |
| metadata | string | further values as JSON, such as the logits of the encoder; null where there are none |
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from mmerc.addresses import RemotePath
from mmerc.corpora import Key
from mmerc.errors import RunError
from mmerc.features.row import FeatureRow
from mmerc.files import replace_atomically
from mmerc.transfers import fetch_file

KEY_COLUMNS = ("split", "dialogue", "utterance")
COLUMNS = (*KEY_COLUMNS, "shape", "values", "scales", "reason", "metadata")


class ShardIndex:
    """The keys, the lengths and the reasons of a shard. Of a shard at an address, only their bytes are read.

    Raises:
        RunError: the file cannot be read, is damaged, or was written by another program.
    """

    columns: Sequence[str] = (*KEY_COLUMNS, "shape", "reason")

    def __init__(self, file: Path, content: bytes | None = None) -> None:
        """`content`: that of the file, if it is in memory."""
        try:
            with self._open(file) if content is None else pa.BufferReader(content) as source:
                # A mapping lives for as long as an array refers to it.
                reader = pa.ipc.open_file(source)
                if tuple(reader.schema.names) != COLUMNS or reader.num_record_batches != 1:
                    raise pa.ArrowInvalid("it has other columns")
                options = pa.ipc.IpcReadOptions(included_fields=[COLUMNS.index(name) for name in self.columns])
                batch = pa.ipc.open_file(source, options=options).get_batch(0)
        except (pa.ArrowException, OSError) as error:
            raise RunError(
                f"{file} is not a feature file, or is damaged ({error}): delete it and run the same command again."
            ) from error
        self._columns = {name: batch.column(name) for name in self.columns}
        self._shapes, self._shape_ends = _get_lists(self._columns["shape"])

    def _open(self, file: Path) -> Any:
        return pa.PythonFile(file.open("rb"), "r") if isinstance(file, RemotePath) else pa.memory_map(str(file))

    def __len__(self) -> int:
        return len(self._columns["split"])

    def list_keys(self) -> list[Key]:
        """The key of each row."""
        return list(zip(*(self._columns[name].to_pylist() for name in KEY_COLUMNS), strict=True))

    def list_reasons(self) -> list[str | None]:
        """Of each row: why the modality is missing, or `None`."""
        reasons: list[str | None] = self._columns["reason"].to_pylist()
        return reasons

    def count_steps(self) -> np.ndarray:
        """The steps of each row; 0 where the modality is missing."""
        starts, ends = self._shape_ends[:-1], self._shape_ends[1:]
        steps = np.zeros(len(self), np.int32)
        steps[ends > starts] = self._shapes[starts[ends > starts]]
        return steps


class Shard(ShardIndex):
    """A shard that is open. Its columns are arrays on the memory-mapped file, so reading a row reads only its own bytes.

    A shard at an address is copied into the cache as a whole (`fetch_file`).
    """

    columns = COLUMNS

    def __init__(self, file: Path, content: bytes | None = None) -> None:
        super().__init__(file, content)
        self._values, self._value_ends = _get_lists(self._columns["values"])
        self._scales, self._scale_ends = _get_lists(self._columns["scales"])

    def _open(self, file: Path) -> Any:
        return pa.memory_map(str(fetch_file(file)))

    def read(self, row: int) -> FeatureRow:
        """The row at an index. Values that are not quantised are read-only and memory-mapped."""
        key: Any = tuple(self._columns[name][row].as_py() for name in KEY_COLUMNS)
        text = self._columns["metadata"][row].as_py()
        metadata = json.loads(text) if text else {}
        reason = self._columns["reason"][row].as_py()
        if reason is not None:
            return FeatureRow(key, None, reason, metadata)
        return FeatureRow(key, self.read_values(row), None, metadata, self._read_scales(row))

    def read_values(self, row: int) -> np.ndarray | None:
        """The array of the row at an index; `None` where the modality is missing."""
        shape = self._shapes[self._shape_ends[row] : self._shape_ends[row + 1]]
        if not len(shape):
            return None
        values = self._values[self._value_ends[row] : self._value_ends[row + 1]].reshape(shape)
        scales = self._read_scales(row)
        return values if scales is None else values * scales.reshape(-1, *[1] * (len(shape) - 1))

    def read_steps(
        self, steps: Int[np.ndarray, " S"], values: Float[np.ndarray, "S d"], scales: Float[np.ndarray, " S"]
    ) -> None:
        """Write steps of the shard to `values`, and their factors to `scales`, if they have some. Its arrays are [T, d].

        `steps`: their numbers, counted over all rows of the shard.
        """
        values[:] = self._values.reshape(-1, values.shape[1])[steps]
        if len(self._scales):
            scales[:] = self._scales[steps]

    def _read_scales(self, row: int) -> np.ndarray | None:
        start, end = self._scale_ends[row : row + 2]
        return self._scales[start:end] if end > start else None


def _get_lists(column: pa.ListArray) -> tuple[np.ndarray, np.ndarray]:
    """The values of all lists of a column, and where each list ends (with a 0 in front); a null is an empty list."""
    return column.values.to_numpy(zero_copy_only=False), column.offsets.to_numpy()


def make_ranges(starts: Int[np.ndarray, " R"], counts: Int[np.ndarray, " R"]) -> Int[np.ndarray, " S"]:
    """The whole numbers from each start on, as many as its count says.

    >>> make_ranges(np.array([5, 0, 2]), np.array([2, 0, 1])).tolist()
    [5, 6, 2]
    """
    ends = np.cumsum(counts)
    numbers: np.ndarray = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + counts, counts)
    return numbers


def check_row(row: FeatureRow) -> None:
    """Raises ValueError: the row cannot be stored."""
    if (row.values is None) == (row.reason is None):
        raise ValueError(f"{row.key}: a row needs either values or a reason")
    if row.values is not None and not (row.values.ndim and row.values.dtype.kind in "iuf"):
        raise ValueError(
            f"{row.key}: {row.values.dtype} with {row.values.ndim} dimensions is no array of numbers [T, ...]"
        )


def get_kind(row: FeatureRow) -> tuple[np.dtype, bool] | None:
    """The type of the numbers in the file, and whether they have scales; `None` where the modality is missing.

    The rows of a shard that have values are of one kind.
    """
    if row.values is None:
        return None
    return (np.dtype(np.int8), True) if row.scales is not None else (row.values.dtype, False)


def write_shard(file: Path, rows: Sequence[FeatureRow]) -> None:
    """Write rows to a file. Those with values are of one kind (`get_kind`).

    Raises:
        RunError: the file cannot be written.
    """
    with replace_atomically(file) as temporary, pa.OSFile(str(temporary), "wb") as sink:
        _write_rows(sink, rows)


def encode_shard(rows: Sequence[FeatureRow]) -> bytes:
    """The bytes that `write_shard` writes."""
    sink = pa.BufferOutputStream()
    _write_rows(sink, rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _write_rows(sink: Any, rows: Sequence[FeatureRow]) -> None:
    dtype, _ = next((kind for row in rows if (kind := get_kind(row))), (np.dtype(np.int8), False))
    shapes = [None if row.values is None else np.asarray(row.values.shape, np.int32) for row in rows]
    reasons = [row.reason for row in rows]
    metadata = [json.dumps(row.metadata) if row.metadata else None for row in rows]
    columns = [
        *(pa.array(column, pa.string()) for column in zip(*(row.key for row in rows), strict=True)),
        _make_lists(shapes, np.dtype(np.int32)),
        _make_lists([_to_stored(row) for row in rows], dtype),
        _make_lists([row.scales for row in rows], np.dtype(np.float32)),
        pa.array(reasons, pa.string()),
        pa.array(metadata, pa.string()),
    ]
    batch = pa.record_batch(columns, names=list(COLUMNS))
    with pa.ipc.new_file(sink, batch.schema) as out:
        out.write_batch(batch)


def _to_stored(row: FeatureRow) -> np.ndarray | None:
    if row.values is None or row.scales is None:
        return row.values
    # The values are whole multiples of the scales, up to rounding. A step that is not finite has such a scale.
    whole: np.ndarray = np.rint(row.values / row.scales.reshape(-1, *[1] * (row.values.ndim - 1)))
    stored: np.ndarray = np.nan_to_num(whole).astype(np.int8)
    return stored


def _make_lists(arrays: Sequence[np.ndarray | None], dtype: np.dtype) -> pa.ListArray:
    ends = np.cumsum([0, *(0 if array is None else array.size for array in arrays)], dtype=np.int32)
    flat = [array.ravel() for array in arrays if array is not None]
    values = pa.array(np.concatenate(flat) if flat else np.zeros(0, dtype), pa.from_numpy_dtype(dtype))
    is_null = np.array([array is None for array in arrays])
    return pa.ListArray.from_arrays(pa.array(ends), values, mask=pa.array(is_null))
