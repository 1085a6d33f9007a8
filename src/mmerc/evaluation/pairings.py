"""A test of a combined model without joint data: utterances of one-modality corpora, paired by their label.

A label is drawn by its frequency, then for each modality an utterance of its own corpus with that label. Given the label the
modalities are independent by construction, so this is the best case of a combination: in real recordings the modalities agree
more often than by chance, in their errors too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import f1_score, recall_score

from mmerc.corpora import Dialogue
from mmerc.corpora.dialogue import Corpus
from mmerc.corpora.labels import index_labels
from mmerc.errors import CorpusError, RunError
from mmerc.evaluation.metrics import calibration_error
from mmerc.model.conformal import ConformalSets
from mmerc.model.extraction import extract_dialogues
from mmerc.model.inference import predict_unimodal
from mmerc.model.log_linear import LogLinear
from mmerc.model.model import EmotionModel

METRICS = ("f1_weighted", "balanced_accuracy", "calibration_error", "coverage", "set_size")
COVERAGE = 0.9  # of the prediction sets that are measured


@dataclass(frozen=True)
class Scored:
    """The evidence of one modality for N labelled utterances of its corpus, and their labels in the model's order."""

    evidence: Float[np.ndarray, "N C"]
    labels: Int[np.ndarray, " N"]


def measure_pairings(
    model: EmotionModel, corpora: Mapping[str, tuple[Corpus, str]], *, draws: int = 5, count: int = 1000
) -> dict[str, Any]:
    """Mean and standard deviation over the draws of weighted F1, UAR, calibration error, and coverage and size of the prediction
    sets at a coverage of 90 %, for each subset of modalities.

    Args:
        model: a combined model.
        corpora: for each of its modalities a corpus and a split. The labels of the pairings are as frequent as in the first.
        draws: number of draws.
        count: pairings of each draw. An utterance is used as often as another one of its label, or once more.

    Raises:
        RunError: the model is no combination.
        CorpusError: a corpus has no labelled utterance of a modality, or the corpora have no label in common.
    """
    combination = model.combination
    if combination is None:
        raise RunError("pairings test a combined model: make one with `mmerc combine`.")
    scored = {
        name: score_modality(model, combination, name, corpus.dialogues(split))
        for name, (corpus, split) in corpora.items()
    }
    frequencies = np.bincount(next(iter(scored.values())).labels, minlength=len(combination.labels))
    subsets = [each for size in range(1, len(scored) + 1) for each in combinations(scored, size)]
    found: dict[str, list[dict[str, float]]] = {"+".join(subset): [] for subset in subsets}
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        labels = draw_labels(scored, frequencies, count, rng)
        rows = {name: draw_rows(each.labels, labels, rng) for name, each in scored.items()}
        for subset in subsets:
            evidence = {name: scored[name].evidence[rows[name]] for name in subset}
            probabilities = combination.pool(evidence, count)
            scores = score_probabilities(labels, probabilities)
            found["+".join(subset)].append(scores | score_sets(model.conformal, labels, probabilities, subset))
    summary = {
        name: {
            key: {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=min(1, draws - 1)))}
            for key in METRICS
            if key in results[0]
            for values in [[each[key] for each in results]]
        }
        for name, results in found.items()
    }
    utterances = {name: len(each.labels) for name, each in scored.items()}
    return {"draws": draws, "count": count, "utterances": utterances, "subsets": summary}


def score_modality(model: EmotionModel, combination: LogLinear, name: str, dialogues: Sequence[Dialogue]) -> Scored:
    """The evidence of a modality for the labelled utterances of some dialogues. Each is read within its own dialogue."""
    labels = index_labels(dialogues, model.labels)
    found = predict_unimodal(extract_dialogues(model.encoders[name], dialogues), list(labels))
    if not found:
        raise CorpusError(f"no labelled utterance has {name}: choose another corpus for it.")
    return Scored(
        combination.compute_evidence(name, np.asarray(list(found.values()))), np.array([labels[key] for key in found])
    )


def draw_labels(
    scored: Mapping[str, Scored], frequencies: Int[np.ndarray, " C"], count: int, rng: np.random.Generator
) -> Int[np.ndarray, " N"]:
    """Labels as frequent as given, among those that every modality has.

    Raises:
        CorpusError: the corpora of the modalities have no label in common.
    """
    in_all = np.all([np.isin(np.arange(len(frequencies)), each.labels) for each in scored.values()], axis=0)
    shares = np.where(in_all, frequencies, 0)
    if not shares.any():
        raise CorpusError(f"the corpora of {', '.join(scored)} have no label in common: choose others.")
    return np.asarray(rng.choice(len(frequencies), size=count, p=shares / shares.sum()))


def draw_rows(
    own: Int[np.ndarray, " M"], labels: Int[np.ndarray, " N"], rng: np.random.Generator
) -> Int[np.ndarray, " N"]:
    """For each of the labels a row of `own` with that label; rows are used equally often.

    >>> rows = draw_rows(np.array([0, 1, 1]), np.array([1, 1, 0, 0]), np.random.default_rng(0))
    >>> sorted(rows[:2].tolist()), rows[2:].tolist()
    ([1, 2], [0, 0])
    """
    rows = np.empty(len(labels), int)
    for label in np.unique(labels):
        places, candidates = np.flatnonzero(labels == label), np.flatnonzero(own == label)
        rounds = -(-len(places) // len(candidates))
        rows[places] = np.concatenate([rng.permutation(candidates) for _ in range(rounds)])[: len(places)]
    return rows


def score_probabilities(labels: Int[np.ndarray, " N"], probabilities: Float[np.ndarray, "N C"]) -> dict[str, float]:
    """The metrics of one draw."""
    predicted = probabilities.argmax(1)
    return {
        "f1_weighted": float(f1_score(labels, predicted, average="weighted", zero_division=0)),
        "balanced_accuracy": float(recall_score(labels, predicted, average="macro", zero_division=0)),
        "calibration_error": calibration_error(labels.tolist(), probabilities),
    }


def score_sets(
    sets: ConformalSets | None,
    labels: Int[np.ndarray, " N"],
    probabilities: Float[np.ndarray, "N C"],
    modalities: Sequence[str],
) -> dict[str, float]:
    """The share of the labels that are in their prediction set, and the mean size of the sets; empty for a model without sets."""
    if sets is None:
        return {}
    selected = [sets.select(row, modalities, COVERAGE).labels for row in probabilities.tolist()]
    return {
        "coverage": float(np.mean([label in each for label, each in zip(labels.tolist(), selected, strict=True)])),
        "set_size": float(np.mean([len(each) for each in selected])),
    }
