"""The features of utterances: what an encoder prepares of each, and the sequence that it gives for a batch of them."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from mmerc.corpora import Dialogue, Key
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.encoders import Encoder, Example
from mmerc.errors import MissingModality, remove_details
from mmerc.features import FeatureRow

log = logging.getLogger("mmerc")


def prepare_row(encoder: Encoder, dialogue: Dialogue, index: int) -> FeatureRow:
    """The prepared input of the utterance at `index`, or the reason why it is missing.

    Whatever is wrong with the data of an utterance is a reason and never ends a run.
    """
    utterance = dialogue.utterances[index]
    key = utterance.key
    try:
        values, notes = encoder.prepare_with_notes(dialogue, index)
        return FeatureRow(key, values, None, notes)
    except MissingModality as missing:
        return FeatureRow(key, None, replace_surrogates(str(missing)))  # it may quote a file name that is not UTF-8
    except (ValueError, RuntimeError, IndexError, ArithmeticError, OSError, EOFError) as error:
        log.warning("%s: its clip made the decoder fail: %s", utterance.name, error)
        reason = f"it cannot be read ({type(error).__name__}: {str(error)[:120]})"
        return FeatureRow(key, None, replace_surrogates(reason))


@torch.inference_mode()
def encode_rows(encoder: Encoder, rows: Sequence[FeatureRow]) -> list[FeatureRow]:
    """The features of prepared utterances that have the modality: the sequence [T, d] in float16, with the encoder's own
    logits added to the metadata. `rows` must not be empty."""
    device = next(encoder.parameters()).device
    examples = [Example(row.key, row.values) for row in rows if row.values is not None]
    out = encoder({name: value.to(device) for name, value in encoder.collate(examples).items()})
    return [
        FeatureRow(row.key, to_float16(sequence[mask]), None, row.metadata | {"logits": logits.tolist()})
        for row, sequence, mask, logits in zip(rows, out.sequence, out.mask, out.logits.float(), strict=True)
    ]


def to_float16(sequence: Tensor) -> np.ndarray:
    """The sequence in float16; larger numbers are clamped to the largest of float16."""
    most = torch.finfo(torch.float16).max
    return sequence.clamp(-most, most).half().cpu().numpy()


def log_missing(modality: str, missing: Mapping[Key, str], total: int) -> None:
    """Log how many of `total` utterances lack the modality, and the most frequent reasons."""
    if not missing:
        return
    kinds = Counter(remove_details(reason) for reason in missing.values())
    reasons = "; ".join(f"{count}x {kind}" for kind, count in kinds.most_common(4))
    log.info("%s: missing in %d of %d utterances (%s)", modality, len(missing), total, reasons)
