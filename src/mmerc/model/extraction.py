"""The features of utterances: what an encoder prepares of each, and the sequence that it gives for a batch of them."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmerc.config import Protocol
from mmerc.corpora import Dialogue, Key
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.encoders import Encoder, Example
from mmerc.errors import MissingModality, remove_details
from mmerc.features import FeatureRow, average_steps, quantize
from mmerc.media.keeping import keep_open
from mmerc.model.collation import count_steps, make_batches
from mmerc.outputs import split_outputs
from mmerc.threads import compute_together

log = logging.getLogger("mmerc")
UTTERANCES_IN_MEMORY = 64  # prepared inputs of so many utterances are in memory together
BATCH = 32  # utterances in a pass


def prepare_row(encoder: Encoder, dialogue: Dialogue, index: int) -> FeatureRow:
    """The prepared input of the utterance at `index`, or the reason why it is missing (see `prepare_rows`)."""
    return prepare_rows(encoder, dialogue, index)[0]


def prepare_rows(encoder: Encoder, dialogue: Dialogue, index: int, *, copies: int = 0) -> list[FeatureRow]:
    """The prepared input of the utterance at `index`, and of its augmented copies, or the reason why they are missing.

    `copies`: 0 or the encoder's `augmented_copies`. Whatever is wrong with the data of an utterance is a reason and never ends
    a run.
    """
    utterance = dialogue.utterances[index]
    keys = [name_copy(utterance.key, copy) for copy in range(1 + copies)]
    try:
        if copies:
            prepared = encoder.prepare_with_copies(dialogue, index)
        else:
            prepared = [encoder.prepare_with_notes(dialogue, index)]
        return [FeatureRow(key, values, None, notes) for key, (values, notes) in zip(keys, prepared, strict=True)]
    except MissingModality as missing:
        reason = str(missing)
    except (ValueError, RuntimeError, IndexError, ArithmeticError, OSError, EOFError) as error:
        log.warning("%s: its input cannot be read: %s", utterance.name, error)
        reason = f"it cannot be read ({type(error).__name__}: {str(error)[:120]})"
    reason = replace_surrogates(reason)  # it may quote a file name that is not UTF-8
    return [FeatureRow(key, None, reason) for key in keys]


def name_copy(key: Key, copy: int) -> Key:
    """The key of an augmented copy. The copies of a dialogue are a dialogue of their own.

    >>> name_copy(("train", "1", "2"), 3), name_copy(("train", "1", "2"), 0)
    (('train+3', '1', '2'), ('train', '1', '2'))
    """
    return (f"{key[0]}+{copy}", *key[1:]) if copy else key


def is_copy(key: Key) -> bool:
    """Whether it is the key of an augmented copy."""
    return "+" in key[0]


@dataclass(frozen=True)
class ForwardPass:
    """A forward pass of an encoder: the indices of the utterances that it reads, and of those whose results are used."""

    read_indices: Sequence[int]
    used_indices: Sequence[int]


def plan_passes(encoder: Encoder, keys: Sequence[Key], lengths: Sequence[int]) -> list[ForwardPass]:
    """Plan the passes that encode utterances of these lengths. The keys of a dialogue must be adjacent and in order.

    An encoder that reads the dialogue gets one window of one dialogue in a pass, and so the same numbers in training
    and in prediction. Other encoders get batches of utterances of similar lengths.
    """
    if not encoder.reads_dialogue:
        return [ForwardPass(batch, batch) for batch in make_batches(lengths, BATCH, None)]
    passes = []
    for _, group in groupby(range(len(keys)), key=lambda index: keys[index][:2]):
        indices = list(group)
        for window in encoder.cut_windows([lengths[index] for index in indices]):
            passes.append(ForwardPass(indices[window.first : window.last], indices[window.start : window.stop]))
    return passes


def encode_pass(encoder: Encoder, rows: Sequence[FeatureRow], forward_pass: ForwardPass) -> list[FeatureRow]:
    """The features of the utterances whose results the pass uses, from the prepared inputs of all that it reads."""
    encoded = dict(zip(forward_pass.read_indices, encode_rows(encoder, rows), strict=True))
    return [encoded[index] for index in forward_pass.used_indices]


def encode_latest(encoder: Encoder, conversations: Mapping[Key, Sequence[FeatureRow]]) -> list[FeatureRow]:
    """The features of the last utterance of several conversations, for an encoder that reads the dialogue.

    Each conversation has the prepared inputs of its utterances, oldest first. They are computed in one pass, with the online
    protocol if the encoder was trained for it.
    """
    rows: list[FeatureRow] = []
    latest: list[int] = []  # indices in `rows`
    for number, conversation in enumerate(conversations.values()):
        rows += [replace(row, key=("live", str(number), "")) for row in keep_window(encoder, conversation)]
        latest.append(len(rows) - 1)
    protocol: Protocol = "online" if "online" in encoder.protocols else encoder.protocol
    encoded = encode_rows(encoder, rows, protocol=protocol)
    return [replace(encoded[index], key=key) for index, key in zip(latest, conversations, strict=True)]


def keep_window(encoder: Encoder, rows: Sequence[FeatureRow]) -> Sequence[FeatureRow]:
    """The rows of a conversation from the start of its last window on. Later utterances never read earlier rows."""
    return rows[encoder.cut_windows(list(map(count_steps, rows)))[-1].first :] if rows else rows


@torch.inference_mode()
def encode_rows(encoder: Encoder, rows: Sequence[FeatureRow], **options: Any) -> list[FeatureRow]:
    """The features of prepared utterances that have the modality, computed in one pass: the sequence [T, d] as stage 2 reads it
    (see `make_feature_row`), with the encoder's own logits and dimensions added to the metadata. `options` are those of the
    encoder's `collate`."""
    if not rows:
        return []
    device = next(encoder.parameters()).device
    examples = [Example(row.key, row.values, notes=row.metadata) for row in rows if row.values is not None]
    out = encoder({name: value.to(device) for name, value in encoder.collate(examples, **options).items()})
    logits, dimensions = (part.tolist() for part in split_outputs(out.logits.float(), encoder.num_dimensions))
    own = [{"logits": row} for row in logits]
    if encoder.num_dimensions:
        own = [{"logits": row, "dimensions": values} for row, values in zip(logits, dimensions, strict=True)]
    return [
        make_feature_row(encoder, row.key, sequence[mask], row.metadata | outputs)
        for row, sequence, mask, outputs in zip(rows, out.sequence, out.mask, own, strict=True)
    ]


def extract_dialogues(
    encoder: Encoder, dialogues: Sequence[Dialogue], on_progress: Callable[[], None] = lambda: None
) -> dict[Key, FeatureRow]:
    """One modality's features of every utterance, or the reason why it has none.

    No pass reads utterances of two dialogues: in bfloat16 a result depends slightly on the batch it is computed in, and the
    predictions of a dialogue must not depend on another dialogue. (In float32 a logit may differ by 1e-7, because a dialogue that is
    computed next to others has fewer threads.)
    """
    rows: dict[Key, FeatureRow] = {}
    waiting: list[Sequence[FeatureRow]] = []  # prepared dialogues
    for dialogue in dialogues:
        # Crops and samples of a long recording do not fit into memory together. Tokens do.
        size = max(1, len(dialogue)) if encoder.reads_dialogue else UTTERANCES_IN_MEMORY
        for first in range(0, len(dialogue), size):
            prepared = []
            with keep_open():
                for index in range(len(dialogue))[first : first + size]:
                    prepared.append(prepare_row(encoder, dialogue, index))
                    on_progress()
            waiting.append(prepared)
            if not encoder.reads_dialogue or sum(map(len, waiting)) >= UTTERANCES_IN_MEMORY:
                rows |= _encode_together(encoder, waiting)
                waiting = []
    return rows | _encode_together(encoder, waiting)


def _encode_together(encoder: Encoder, dialogues: Sequence[Sequence[FeatureRow]]) -> dict[Key, FeatureRow]:
    """The features of prepared dialogues, which are computed at the same time."""
    longest_first = sorted(dialogues, key=len, reverse=True)  # then the threads end at about the same time
    functions = [partial(encode_prepared, encoder, dialogue) for dialogue in longest_first]
    # onnxruntime computes a graph with its own threads.
    parts = compute_together(*functions, threads=1 if encoder.has_graph else None)
    return {key: row for part in parts for key, row in part.items()}


def encode_prepared(encoder: Encoder, prepared: Sequence[FeatureRow]) -> dict[Key, FeatureRow]:
    """The features of utterances from their prepared inputs, by key; a row whose modality is missing stays as it is."""
    rows = {row.key: row for row in prepared}
    present = [row for row in prepared if row.values is not None]
    for forward_pass in plan_passes(encoder, [row.key for row in present], list(map(count_steps, present))):
        encoded = encode_pass(encoder, [present[index] for index in forward_pass.read_indices], forward_pass)
        rows |= {row.key: row for row in encoded}
    return rows


def make_feature_row(encoder: Encoder, key: Key, sequence: Tensor, metadata: dict[str, Any]) -> FeatureRow:
    """A row with an utterance's sequence [T, d] as the encoder's settings want it: with fewer steps, in float16 or rounded to int8.

    Predictions read the same numbers as training, whether the row comes from a store or not.
    """
    values = average_steps(to_float16(sequence), encoder.config.max_feature_steps, encoder.num_leading_steps)
    row = FeatureRow(key, values, None, metadata)
    return quantize(row) if encoder.config.feature_dtype == "int8" else row


def to_float16(sequence: Tensor) -> np.ndarray:
    """The sequence in float16; larger numbers are clamped to the largest of float16."""
    most = torch.finfo(torch.float16).max
    return sequence.clamp(-most, most).half().cpu().numpy()


def log_missing(modality: str, missing: Iterable[str], total: int) -> None:
    """Log how many of `total` utterances lack the modality, and the most frequent reasons.

    `missing`: the reason of each utterance that lacks it.
    """
    kinds = Counter(remove_details(reason) for reason in missing)
    if kinds:
        reasons = "; ".join(f"{count}x {kind}" for kind, count in kinds.most_common(4))
        log.info("%s: missing in %d of %d utterances (%s)", modality, kinds.total(), total, reasons)
