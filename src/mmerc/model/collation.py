"""From stored features to the padded batches that a fusion reads."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

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
        lengths = [sum(count_steps(store[key]) for store in self.stores.values()) for key in self.keys]
        indices = range(len(self.keys))
        # Indices of utterances that come into one batch together.
        self.units = self._group_by_dialogue(indices) if self.by_dialogue else [[index] for index in indices]
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
        for name, store in self.stores.items():
            sequence, mask = self._pad(store, [self.keys[index] for index in indices], self.widths[name])
            batch[f"{name}/sequence"], batch[f"{name}/mask"] = sequence, mask
        if self.by_dialogue:
            rows = {index: row for row, index in enumerate(indices)}
            parts = []
            for unit in self._group_by_dialogue(indices):
                numbers = number_speakers([self.speakers.get(self.keys[index], "") for index in unit])
                parts.append(torch.tensor([[rows[index], number] for index, number in zip(unit, numbers, strict=True)]))
            batch["dialogues"] = pad_sequence(parts, batch_first=True, padding_value=-1)  # [D, L, 2]
        return batch

    @staticmethod
    def _pad(store: FeatureRows, keys: list[Key], width: int) -> tuple[Float[Tensor, "B T d"], Bool[Tensor, "B T"]]:
        found = {index: row.values for index, key in enumerate(keys) if (row := store[key]).values is not None}
        longest = max((len(values) for values in found.values()), default=1)
        sequence = torch.zeros(len(keys), longest, width)
        mask = torch.zeros(len(keys), longest, dtype=torch.bool)
        if found:
            values, real = pad_arrays(list(found.values()))
            rows = torch.tensor(list(found))
            sequence[rows], mask[rows] = values.float(), real
        return sequence, mask


def unpack_batch(
    batch: Inputs,
) -> tuple[dict[str, Float[Tensor, "B _ _"]], dict[str, Bool[Tensor, "B _"]], Dialogues | None]:
    """A batch of `FusionExamples` as sequences and masks by modality, and the dialogues where it holds them."""
    sequences = {name.removesuffix("/sequence"): value for name, value in batch.items() if name.endswith("/sequence")}
    return sequences, {name: batch[f"{name}/mask"] for name in sequences}, batch.get("dialogues")


def count_steps(row: FeatureRow) -> int:
    """Steps of the utterance's sequence; 0 where the modality is missing."""
    return 0 if row.values is None else len(row.values)


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
    batches: list[list[int]] = []
    room = 0
    for index in indices:
        count = counts[index] if counts else 1
        if count > room:
            batches.append([])
            room = size
        batches[-1].append(index)
        room -= count
    if rng is not None:
        rng.shuffle(batches)
    return batches
