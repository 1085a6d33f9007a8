"""The batches of an epoch: the same order for the same seed and epoch, shared among the processes of a run."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from mmerc.corpora import Corpus, Key
from mmerc.encoders import Encoder, Example
from mmerc.features.store import FeatureStore
from mmerc.model.collation import FeatureRows, Inputs, count_steps, make_batches
from mmerc.model.extraction import name_copy
from mmerc.training.balance import draw_rounds
from mmerc.training.splits import get_labels_with_modality, list_corpora, list_dialogue_keys

CONTEXT = -1  # the label of an utterance that is read with its dialogue and is not scored


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
        steps = [count_steps(self.store[key]) for key in self.keys]
        self.units = self._cut_units(steps) if self.encoder.reads_dialogue else [[index] for index in range(len(steps))]
        self._windows = {index: window for window, unit in enumerate(self.units) for index in unit}
        self.lengths = [sum(steps[index] for index in unit) for unit in self.units]
        self.counts = [1] * len(self.units)
        if self.encoder.reads_dialogue:  # so that a batch has a bounded number of steps
            self.counts = [
                max(len(unit), length // self.encoder.steps_per_utterance)
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
    labels = get_labels_with_modality(inputs, corpus, split)
    keys = list(labels)
    if encoder.reads_dialogue:
        keys = [key for key in list_dialogue_keys(labels, corpus, split) if inputs[key].values is not None]
    targets = [labels.get(key, CONTEXT) for key in keys]
    corpora = list_corpora(corpus, split, keys)
    copies = range(1 + (encoder.augmented_copies if split == "train" else 0))
    names = [name_copy(key, copy) for copy in copies for key in keys]
    return EncoderExamples(encoder, inputs, names, targets * len(copies), list(corpora) * len(copies))


class Batches(Dataset[dict[str, Tensor]]):
    """The batches of one epoch as this process sees them, a pure function of seed and epoch.

    Without an epoch (`None`) they are for evaluation, have every unit once, and are sorted by length. In an epoch of the training,
    several corpora have the same weight (`draw_rounds`). Each process takes every `world`-th unit of a batch. `share` is the weight of this process's mean loss. With it the mean over the processes is the mean over the batch,
    also when the units cannot be divided evenly.
    """

    def __init__(
        self, examples: Examples, size: int, *, seed: int, epoch: int | None, rank: int = 0, world: int = 1
    ) -> None:
        self.examples, self.size, self.seed = examples, size, seed
        self.rank, self.world = rank, world
        self.epoch = epoch
        self.batches = self._make_batches()  # units of each batch, before the processes share them

    def _make_batches(self) -> list[list[int]]:
        lengths, counts = self.examples.lengths, self.examples.counts
        if self.epoch is None:
            return make_batches(lengths, self.size, None, counts)
        rng = random.Random(f"{self.seed}/{self.epoch}")
        corpora = [self.examples.corpora[unit[0]] for unit in self.examples.units]
        rounds = draw_rounds(corpora, [self._count_scored(unit) for unit in self.examples.units], rng)
        batches: list[list[int]] = []
        for units in rounds:
            made = make_batches([lengths[unit] for unit in units], self.size, rng, [counts[unit] for unit in units])
            batches += [[units[index] for index in batch] for batch in made]
        if len(rounds) > 1:
            rng.shuffle(batches)
        return batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        batch = self.batches[number]
        units = self.examples.units
        own_indices = [index for unit in batch[self.rank :: self.world] for index in units[unit]]
        share = (
            self.world
            * self._count_scored(own_indices)
            / self._count_scored([i for unit in batch for i in units[unit]])
        )
        own_indices = own_indices or list(
            units[batch[0]]
        )  # nothing is left for this process: it computes with weight 0
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
