"""From stored features to the padded batches that a fusion reads."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmerc.corpora import Key
from mmerc.encoders.base import pad_arrays
from mmerc.features import FeatureRow
from mmerc.fusion.layers.dialogue_context import Dialogues, number_speakers

Inputs = dict[str, Tensor]
BATCHES_PER_POOL = 16  # shuffled indices are sorted by length within pools of this many batches


@runtime_checkable
class FeatureRows(Protocol):
    """Rows of features by key: a store on disk, or a dictionary in memory."""

    def __getitem__(self, key: Key, /) -> FeatureRow: ...


@runtime_checkable
class NumberedRows(FeatureRows, Protocol):
    """Rows that can also be read by number, without an object for each: a `FeatureStore`."""

    def find(self, keys: Sequence[Key]) -> np.ndarray: ...

    def count_steps(self, keys: Sequence[Key]) -> np.ndarray: ...

    def read_padded(self, rows: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass
class FusionExamples:
    """The features of every modality for stage 2; a missing modality is a sequence without a real step.

    `by_dialogue`: the utterances of a dialogue come into one batch, in the order of `keys`, and the batch says which they
    are. `speakers`: the speaker of each key; a key without one has the empty name. `corpora`: the number of each key's corpus
    where several are joined.
    """

    stores: Mapping[str, FeatureRows]
    widths: Mapping[str, int]
    keys: Sequence[Key]
    labels: Sequence[int]
    by_dialogue: bool = False
    speakers: Mapping[Key, str] = field(default_factory=dict)
    corpora: Sequence[int] = ()  # default: one corpus

    def __post_init__(self) -> None:
        self.corpora = self.corpora or [0] * len(self.keys)
        steps = [count_all_steps(store, self.keys) for store in self.stores.values()]
        lengths: list[int] = np.sum(steps, axis=0).tolist()
        self._rows = {
            name: store.find(self.keys) for name, store in self.stores.items() if isinstance(store, NumberedRows)
        }
        # Indices of utterances that come into one batch together.
        self.units: Sequence[Sequence[int]] = SingleUnits(len(self.keys))
        self.lengths, self.counts = lengths, [1] * len(self.keys)
        if self.by_dialogue:
            self.units = self._group_by_dialogue(range(len(self.keys)))
            self.lengths = [max(lengths[index] for index in unit) for unit in self.units]
            self.counts = [len(unit) for unit in self.units]

    def _group_by_dialogue(self, indices: Sequence[int]) -> list[list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for index in indices:
            found.setdefault(self.keys[index][:2], []).append(index)
        return list(found.values())

    def collate(self, indices: Sequence[int], rng: random.Random | None) -> Inputs:
        """For each modality `NAME/sequence` [B, T, d] and `NAME/mask` [B, T]; `dialogues` [D, L, 2] with `by_dialogue`."""
        batch: Inputs = {}
        for name in self.stores:
            batch[f"{name}/sequence"], batch[f"{name}/mask"] = self._pad(name, indices)
        if self.by_dialogue:
            rows = {index: row for row, index in enumerate(indices)}
            parts = []
            for unit in self._group_by_dialogue(indices):
                numbers = number_speakers([self.speakers.get(self.keys[index], "") for index in unit])
                parts.append(torch.tensor([[rows[index], number] for index, number in zip(unit, numbers, strict=True)]))
            batch["dialogues"] = pad_sequence(parts, batch_first=True, padding_value=-1)  # [D, L, 2]
        return batch

    def _pad(self, name: str, indices: Sequence[int]) -> tuple[Float[Tensor, "B T d"], Bool[Tensor, "B T"]]:
        store, width = self.stores[name], self.widths[name]
        if isinstance(store, NumberedRows):
            values, mask = store.read_padded(self._rows[name][list(indices)], width)
            return torch.from_numpy(values), torch.from_numpy(mask)
        rows = (store[self.keys[index]].values for index in indices)
        found = {row: values for row, values in enumerate(rows) if values is not None}
        longest = max((len(values) for values in found.values()), default=1)
        sequence = torch.zeros(len(indices), longest, width)
        real = torch.zeros(len(indices), longest, dtype=torch.bool)
        if found:
            padded, is_real = pad_arrays(list(found.values()))
            present = torch.tensor(list(found))
            sequence[present], real[present] = padded.float(), is_real
        return sequence, real


class SingleUnits(Sequence[Sequence[int]]):
    """Every index alone, for `FusionExamples.units`: a list would have an object for each of a million utterances.

    >>> list(SingleUnits(2))
    [[0], [1]]
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self.size:
            raise IndexError(index)
        return [index]


def unpack_batch(
    batch: Inputs,
) -> tuple[dict[str, Float[Tensor, "B _ _"]], dict[str, Bool[Tensor, "B _"]], Dialogues | None]:
    """A batch of `FusionExamples` as sequences and masks by modality, and the dialogues where it holds them."""
    sequences = {name.removesuffix("/sequence"): value for name, value in batch.items() if name.endswith("/sequence")}
    return sequences, {name: batch[f"{name}/mask"] for name in sequences}, batch.get("dialogues")


def count_steps(row: FeatureRow) -> int:
    """Steps of the utterance's sequence; 0 where the modality is missing."""
    return 0 if row.values is None else len(row.values)


def count_all_steps(store: FeatureRows, keys: Sequence[Key]) -> np.ndarray:
    """Steps of each key's sequence [N]; 0 where the modality is missing."""
    if isinstance(store, NumberedRows):
        return store.count_steps(keys)
    return np.fromiter((count_steps(store[key]) for key in keys), np.int32, len(keys))


def cut_by_count(indices: Sequence[int], counts: Sequence[int] | None, size: int) -> list[list[int]]:
    """Cut a list of indices into parts that count at most `size` each, or have one index.

    `counts`: how much each index counts (default 1).

    >>> cut_by_count([2, 0, 1], [1, 1, 2], 3)
    [[2, 0], [1]]
    """
    parts: list[list[int]] = []
    room = 0
    for index in indices:
        count = counts[index] if counts else 1
        if count > room:
            parts.append([])
            room = size
        parts[-1].append(index)
        room -= count
    return parts


def make_batches(
    lengths: Sequence[int], size: int, rng: random.Random | None, counts: Sequence[int] | None = None
) -> list[list[int]]:
    """Group the indices into batches of similar lengths. With `rng` the batches are in random order, without it sorted by length.

    `counts`: how much each index counts towards `size` (default 1); a batch is smaller where the next index does not fit.

    >>> make_batches([5, 1, 4, 2], 2, None)
    [[1, 3], [2, 0]]
    >>> make_batches([5, 1, 4, 2], 2, None, counts=[1, 3, 1, 1])
    [[1], [3, 2], [0]]
    """
    indices = list(range(len(lengths)))
    if rng is None:
        indices.sort(key=lambda index: lengths[index])
    else:
        rng.shuffle(indices)
        pools = [
            indices[start : start + size * BATCHES_PER_POOL]
            for start in range(0, len(indices), size * BATCHES_PER_POOL)
        ]
        indices = [index for pool in pools for index in sorted(pool, key=lambda index: lengths[index])]
    batches = cut_by_count(indices, counts, size)
    if rng is not None:
        rng.shuffle(batches)
    return batches
