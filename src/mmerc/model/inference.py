"""From features to probabilities: of the fusion, and of each encoder's own classifier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mmerc.corpora import Key
from mmerc.fusion import Fusion
from mmerc.fusion.layers.crossmodal import BlockedPairs
from mmerc.model.calibration import ProbabilitiesByKey
from mmerc.model.collation import FeatureRows, FusionExamples, make_batches, unpack_batch
from mmerc.outputs import split_outputs

BATCH = 64
NO_PAIRS: BlockedPairs = frozenset()


# The standardised value of each continuous dimension; no key without dimensions.
DimensionsByKey = dict[Key, list[float]]


class FusedOutputs(NamedTuple):
    """What a model says of utterances, by key. `vectors`: the fused vectors."""

    probabilities: ProbabilitiesByKey
    vectors: dict[Key, Float[Tensor, " c"]]
    dimensions: DimensionsByKey


@dataclass(frozen=True)
class PastUtterance:
    """An earlier utterance as later ones read it: its fused vector, and its speaker's number in the conversation."""

    vector: Float[Tensor, " c"]
    speaker: int


@torch.inference_mode()
def predict_fused(
    fusion: Fusion,
    features: Mapping[str, FeatureRows],
    keys: Sequence[Key],
    speakers: Mapping[Key, str],
    *,
    blocked_pairs: BlockedPairs = NO_PAIRS,
) -> FusedOutputs:
    """The outputs for every key that has at least one modality.

    Where the fusion reads the dialogue, the keys of a dialogue are those of its utterances, in their order, and `speakers`
    has the speaker of each. `blocked_pairs`: (source, target) pairs whose crossmodal attention is switched off.
    """
    present = [key for key in keys if any(store[key].values is not None for store in features.values())]
    examples = FusionExamples(
        features, fusion.widths, present, [0] * len(present), by_dialogue=fusion.has_dialogue_context, speakers=speakers
    )
    options = {"blocked_pairs": blocked_pairs} if blocked_pairs else {}  # a graph for onnxruntime takes no pairs
    probabilities: ProbabilitiesByKey = {}
    vectors: dict[Key, Tensor] = {}
    dimensions: DimensionsByKey = {}
    for units in make_batches(examples.lengths, BATCH, None, examples.counts):
        indices = [index for unit in units for index in examples.units[unit]]
        out = fusion(*unpack_batch(examples.collate(indices, None)), **options)
        logits, values = split_outputs(out.logits, fusion.num_dimensions)
        for index, p, vector in zip(indices, logits.softmax(1).tolist(), out.embedding, strict=True):
            probabilities[present[index]], vectors[present[index]] = p, vector
        if fusion.num_dimensions:
            dimensions |= zip((present[index] for index in indices), values.tolist(), strict=True)
    return FusedOutputs(probabilities, vectors, dimensions)


@torch.inference_mode()
def predict_latest(
    fusion: Fusion, past: Mapping[Key, Sequence[PastUtterance]], latest: Mapping[Key, PastUtterance]
) -> tuple[ProbabilitiesByKey, DimensionsByKey]:
    """The outputs for the latest utterance of several conversations, each after its `past`, oldest first."""
    probabilities: ProbabilitiesByKey = {}
    dimensions: DimensionsByKey = {}
    for key, utterance in latest.items():
        conversation = [*past.get(key, ()), utterance]
        dialogue = torch.tensor([[(index, each.speaker) for index, each in enumerate(conversation)]])  # [1, L, 2]
        outputs = fusion.classify(torch.stack([each.vector for each in conversation]), dialogue)
        logits, values = split_outputs(outputs, fusion.num_dimensions)
        probabilities[key] = logits[-1].softmax(0).tolist()
        if fusion.num_dimensions:
            dimensions[key] = values[-1].tolist()
    return probabilities, dimensions


def predict_unimodal(store: FeatureRows, keys: Sequence[Key]) -> ProbabilitiesByKey:
    """The probabilities of the encoder's own classifier for every key that has the modality."""
    rows = {key: store[key] for key in keys}
    return {
        key: torch.tensor(row.metadata["logits"]).softmax(0).tolist()
        for key, row in rows.items()
        if row.values is not None
    }


def predict_unimodal_dimensions(store: FeatureRows, keys: Sequence[Key]) -> DimensionsByKey:
    """The dimensions that the encoder itself gives, for every key that has the modality."""
    rows = {key: store[key] for key in keys}
    return {
        key: list(row.metadata["dimensions"])
        for key, row in rows.items()
        if row.values is not None and "dimensions" in row.metadata
    }
