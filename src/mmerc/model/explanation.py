"""Influence: how much the probability of the predicted emotion falls when a part of the evidence is taken away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from mmerc.corpora import Key
from mmerc.features import FeatureRow
from mmerc.fusion.layers.crossmodal import BlockedPairs
from mmerc.model.calibration import ProbabilitiesByKey
from mmerc.model.inference import NO_PAIRS
from mmerc.model.prediction import DECIMALS, Prediction

Features = Mapping[str, Mapping[Key, FeatureRow]]
Compute = Callable[[Features, BlockedPairs], ProbabilitiesByKey]


@dataclass(frozen=True)
class Evidence:
    """The evidence for some predictions. `compute` gives the probabilities from other features, and with (source, target)
    pairs of crossmodal attention switched off; `prior` is the probability of each label without any evidence, in the model's
    order."""

    keys: Sequence[Key]
    features: Features
    compute: Compute
    prior: Mapping[str, float]


def explain_predictions(
    evidence: Evidence, predictions: Sequence[Prediction], *, with_attention: bool
) -> list[Prediction]:
    """The predictions with `influence` of each modality that was read and, if wanted, `attention` of each pair of them."""
    influence: list[dict[str, float]] = [{} for _ in predictions]
    for name, rows in evidence.features.items():
        removed = {key: FeatureRow(key, None, "left out") for key in rows}
        without = evidence.compute({**evidence.features, name: removed}, NO_PAIRS)
        _add_influence(influence, name, {name}, without, evidence, predictions)
    if not with_attention:
        return [p.model_copy(update={"influence": found}) for p, found in zip(predictions, influence, strict=True)]
    attention: list[dict[str, float]] = [{} for _ in predictions]
    for source, target in permutations(evidence.features, 2):
        without = evidence.compute(evidence.features, frozenset({(source, target)}))
        _add_influence(attention, f"{source}->{target}", {source, target}, without, evidence, predictions)
    return [
        prediction.model_copy(update={"influence": each, "attention": pairs})
        for prediction, each, pairs in zip(predictions, influence, attention, strict=True)
    ]


def _add_influence(
    found: list[dict[str, float]],
    name: str,
    needed: set[str],
    without: ProbabilitiesByKey,
    evidence: Evidence,
    predictions: Sequence[Prediction],
) -> None:
    """Store under `name` how much the probability of the emotion falls, for each utterance with all `needed` modalities."""
    labels = list(evidence.prior)
    for key, prediction, losses in zip(evidence.keys, predictions, found, strict=True):
        if needed <= set(prediction.modalities):
            emotion = prediction.emotion
            rest = without[key][labels.index(emotion)] if key in without else evidence.prior[emotion]
            losses[name] = round(prediction.probabilities[emotion] - rest, DECIMALS)
