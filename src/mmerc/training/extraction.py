"""Filling the two stores of a run: the inputs that the encoders read, and the features that they give.

Both continue where a killed run stopped, and share the work among the processes of a distributed run.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from mmerc.corpora import Corpus, Dialogue, Key
from mmerc.encoders import Encoder
from mmerc.errors import MmercError, RunError, get_first_line
from mmerc.features import FeatureRow
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter, sort_store
from mmerc.hardware import get_rank, is_main_process
from mmerc.model.extraction import encode_pass, log_missing, name_copy, plan_passes, prepare_rows
from mmerc.progress import show_progress
from mmerc.threads import set_num_threads
from mmerc.training import distributed

Report = Callable[[int], None]
Rows = list[FeatureRow] | MmercError  # of an input and its copies
MIN_INPUTS = 64  # of recordings that several processes prepare
INPUTS_AT_ONCE = 8  # that a process gets: one picture is prepared in less time than it is sent


def open_inputs(folder: Path, name: str, encoder: Encoder, corpus: Corpus, splits: Sequence[str]) -> FeatureStore:
    """The prepared inputs of the splits in FOLDER/NAME; they are prepared where they are not there yet."""
    store = FeatureStore(folder / name)
    inputs = list_inputs(encoder, corpus, splits)
    keys = [key for each in inputs for key in each.keys]
    if distributed.reduce_any(bool(store.list_absent(keys))):
        with show_progress(f"{name}: reading", len(inputs) // distributed.get_world_size()) as report:
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

    Raises:
        RunError: a process that reads recordings has died.
    """
    remaining = [each for each in inputs if store.list_absent(each.keys)]
    distributed.barrier()  # every process has counted what remains before one of them adds to it
    # All inputs count, not those that remain: a resumed run computes the rest in the same way.
    workers = count_workers(encoder, len(inputs))
    prepared = _prepare(encoder, remaining[get_rank() :: distributed.get_world_size()], workers)
    with FeatureWriter(store.folder) as writer:
        for done, rows in enumerate(prepared, start=1):
            for row in rows:
                if row.key not in store:
                    writer.add(row)
            report(done)
    distributed.barrier()
    store.refresh()


def count_workers(encoder: Encoder, num_inputs: int) -> int:
    """How many processes prepare so many inputs: one for each thread of torch; 0 is this one alone.

    With several threads, one process is slower: most operations on a short recording are too small to be shared.
    """
    # Forked processes have the encoder and the inputs without a copy. On other systems than Linux a fork is not safe.
    if sys.platform != "linux" or not encoder.reads_recordings or num_inputs < MIN_INPUTS:
        return 0
    threads = torch.get_num_threads() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return threads if threads > 1 else 0


def _prepare(encoder: Encoder, inputs: Sequence[Input], workers: int) -> Iterator[list[FeatureRow]]:
    """The rows of each input, prepared by so many processes; by this one if `workers` is 0."""
    loader: DataLoader[Rows] = DataLoader(
        _PreparedRows(encoder, inputs),
        batch_size=INPUTS_AT_ONCE,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        collate_fn=_keep,
        worker_init_fn=_begin_worker,
        generator=torch.Generator(),  # the loader draws a seed; torch's generator would give the training other numbers after it
    )
    try:
        for rows in chain.from_iterable(loader):
            if isinstance(rows, MmercError):
                raise rows
            yield rows
    except RuntimeError as error:
        raise RunError(
            f"a process that reads recordings has died ({get_first_line(error)}): if the memory is scarce, set trainer.num_threads=1."
        ) from error


class _PreparedRows(Dataset[Rows]):
    def __init__(self, encoder: Encoder, inputs: Sequence[Input]) -> None:
        self.encoder, self.inputs = encoder, inputs

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, number: int) -> Rows:
        each = self.inputs[number]
        try:
            return prepare_rows(self.encoder, each.dialogue, each.index, copies=each.copies)
        except MmercError as error:  # raised in the process that forked, as the one sentence that it is
            return error


def _keep(batch: list[Rows]) -> list[Rows]:
    return batch


def _begin_worker(_: int) -> None:
    set_num_threads(1)
    # If the terminal was in use during the fork, its lock is never released here. The rows have the reasons.
    log = logging.getLogger("mmerc")
    log.handlers, log.propagate = [logging.NullHandler()], False


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
