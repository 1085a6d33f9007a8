"""Fitting the weights and the temperature of a combination to a small set of utterances with several modalities."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from sklearn.model_selection import GroupKFold

from mmerc.corpora import Dialogue, Key, open_corpus
from mmerc.corpora.labels import index_labels
from mmerc.emotions import LabelSet
from mmerc.encoders import Encoder
from mmerc.errors import CorpusError
from mmerc.model.calibration import MIN_PROBABILITY
from mmerc.model.extraction import extract_dialogues
from mmerc.model.inference import predict_unimodal
from mmerc.model.log_linear import LogLinear, Scores

log = logging.getLogger("mmerc")
FOLDS = 5
PENALTY = 2.0  # of the squared distance of a weight, and of the logarithm of the temperature, from its default
MAX_WEIGHT = 3.0
LOG_TEMPERATURES = (-1.5, 1.5)
MIN_UTTERANCES = 10


@dataclass(frozen=True)
class TuningSet:
    """The dialogues of a corpus, and the index of the label of each utterance that has one, by key."""

    location: str
    dialogues: Sequence[Dialogue]
    labels: Mapping[Key, int]


def read_tuning_set(location: str, labels: LabelSet) -> TuningSet:
    """The labelled utterances of `KIND:PATH#SPLIT`; without a split, all of them.

    Raises:
        CorpusError: the corpus cannot be read, or has too few utterances with one of the labels.
    """
    path, _, split = location.partition("#")
    corpus = open_corpus(path)
    splits = [split] if split else list(corpus.splits)
    dialogues = [dialogue for name in splits for dialogue in corpus.dialogues(name)]
    found = index_labels(dialogues, labels)
    if len(found) < MIN_UTTERANCES:
        raise CorpusError(
            f"{location} has {len(found)} utterances with one of the labels {', '.join(labels.names)}: tuning needs "
            f"{MIN_UTTERANCES} or more."
        )
    lacking = [name for index, name in enumerate(labels.names) if index not in found.values()]
    if lacking:
        log.warning(
            "%s has no utterance with the label %s: the weights are tuned without it", location, ", ".join(lacking)
        )
    return TuningSet(location, dialogues, found)


def tune(
    combination: LogLinear, encoders: Mapping[str, Encoder], tuning_set: TuningSet
) -> tuple[LogLinear, dict[str, Any]]:
    """The combination with tuned weights and temperature, and what the model folder says of the tuning.

    Where the tuned values have a lower likelihood on held-out folds of dialogues than the defaults, the defaults stay. A modality
    that no utterance of the set has keeps its weight.

    Raises:
        CorpusError: no labelled utterance of the set has any modality.
    """
    keys = list(tuning_set.labels)
    dialogues = tuning_set.dialogues
    evidence: dict[str, Scores] = {}
    for name, encoder in encoders.items():
        found = predict_unimodal(extract_dialogues(encoder, dialogues), keys)
        if not found:
            log.warning(
                "%s has no utterance with %s: its weight stays %.2f",
                tuning_set.location,
                name,
                combination.parts[name].weight,
            )
            continue
        evidence[name] = combination.collect_evidence(name, found, keys)
    if not evidence:
        raise CorpusError(
            f"{tuning_set.location} has no labelled utterance that the networks can read: choose another set."
        )
    labels = np.asarray(list(tuning_set.labels.values()))
    groups = np.unique([f"{key[0]}/{key[1]}" for key in keys], return_inverse=True)[1]
    tuned = fit_weights(combination, evidence, labels)
    held_out = compare_on_folds(combination, evidence, labels, groups)
    is_better = held_out["tuned"] < held_out["default"]
    if not is_better:
        log.info("the tuned weights are no better than the default ones on held-out folds: the default ones stay")
    chosen = tuned if is_better else combination
    return chosen, {
        "corpus": tuning_set.location,
        "utterances": len(keys),
        "kept": is_better,
        "held_out_loss": held_out,
    }


def fit_weights(combination: LogLinear, evidence: Mapping[str, Scores], labels: Int[np.ndarray, " N"]) -> LogLinear:
    """The combination with the weights of the modalities in `evidence`, and the temperature, of the largest likelihood.

    A penalty keeps them near the present ones where there are few utterances.
    """
    names = list(evidence)
    start = np.array([*(combination.parts[name].weight for name in names), np.log(combination.temperature)])

    def make(values: Float[np.ndarray, " k"]) -> LogLinear:
        weights = dict(zip(names, values[:-1].tolist(), strict=True))
        parts = {name: replace(part, weight=weights.get(name, part.weight)) for name, part in combination.parts.items()}
        return replace(combination, parts=parts, temperature=float(np.exp(values[-1])))

    def loss(values: Float[np.ndarray, " k"]) -> float:
        return compute_loss(make(values), evidence, labels) * len(labels) + PENALTY * float(
            ((values - start) ** 2).sum()
        )

    bounds = [(0.0, MAX_WEIGHT)] * len(names) + [LOG_TEMPERATURES]
    return make(minimize(loss, start, method="L-BFGS-B", bounds=bounds).x)


def compute_loss(combination: LogLinear, evidence: Mapping[str, Scores], labels: Int[np.ndarray, " N"]) -> float:
    """The mean negative log-likelihood of the labels."""
    rows = combination.pool(evidence, len(labels))
    return float(-np.log(np.maximum(rows[np.arange(len(labels)), labels], MIN_PROBABILITY)).mean())


def compare_on_folds(
    combination: LogLinear,
    evidence: Mapping[str, Scores],
    labels: Int[np.ndarray, " N"],
    groups: Int[np.ndarray, " N"],
) -> dict[str, float]:
    """The loss of the default and of the tuned values on utterances that they were not tuned on, in folds of dialogues.

    With a single dialogue the folds are of utterances.
    """
    groups = groups if groups.max() > 0 else np.arange(len(labels))
    total = {"default": 0.0, "tuned": 0.0}
    splits = GroupKFold(min(FOLDS, int(groups.max()) + 1)).split(labels, groups=groups)
    for fitted, tested in splits:
        tuned = fit_weights(combination, {name: rows[fitted] for name, rows in evidence.items()}, labels[fitted])
        held_out = {name: rows[tested] for name, rows in evidence.items()}
        for name, candidate in (("default", combination), ("tuned", tuned)):
            total[name] += compute_loss(candidate, held_out, labels[tested]) * len(tested)
    return {name: value / len(labels) for name, value in total.items()}
