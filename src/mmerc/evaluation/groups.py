"""Fairness: the metrics of a system for each group of utterances, such as each gender, and the gaps between the groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.errors import ConfigError
from mmerc.evaluation.metrics import MAIN_METRICS, RESAMPLES, compute_summary, count_confusions, draw_weights, score

UNKNOWN = "(unknown)"  # utterances that lack the column
MIN_UTTERANCES = 10  # of a group that takes part in the gaps
FIELDS = ("speaker", "dialogue", "split", "source", "corpus", "session")  # columns that are no attributes


def list_groups(corpus: Corpus, split: str, by: str) -> list[str]:
    """The group of each utterance of a split: its value in the column `by`.

    Raises:
        ConfigError: no utterance has the column; the sentence names the columns that there are.
    """
    names = [
        _get_value(corpus, dialogue, each, by) for dialogue in corpus.dialogues(split) for each in dialogue.utterances
    ]
    if not any(names):
        known = {name for each in corpus.utterances(split) for name in each.attributes}
        found = ", ".join([*FIELDS[:-1], *sorted(known)])
        raise ConfigError(f"--by {by}: no {split} utterance of {corpus.name} has it: use one of {found}.")
    return [name or UNKNOWN for name in names]


def _get_value(corpus: Corpus, dialogue: Dialogue, utterance: Utterance, by: str) -> str:
    if by == "corpus":
        return dialogue.corpus or corpus.name
    if by == "session":
        return dialogue.session
    return str(getattr(utterance, by)).strip() if by in FIELDS else utterance.attributes.get(by, "")


def measure_groups(
    groups: Sequence[str], labels: Sequence[int], predicted: Sequence[Sequence[int]], names: Sequence[str]
) -> dict[str, Any]:
    """The metrics of each group, and the gaps.

    `groups` and `labels`: of each utterance [N]. `predicted`: the predicted labels of each seed [S, N]. `names`: the labels.

    The result has `groups`: `utterances`, `mean`, `std` and `interval` of each, the smallest first; `smallest`: its name;
    `gaps`: for each main metric the `best` and the `worst` group of at least ten utterances, the `gap` between them, and its
    95 % bootstrap `interval`. The two groups are chosen by the same utterances, so a gap is above 0 even where groups differ by
    chance only; `expected` is the gap that groups of these sizes have on average if all utterances are dealt to them at random.
    """
    truth, found = np.asarray(labels), np.asarray(predicted)
    sizes = {name: groups.count(name) for name in dict.fromkeys(groups)}
    order = sorted(sizes, key=lambda name: (sizes[name], name))
    members = {name: np.asarray([each == name for each in groups]) for name in order}
    scored = {name: score(truth[own].tolist(), found[:, own].tolist(), names) for name, own in members.items()}
    kept = ("utterances", "mean", "std", "interval")
    large = [name for name in order if sizes[name] >= MIN_UTTERANCES]
    return {
        "groups": {name: {key: scored[name][key] for key in kept} for name in order},
        "smallest": order[0],
        "gaps": _measure_gaps({name: members[name] for name in large}, truth, found, len(names))
        if len(large) > 1
        else {},
    }


def _measure_gaps(
    members: dict[str, np.ndarray], truth: Int[np.ndarray, " N"], predicted: Int[np.ndarray, "S N"], num_classes: int
) -> dict[str, Any]:
    names = list(members)
    drawn = {
        name: _resample(truth[own], predicted[:, own], num_classes, number)
        for number, (name, own) in enumerate(members.items())
    }
    measured = {name: _measure(truth[own], predicted[:, own], num_classes) for name, own in members.items()}
    chance = _deal_at_random(list(members.values()), truth, predicted, num_classes)
    gaps = {}
    for metric in MAIN_METRICS:
        best = max(names, key=lambda name: measured[name][metric])
        worst = min(names, key=lambda name: measured[name][metric])
        differences = drawn[best][metric] - drawn[worst][metric]
        gaps[metric] = {
            "best": best,
            "worst": worst,
            "gap": measured[best][metric] - measured[worst][metric],
            "interval": [float(np.quantile(differences, share)) for share in (0.025, 0.975)],
            "expected": float(np.mean([max(values) - min(values) for values in chance[metric]])),
        }
    return gaps


def _measure(truth: Int[np.ndarray, " N"], predicted: Int[np.ndarray, "S N"], num_classes: int) -> dict[str, float]:
    matrices = np.stack([count_confusions(truth.tolist(), each.tolist(), num_classes) for each in predicted])
    summary = compute_summary(matrices)
    return {metric: float(summary[metric].mean()) for metric in MAIN_METRICS}


def _resample(
    truth: Int[np.ndarray, " N"], predicted: Int[np.ndarray, "S N"], num_classes: int, seed: int
) -> dict[str, Float[np.ndarray, " R"]]:
    """The mean over the seeds of each main metric, in each bootstrap resample of the utterances."""
    weights = draw_weights(np.arange(len(truth)), RESAMPLES, seed)  # [R, N]
    cells = np.eye(num_classes**2)[truth * num_classes + predicted]  # [S, N, C * C]
    matrices = (weights @ cells).reshape(len(predicted), RESAMPLES, num_classes, num_classes)
    summary = compute_summary(matrices.round().astype(int))
    return {metric: summary[metric].mean(0) for metric in MAIN_METRICS}


def _deal_at_random(
    members: Sequence[np.ndarray], truth: Int[np.ndarray, " N"], predicted: Int[np.ndarray, "S N"], num_classes: int
) -> dict[str, list[list[float]]]:
    """The main metrics of groups of the same sizes with random members, 200 times."""
    rng = np.random.default_rng(0)
    pool = np.flatnonzero(np.any(members, axis=0))
    bounds = np.cumsum([own.sum() for own in members])[:-1]
    found: dict[str, list[list[float]]] = {metric: [] for metric in MAIN_METRICS}
    for _ in range(200):
        parts = np.split(rng.permutation(pool), bounds)
        measured = [_measure(truth[part], predicted[:, part], num_classes) for part in parts]
        for metric in MAIN_METRICS:
            found[metric].append([each[metric] for each in measured])
    return found
