"""The batches of an epoch: the same order for the same seed and epoch, shared among the processes of a run."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from mmerc.corpora import Corpus, Key
from mmerc.encoders import Encoder, Example
from mmerc.features.store import FeatureStore
from mmerc.model.collation import FeatureRows, Inputs, count_all_steps, make_batches
from mmerc.model.extraction import name_copy
from mmerc.training.balance import cut_windows, draw_rounds
from mmerc.training.splits import CONTEXT, choose_utterances


@runtime_checkable
class Examples(Protocol):
    """What a stage is trained on: keys with labels and lengths, and how some of them become one input."""

    @property
    def keys(self) -> Sequence[Key]: ...

    @property
    def labels(self) -> Sequence[int]: ...

    @property
    def corpora(self) -> Sequence[int]: ...  # of each key: the number of its corpus among those that are joined

    @property
    def units(self) -> Sequence[Sequence[int]]: ...  # indices that come into one batch together, in order

    @property
    def lengths(self) -> Sequence[int]: ...  # of each unit, in steps

    @property
    def counts(self) -> Sequence[int]: ...  # what each unit counts towards the size of a batch

    def collate(self, indices: Sequence[int], rng: random.Random | None) -> Inputs: ...


@dataclass
class EncoderExamples:
    """The prepared inputs of one modality, for stage 1."""

    encoder: Encoder
    store: FeatureRows
    keys: Sequence[Key]
    labels: Sequence[int]
    corpora: Sequence[int] = ()  # default: one corpus

    def __post_init__(self) -> None:
        self.corpora = self.corpora or [0] * len(self.keys)
        steps = count_all_steps(self.store, self.keys).tolist()
        self.units = self._cut_units(steps) if self.encoder.reads_dialogue else [[index] for index in range(len(steps))]
        self._windows = {index: window for window, unit in enumerate(self.units) for index in unit}
        self.lengths = [sum(steps[index] for index in unit) for unit in self.units]
        self.counts = [1] * len(self.units)
        if self.encoder.reads_dialogue:  # so that a batch has a bounded number of steps
            self.counts = [
                max(len(unit), math.ceil(length / self.encoder.steps_per_utterance))
                for unit, length in zip(self.units, self.lengths, strict=True)
            ]

    def _cut_units(self, steps: Sequence[int]) -> list[list[int]]:
        """The indices of each dialogue, or of each part of it that is read together, where one of them has a label."""
        units = []
        for _, group in groupby(range(len(self.keys)), key=lambda index: self.keys[index][:2]):
            dialogue = list(group)
            windows = self.encoder.cut_windows([steps[index] for index in dialogue], overlap=0)
            units += [dialogue[window.start : window.stop] for window in windows]
        return [unit for unit in units if any(self.labels[index] != CONTEXT for index in unit)]

    def collate(self, indices: Sequence[int], rng: random.Random | None) -> Inputs:
        rows = [self.store[self.keys[index]] for index in indices]
        examples = [
            Example(row.key, row.values, self._windows[index], row.metadata)
            for index, row in zip(indices, rows, strict=True)
            if row.values is not None
        ]
        return self.encoder.collate(examples, rng)


def make_encoder_examples(encoder: Encoder, inputs: FeatureStore, corpus: Corpus, split: str) -> EncoderExamples:
    """The labelled utterances of a split that have the modality; in training also their augmented copies."""
    choice = choose_utterances(corpus, split, [inputs], by_dialogue=encoder.reads_dialogue)
    copies = range(1 + (encoder.augmented_copies if split == "train" else 0))
    names = [name_copy(key, copy) for copy in copies for key in choice.keys]
    return EncoderExamples(encoder, inputs, names, choice.labels * len(copies), choice.corpora * len(copies))


class Batches(Dataset[dict[str, Tensor]]):
    """The batches of one epoch as this process sees them, a pure function of seed and epoch.

    Without an epoch (`None`) they are for evaluation, have every unit once, and are sorted by length. In an epoch of the training,
    several corpora have the same weight (`draw_rounds`). A corpus that is larger than a window is read window by window (`cut_windows`).

    Each process takes every `world`-th unit of a batch, so that the batches are the same for any number of processes. Of a corpus that is
    larger than a window, each process reads its own part instead, and a batch has as many units from each. `share` is the weight of this
    process's mean loss. With it the mean over the processes is the mean over the batch, also when the units cannot be divided evenly.
    """

    def __init__(
        self, examples: Examples, size: int, *, seed: int, epoch: int | None, rank: int = 0, world: int = 1
    ) -> None:
        self.examples, self.size, self.seed = examples, size, seed
        self.rank, self.world = rank, world
        self.epoch = epoch
        self.parts = self._make_parts()  # of each batch: the units of each process

    @property
    def batches(self) -> list[list[int]]:
        """The units of each batch."""
        return [[unit for part in parts for unit in part] for parts in self.parts]

    def _make_parts(self) -> list[list[list[int]]]:
        counts = self.examples.counts
        rng, rounds = None, [list(range(len(counts)))]
        if self.epoch is not None:
            rng = random.Random(f"{self.seed}/{self.epoch}")
            corpora = [self.examples.corpora[unit[0]] for unit in self.examples.units]
            rounds = draw_rounds(corpora, [self._count_scored(unit) for unit in self.examples.units], rng)
        lanes = self.world if self.size >= self.world else 1
        windows = [window for units in rounds for window in cut_windows(units, counts, rng, lanes)]
        parts: list[list[list[int]]] = []
        for window in windows:
            if len(window) == 1:
                batches = self._cut_batches(window[0], self.size, rng)
                parts += [[batch[rank :: self.world] for rank in range(self.world)] for batch in batches]
            else:
                # The same numbers for each process: then its batch is as short or long as those of the others.
                state = None if rng is None else rng.getrandbits(64)
                columns = [
                    self._cut_batches(lane, self.size // lanes, None if state is None else random.Random(state))
                    for lane in window
                ]
                parts += [list(each) for each in zip_longest(*columns, fillvalue=[])]
        if len(windows) == len(rounds) > 1 and rng is not None:
            rng.shuffle(parts)
        return parts

    def _cut_batches(self, units: Sequence[int], size: int, rng: random.Random | None) -> list[list[int]]:
        lengths, counts = self.examples.lengths, self.examples.counts
        batches = make_batches([lengths[unit] for unit in units], size, rng, [counts[unit] for unit in units])
        return [[units[index] for index in batch] for batch in batches]

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        parts, units = self.parts[number], self.examples.units
        indices = [[index for unit in part for index in units[unit]] for part in parts]
        own_indices = indices[self.rank]
        scored = [self._count_scored(part) for part in indices]
        share = self.world * scored[self.rank] / sum(scored)
        if not own_indices:  # nothing is left for this process: it computes with weight 0
            own_indices = list(units[next(unit for part in parts for unit in part)])
        rng = random.Random(f"{self.seed}/{self.epoch}/{number}/{self.rank}")
        return {
            **{f"inputs/{name}": value for name, value in self.examples.collate(own_indices, rng).items()},
            "labels": torch.tensor([self.examples.labels[index] for index in own_indices]),
            "corpora": torch.tensor([self.examples.corpora[index] for index in own_indices]),
            "indices": torch.tensor(own_indices),
            "share": torch.tensor(share),
        }

    def _count_scored(self, indices: Sequence[int]) -> int:
        return sum(self.examples.labels[index] != CONTEXT for index in indices)


def get_inputs(batch: dict[str, Tensor]) -> Inputs:
    """The part of a batch that the network reads."""
    return {name.removeprefix("inputs/"): value for name, value in batch.items() if name.startswith("inputs/")}
