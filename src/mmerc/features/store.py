"""Reading a store: feature arrays of unequal length on disk, one row for each utterance; the output of stage 1 and the input of stage 2.

A store is a folder of shards (see `mmerc.features.shard`). Each is written under a temporary name and renamed when it is complete, so
a store can be read while other processes append to it. When it is complete, its shards are in the order of the corpus, and
`manifest.json` lists them. The folder may be at an address: then a shard is copied into the cache when its arrays are read.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from mmerc.corpora import Key
from mmerc.errors import RunError
from mmerc.features.row import FeatureRow
from mmerc.features.shard import Shard, ShardIndex, make_ranges
from mmerc.files import get_required, read_json

SUFFIX, MANIFEST = ".arrow", "manifest.json"
OPEN_SHARDS = 128  # memory-mapped at the same time


class FeatureStore:
    """Reads a store. An absent folder is an empty store. Of two rows with one key the first one counts.

    In memory it has 24 bytes for each row; the keys and arrays stay on disk.

    Raises:
        RunError: a file in the folder is damaged, absent, or was not written by a `FeatureWriter`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: OrderedDict[int, Shard] = OrderedDict()
        self._forget()
        self.refresh()

    def _forget(self) -> None:
        self._open.clear()
        self._files: list[str] = []
        self._starts = np.zeros(1, np.int64)  # number of the first row of each file, and of the row after the last
        self._hashes = np.zeros(0, np.int64)  # of the keys, sorted
        self._rows = np.zeros(0, np.int64)  # the row of each hash
        self._steps = np.zeros(0, np.int32)  # of each row; 0 where the modality is missing
        self._first_steps = np.zeros(0, np.int32)  # of each row: the steps of its shard before it
        self._collisions: dict[Key, int] = {}  # rows whose hash another key has

    def refresh(self) -> None:
        """Read the files that were added since the last call.

        Raises:
            RunError: a file is damaged, absent, or was not written by a `FeatureWriter`.
        """
        files = self._list_files()
        if not set(self._files) <= set(files):  # they have been sorted into others
            self._forget()
        steps, first_steps, starts = [self._steps], [self._first_steps], self._starts.tolist()
        found: list[np.ndarray] = []
        for name in (name for name in files if name not in set(self._files)):
            shard = ShardIndex(self.folder / name)
            self._files.append(name)
            counts = shard.count_steps()
            steps.append(counts)
            first_steps.append(np.cumsum(counts, dtype=np.int32) - counts)
            starts.append(starts[-1] + len(shard))
            found.append(np.fromiter(map(hash, shard.list_keys()), np.int64, len(shard)))
        if found:
            rows = np.arange(self._starts[-1], starts[-1])
            self._starts, self._steps = np.asarray(starts), np.concatenate(steps)
            self._first_steps = np.concatenate(first_steps)
            self._add_hashes(np.concatenate([self._hashes, *found]), np.concatenate([self._rows, rows]))

    def _list_files(self) -> list[str]:
        """The names of the shards: those that the manifest lists, and then the others."""
        if not self.folder.is_dir():
            return []
        sizes = {path.name: path.stat().st_size for path in sorted(self.folder.glob(f"[!.]*{SUFFIX}"))}
        listed = list_manifest(self.folder)
        for name, size in listed.items():
            if sizes.get(name) != size:
                state = f"has {sizes[name]} bytes in place of {size}" if name in sizes else "is absent"
                raise RunError(
                    f"{self.folder / name} {state}: delete the folder {self.folder} and run the same command again."
                )
        return [*listed, *(name for name in sizes if name not in listed)]

    def _add_hashes(self, hashes: np.ndarray, rows: np.ndarray) -> None:
        order = np.argsort(hashes, kind="stable")  # of equal keys the first row comes first
        hashes, rows = hashes[order], rows[order]
        is_repeated = np.concatenate([[False], hashes[1:] == hashes[:-1]])
        firsts = np.flatnonzero(~is_repeated)
        for position in np.flatnonzero(is_repeated):
            first, row = rows[firsts[np.searchsorted(firsts, position) - 1]], rows[position]
            if (key := self.read(int(row)).key) != self.read(int(first)).key:
                self._collisions.setdefault(key, int(row))
        self._hashes, self._rows = hashes[~is_repeated], rows[~is_repeated]

    def find(self, keys: Sequence[Key]) -> Int[np.ndarray, " N"]:
        """The number of each key's row; -1 where the store has none."""
        hashes = np.fromiter(map(hash, keys), np.int64, len(keys))
        if not len(self._hashes):
            return np.full(len(keys), -1)
        positions = np.searchsorted(self._hashes, hashes).clip(max=len(self._hashes) - 1)
        rows: np.ndarray = np.where(self._hashes[positions] == hashes, self._rows[positions], -1)
        if self._collisions:
            rows = np.asarray([self._collisions.get(key, row) for key, row in zip(keys, rows.tolist(), strict=True)])
        return rows

    def count_steps(self, keys: Sequence[Key]) -> Int[np.ndarray, " N"]:
        """The steps of each key's sequence; 0 where the modality is missing.

        Raises:
            KeyError: the store has no row for a key.
        """
        steps: np.ndarray = self._steps[self._find_all(keys)]
        return steps

    def read_padded(self, rows: Int[np.ndarray, " B"], width: int) -> tuple[np.ndarray, np.ndarray]:
        """The arrays of rows that `find` gives, padded with zeros [B, T, d], and where their steps are [B, T].

        Every array is [T, d] with d = `width`. T is 1 or more.
        """
        counts = self._steps[rows]
        values = np.zeros((len(rows), max(1, counts.max(initial=0)), width), np.float32)
        mask = np.arange(values.shape[1]) < counts[:, None]
        order = np.argsort(rows, kind="stable")  # the rows of a shard follow one another
        counts = counts[order]
        ends = np.cumsum(counts)  # [B]
        steps = make_ranges(self._first_steps[rows[order]], counts)  # [S], in their shard
        flat, scales = np.empty((len(steps), width), np.float32), np.ones(len(steps), np.float32)
        files = np.searchsorted(self._starts, rows[order], "right") - 1
        lasts = np.flatnonzero(np.diff(files, append=-1))  # the last row of each shard
        start = 0
        for file, end in zip(files[lasts].tolist(), ends[lasts].tolist(), strict=True):
            if end > start:
                self._get_shard(file).read_steps(steps[start:end], flat[start:end], scales[start:end])
            start = end
        flat *= scales[:, None]
        values.reshape(-1, width)[make_ranges(order * values.shape[1], counts)] = flat
        return values, mask

    def _find_all(self, keys: Sequence[Key]) -> Int[np.ndarray, " N"]:
        rows = self.find(keys)
        if (rows < 0).any():
            raise KeyError(keys[int(np.argmax(rows < 0))])
        return rows

    def read(self, row: int) -> FeatureRow:
        """The row of a number that `find` gives."""
        file = int(np.searchsorted(self._starts, row, "right")) - 1
        return self._get_shard(file).read(row - int(self._starts[file]))

    def _get_shard(self, file: int) -> Shard:
        if file in self._open:
            self._open.move_to_end(file)
            return self._open[file]
        shard = self._open[file] = Shard(self.folder / self._files[file])
        if len(self._open) > OPEN_SHARDS:
            self._open.popitem(last=False)
        return shard

    def __len__(self) -> int:
        return len(self._hashes) + len(self._collisions)

    def __contains__(self, key: object) -> bool:
        return bool(self.find([key])[0] >= 0)  # type: ignore[list-item]

    def __iter__(self) -> Iterator[Key]:
        return (key for row, key, _ in self._scan() if self.find([key])[0] == row)

    def __getitem__(self, key: Key) -> FeatureRow:
        """The row of a key. Its array is memory-mapped and read-only, unless it is stored in one byte for each number.

        Raises:
            KeyError: the store has no row for the key.
        """
        return self.read(int(self._find_all([key])[0]))

    def list_missing(self) -> dict[Key, str]:
        """The keys of the rows without an array, each with its reason."""
        return {key: reason for row, key, reason in self._scan() if reason and self.find([key])[0] == row}

    def list_absent(self, keys: Iterable[Key]) -> list[Key]:
        """Those of `keys` for which the store has no row."""
        keys = list(keys)
        return [keys[index] for index in np.flatnonzero(self.find(keys) < 0)]

    def _scan(self) -> Iterator[tuple[int, Key, str | None]]:
        """Number, key and reason of every row on disk, also of those that do not count."""
        for start, name in zip(self._starts.tolist(), self._files, strict=False):
            shard = ShardIndex(self.folder / name)
            yield from (
                (row, key, reason)
                for row, (key, reason) in enumerate(zip(shard.list_keys(), shard.list_reasons(), strict=True), start)
            )


def list_manifest(folder: Path) -> dict[str, int]:
    """The names and sizes of the shards that the manifest of a store lists; empty without a manifest.

    Raises:
        RunError: the manifest is damaged.
    """
    file = folder / MANIFEST
    if not file.is_file():
        return {}
    shards: list[dict[str, Any]] = get_required(read_json(file), "shards", file)
    try:
        return {str(each["file"]): int(each["bytes"]) for each in shards}
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{file} is damaged: delete the folder {folder} and run the same command again.") from error
