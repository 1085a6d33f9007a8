"""Filling the two stores of a run: the inputs that the encoders read, and the features that they give.

Both continue where a killed run stopped, and share the work among the processes of a distributed run.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from mmerc.corpora import Corpus, Dialogue, Key
from mmerc.encoders import Encoder
from mmerc.features import FeatureRow
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter, sort_store
from mmerc.hardware import get_rank, is_main_process
from mmerc.model.extraction import encode_pass, log_missing, name_copy, plan_passes, prepare_rows
from mmerc.processes.mapping import map_in_processes
from mmerc.progress import show_progress
from mmerc.training import distributed

Report = Callable[[int], None]
MIN_INPUTS = 200  # of recordings that several processes prepare: a process takes seconds to begin
MAX_PROCESSES = 16  # bounds the memory: each has the networks of an encoder


def open_inputs(folder: Path, name: str, encoder: Encoder, corpus: Corpus, splits: Sequence[str]) -> FeatureStore:
    """The prepared inputs of the splits in FOLDER/NAME; they are prepared where they are not there yet."""
    store = FeatureStore(folder / name)
    inputs = list_inputs(encoder, corpus, splits)
    keys = [key for each in inputs for key in each.keys]
    if distributed.reduce_any(bool(store.list_absent(keys))):
        with show_progress(f"{name}: reading", len(keys) // distributed.get_world_size()) as report:
            prepare_inputs(encoder, inputs, store, report)
        log_missing(name, store.list_missing().values(), len(store))
    return store


@dataclass(frozen=True)
class Input:
    """An utterance to prepare, and the number of its augmented copies. Only training utterances have copies."""

    dialogue: Dialogue
    index: int
    copies: int

    @property
    def keys(self) -> list[Key]:
        return [name_copy(self.dialogue.utterances[self.index].key, copy) for copy in range(1 + self.copies)]


def list_inputs(encoder: Encoder, corpus: Corpus, splits: Sequence[str]) -> list[Input]:
    """The utterances of the splits, as the encoder reads them."""
    return [
        Input(dialogue, index, encoder.augmented_copies if split == "train" else 0)
        for split in splits
        for dialogue in corpus.dialogues(split)
        for index in range(len(dialogue))
    ]


def prepare_inputs(
    encoder: Encoder, inputs: Sequence[Input], store: FeatureStore, report: Report = lambda done: None
) -> None:
    """Add a row for every input that the store lacks: the prepared input, or the reason why it is missing.

    As many processes as torch has threads prepare what is read from recordings: one after the other, most operations are too small for
    several threads.
    """
    remaining = [each for each in inputs if store.list_absent(each.keys)]
    distributed.barrier()  # every process has counted what remains before one of them adds to it
    # All inputs count, not those that remain: a resumed run computes the rest in the same way.
    workers = min(torch.get_num_threads(), MAX_PROCESSES) if len(inputs) >= MIN_INPUTS else 1
    if (
        not encoder.reads_recordings or type(encoder).__module__ == "__main__"
    ):  # a class of a notebook exists in no other process
        workers = 1
    prepared = _prepare(encoder, remaining[get_rank() :: distributed.get_world_size()], workers)
    with FeatureWriter(store.folder) as writer, closing(prepared):
        for done, rows in enumerate(prepared, start=1):
            for row in rows:
                if row.key not in store:
                    writer.add(row)
            report(done)
    distributed.barrier()
    store.refresh()


def _prepare(encoder: Encoder, inputs: Sequence[Input], workers: int) -> Generator[list[FeatureRow]]:
    """The rows of each input, prepared by so many processes; by this one if `workers` is 1."""
    numbers = range(len(inputs))
    prepare = partial(_prepare_input, encoder, inputs)  # the inputs go to each process once: a dialogue may be long
    if workers > 1:
        fail, threads = partial(_fail_input, inputs), torch.get_num_threads() // workers
        yield from map_in_processes(prepare, numbers, workers=workers, fail=fail, threads=threads)
    else:
        yield from map(prepare, numbers)


def _prepare_input(encoder: Encoder, inputs: Sequence[Input], number: int) -> list[FeatureRow]:
    each = inputs[number]
    return prepare_rows(encoder, each.dialogue, each.index, copies=each.copies)


def _fail_input(inputs: Sequence[Input], number: int, reason: str) -> list[FeatureRow]:
    return [FeatureRow(key, None, reason) for key in inputs[number].keys]


def extract_features(
    encoder: Encoder,
    inputs: FeatureStore,
    store: FeatureStore,
    keys: Sequence[Key],
    report: Report = lambda done: None,
    *,
    device: torch.device | None = None,
) -> None:
    """Add a row for every key: the encoder's sequence [T, d], with its own logits as metadata. Then sort the store by `keys`.

    Passes are planned from all keys, not from those that remain, so that a resumed run gives the same numbers.
    """
    encoder.eval().to(device or torch.device("cpu"))
    steps = dict(zip(keys, inputs.count_steps(keys).tolist(), strict=True))
    present = [key for key, count in steps.items() if count]
    passes = plan_passes(encoder, present, [steps[key] for key in present])
    missing = [key for key, count in steps.items() if not count]
    with FeatureWriter(store.folder) as writer:
        for key in store.list_absent(missing[get_rank() :: distributed.get_world_size()]):
            writer.add(FeatureRow(key, None, inputs[key].reason or "it is empty"))
        done = 0
        for forward_pass in passes[get_rank() :: distributed.get_world_size()]:
            if store.list_absent([present[index] for index in forward_pass.used_indices]):
                for row in encode_pass(
                    encoder, [inputs[present[index]] for index in forward_pass.read_indices], forward_pass
                ):
                    if row.key not in store:
                        writer.add(row)
            done += len(forward_pass.used_indices) * distributed.get_world_size()
            report(done)
    encoder.cpu()
    distributed.barrier()
    if is_main_process():
        store.refresh()
        sort_store(store, keys)
    distributed.barrier()
    store.refresh()
