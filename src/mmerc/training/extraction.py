"""Filling the two kinds of store: what the encoders read (prepared inputs), and what they leave (features).

Both go on where a killed run stopped, and share the work among the processes of a distributed run.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmerc.corpora import Corpus, Dialogue, Key
from mmerc.encoders import Encoder, Example
from mmerc.errors import MissingModality, kind_of
from mmerc.features import FeatureStore, FeatureWriter, Row
from mmerc.progress import bar
from mmerc.training import distributed
from mmerc.training.batches import SPEAKER, arranged

log = logging.getLogger("mmerc")
Report = Callable[[int], None]
BATCH = 32


def inputs_in(run: Path, name: str, encoder: Encoder, corpus: Corpus, splits: Sequence[str]) -> FeatureStore:
    """What the encoder reads of the splits: RUN/inputs/<name>, made where it is not there yet."""
    store = FeatureStore(run / "inputs" / name)
    keys = [turn.key for split in splits for turn in corpus.utterances(split)]
    if distributed.anyone(bool(store.absent(keys))):
        with bar(f"{name}: reading", len(keys) // distributed.world()) as report:
            prepare_inputs(encoder, corpus, splits, store, report)
        log_missing(name, store.missing(), len(store))
    return store


def prepare_inputs(
    encoder: Encoder, corpus: Corpus, splits: Sequence[str], store: FeatureStore, report: Report = lambda done: None
) -> None:
    """A row for every utterance of the splits: its prepared array, or why it has none."""
    places = [
        (dialogue, place) for split in splits for dialogue in corpus.dialogues(split) for place in range(len(dialogue))
    ]
    left = [(dialogue, place) for dialogue, place in places if dialogue.utterances[place].key not in store]
    distributed.barrier()  # all have counted what is left before one of them adds to it
    with FeatureWriter(store.folder) as writer:
        for done, (dialogue, place) in enumerate(left[distributed.get_rank() :: distributed.world()], start=1):
            writer.add(prepared(encoder, dialogue, place))
            report(done)
    distributed.barrier()
    store.refresh()


def prepared(encoder: Encoder, dialogue: Dialogue, place: int) -> Row:
    """One utterance's row. Whatever is wrong with its data, it is a reason and not the end of the run."""
    turn = dialogue.utterances[place]
    key = turn.key
    try:
        values, notes = encoder.prepare_noted(dialogue, place)
        return Row(key, values, None, notes | {SPEAKER: turn.speaker})
    except MissingModality as missing:
        return Row(key, None, str(missing))
    except (ValueError, RuntimeError, IndexError, ArithmeticError, OSError, EOFError) as error:
        log.warning("%s: its clip made the decoder fail: %s", turn.name, error)
        return Row(key, None, f"it cannot be read ({type(error).__name__}: {str(error)[:120]})")


def extract_features(
    encoder: Encoder,
    inputs: FeatureStore,
    store: FeatureStore,
    keys: Sequence[Key],
    report: Report = lambda done: None,
    *,
    device: torch.device | None = None,
) -> None:
    """A row for every key: the encoder's sequence [T, d] in float16, with its own logits as metadata.

    Batches are cut from the whole list, not from what is left to do, so that a resumed run gives the same numbers.
    """
    encoder.eval().to(device or torch.device("cpu"))
    there = [key for key in keys if inputs[key].values is not None]
    lengths = [len(values) for key in there if (values := inputs[key].values) is not None]
    batches = arranged(lengths, BATCH, None)
    with FeatureWriter(store.folder) as writer:
        for key in keys[distributed.get_rank() :: distributed.world()]:
            if key not in store and (reason := inputs[key].reason) is not None:
                writer.add(Row(key, None, reason))
        for done, batch in enumerate(batches[distributed.get_rank() :: distributed.world()], start=1):
            wanted = [there[place] for place in batch]
            if store.absent(wanted):
                for row in encoded(encoder, [inputs[key] for key in wanted]):
                    if row.key not in store:
                        writer.add(row)
            report(done * BATCH * distributed.world())
    encoder.cpu()
    distributed.barrier()
    store.refresh()


@torch.inference_mode()
def encoded(encoder: Encoder, rows: Sequence[Row]) -> list[Row]:
    """The features of prepared utterances, one or more, that have the modality; what was noted of them stays."""
    device = next(encoder.parameters()).device
    examples = [Example(row.key, row.values) for row in rows if row.values is not None]
    out = encoder({name: value.to(device) for name, value in encoder.collate(examples).items()})
    return [
        Row(row.key, stored(sequence[mask]), None, row.metadata | {"logits": logits.tolist()})
        for row, sequence, mask, logits in zip(rows, out.sequence, out.mask, out.logits.float(), strict=True)
    ]


def stored(sequence: Tensor) -> np.ndarray:
    """In float16, whose largest number stands for all that is larger."""
    most = torch.finfo(torch.float16).max
    return sequence.clamp(-most, most).half().cpu().numpy()


def log_missing(modality: str, missing: Mapping[Key, str], total: int) -> None:
    """One line that says how many of `total` utterances lack the modality, and the commonest reasons."""
    if not missing:
        return
    kinds = Counter(kind_of(reason) for reason in missing.values())
    reasons = "; ".join(f"{count}x {kind}" for kind, count in kinds.most_common(4))
    log.info("%s: missing in %d of %d utterances (%s)", modality, len(missing), total, reasons)
