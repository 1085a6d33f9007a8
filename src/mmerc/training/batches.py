"""From stored rows to batches: neighbours in length together, the same order for the same seed and epoch."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from mmerc.corpora import Key
from mmerc.encoders import Encoder, Example
from mmerc.encoders.base import pad_arrays
from mmerc.features import Row
from mmerc.fusion.layers.dialogue_context import Dialogues, numbered

Inputs = dict[str, Tensor]
SPEAKER = "speaker"  # in a row's metadata
CONTEXT = -1  # the label of an utterance that is read with its dialogue and not asked about
POOL = 16  # batches whose members are sorted by length among themselves


@runtime_checkable
class Rows(Protocol):
    """Rows by key: a store on disk, or a dictionary in memory."""

    def __getitem__(self, key: Key, /) -> Row: ...


@runtime_checkable
class Examples(Protocol):
    """What a stage is trained on: keys with labels and lengths, and how some of them become one input."""

    @property
    def keys(self) -> Sequence[Key]: ...

    @property
    def labels(self) -> Sequence[int]: ...

    @property
    def units(self) -> Sequence[Sequence[int]]: ...  # places that come into one batch together, in order

    @property
    def lengths(self) -> Sequence[int]: ...  # of each unit

    def collate(self, places: Sequence[int], rng: random.Random | None) -> Inputs: ...


@dataclass
class EncoderExamples:
    """One modality's prepared rows, for stage 1."""

    encoder: Encoder
    store: Rows
    keys: Sequence[Key]
    labels: Sequence[int]

    def __post_init__(self) -> None:
        self.lengths = [_length(self.store, key) for key in self.keys]
        self.units = [[place] for place in range(len(self.keys))]

    def collate(self, places: Sequence[int], rng: random.Random | None) -> Inputs:
        rows = [self.store[self.keys[place]] for place in places]
        return self.encoder.collate([Example(row.key, row.values) for row in rows if row.values is not None], rng)


@dataclass
class FusionExamples:
    """Every modality's features, for stage 2; a missing one is a sequence without a real step.

    `whole`: the utterances of a dialogue come together, in the order of `keys`, and a batch says which they are.
    """

    stores: Mapping[str, Rows]
    widths: Mapping[str, int]
    keys: Sequence[Key]
    labels: Sequence[int]
    whole: bool = False

    def __post_init__(self) -> None:
        lengths = [sum(_length(store, key) for store in self.stores.values()) for key in self.keys]
        self.units = (
            self._dialogues(range(len(self.keys))) if self.whole else [[place] for place in range(len(lengths))]
        )
        self.lengths = [max(lengths[place] for place in unit) for unit in self.units]

    def _dialogues(self, places: Sequence[int]) -> list[list[int]]:
        """The same places, those of a dialogue together."""
        found: dict[tuple[str, str], list[int]] = {}
        for place in places:
            found.setdefault(self.keys[place][:2], []).append(place)
        return list(found.values())

    def collate(self, places: Sequence[int], rng: random.Random | None) -> Inputs:
        batch: Inputs = {}
        for name, store in self.stores.items():
            sequence, mask = self._stacked(store, [self.keys[place] for place in places], self.widths[name])
            batch[f"{name}/sequence"], batch[f"{name}/mask"] = sequence, mask
        if self.whole:
            rows = {place: row for row, place in enumerate(places)}
            parts = [
                torch.tensor([[rows[place], number] for place, number in zip(unit, self._speakers(unit), strict=True)])
                for unit in self._dialogues(places)
            ]
            batch["dialogues"] = pad_sequence(parts, batch_first=True, padding_value=-1)  # [D, L, 2]
        return batch

    def _speakers(self, unit: Sequence[int]) -> list[int]:
        return numbered([speaker_of(self.keys[place], self.stores) for place in unit])

    @staticmethod
    def _stacked(store: Rows, keys: list[Key], width: int) -> tuple[Float[Tensor, "B T d"], Bool[Tensor, "B T"]]:
        found = {place: row.values for place, key in enumerate(keys) if (row := store[key]).values is not None}
        longest = max((len(values) for values in found.values()), default=1)
        sequence = torch.zeros(len(keys), longest, width)
        mask = torch.zeros(len(keys), longest, dtype=torch.bool)
        if found:
            values, real = pad_arrays(list(found.values()))
            rows = torch.tensor(list(found))
            sequence[rows], mask[rows] = values.float(), real
        return sequence, mask


def unpacked(
    batch: Inputs,
) -> tuple[dict[str, Float[Tensor, "B _ _"]], dict[str, Bool[Tensor, "B _"]], Dialogues | None]:
    """A fusion batch as sequences, masks and, where it holds whole ones, dialogues."""
    sequences = {name.removesuffix("/sequence"): value for name, value in batch.items() if name.endswith("/sequence")}
    return sequences, {name: batch[f"{name}/mask"] for name in sequences}, batch.get("dialogues")


def speaker_of(key: Key, stores: Mapping[str, Rows]) -> str:
    """Who says the utterance, as its features' metadata have it; empty where they do not."""
    metadata = (store[key].metadata for store in stores.values())
    return next((str(each[SPEAKER]) for each in metadata if SPEAKER in each), "")


def _length(store: Rows, key: Key) -> int:
    values = store[key].values
    return 0 if values is None else len(values)


def arranged(
    lengths: Sequence[int], size: int, rng: random.Random | None, counts: Sequence[int] | None = None
) -> list[list[int]]:
    """Places in batches of `size`: shuffled by `rng`, neighbours in length together; without it, sorted.

    `counts`: how many each place counts for; a batch is smaller where the next one would not fit into it.

    >>> arranged([5, 1, 4, 2], 2, None)
    [[1, 3], [2, 0]]
    >>> arranged([5, 1, 4, 2], 2, None, counts=[1, 3, 1, 1])
    [[1], [3, 2], [0]]
    """
    places = list(range(len(lengths)))
    if rng is None:
        places.sort(key=lambda place: lengths[place])
    else:
        rng.shuffle(places)
        pools = [places[start : start + size * POOL] for start in range(0, len(places), size * POOL)]
        places = [place for pool in pools for place in sorted(pool, key=lambda place: lengths[place])]
    batches: list[list[int]] = []
    room = 0
    for place in places:
        count = counts[place] if counts else 1
        if count > room:
            batches.append([])
            room = size
        batches[-1].append(place)
        room -= count
    if rng is not None:
        rng.shuffle(batches)
    return batches


class Batches(Dataset[dict[str, Tensor]]):
    """The batches of one epoch as this process sees them: a pure function of seed and epoch; None is no epoch but an
    evaluation, arranged by length alone.

    Each process takes every `world`-th unit of a batch. `share` weighs its mean loss so that the mean over the
    processes is the mean over the whole batch, also where the members do not divide evenly.
    """

    def __init__(
        self, examples: Examples, size: int, *, seed: int, epoch: int | None, rank: int = 0, world: int = 1
    ) -> None:
        self.examples, self.size, self.seed = examples, size, seed
        self.rank, self.world = rank, world
        self.epoch = epoch
        rng = None if epoch is None else random.Random(f"{self.seed}/{epoch}")
        self.whole = arranged(self.examples.lengths, self.size, rng, [len(unit) for unit in self.examples.units])

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        whole = self.whole[number]
        units = self.examples.units
        mine = [place for unit in whole[self.rank :: self.world] for place in units[unit]]
        share = self.world * self._asked(mine) / self._asked([place for unit in whole for place in units[unit]])
        mine = mine or list(units[whole[0]])  # nothing left for this process: it computes along, with no weight
        rng = random.Random(f"{self.seed}/{self.epoch}/{number}/{self.rank}")
        return {
            **{f"inputs/{name}": value for name, value in self.examples.collate(mine, rng).items()},
            "labels": torch.tensor([self.examples.labels[place] for place in mine]),
            "places": torch.tensor(mine),
            "share": torch.tensor(share),
        }

    def _asked(self, places: Sequence[int]) -> int:
        return sum(self.examples.labels[place] != CONTEXT for place in places)


def inputs_of(batch: dict[str, Tensor]) -> Inputs:
    return {name.removeprefix("inputs/"): value for name, value in batch.items() if name.startswith("inputs/")}
