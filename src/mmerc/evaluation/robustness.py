"""What is left when modalities fail: every subset of them, several missing rates, noise on each of them.

The article claims it (Section 4.2.2) and does not measure it. Features are taken away or disturbed, nothing is trained
again. An utterance left without any modality gets the label prior, as it does in `mmerc predict`.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.corpora import Corpus, Key
from mmerc.errors import RunError
from mmerc.evaluation.metrics import confusion, summary
from mmerc.features import FeatureStore, Row
from mmerc.files import read_json
from mmerc.training.decision import FUSED, corrected_answers
from mmerc.training.model_folder import load_fusion
from mmerc.training.predictions import fused_answers
from mmerc.training.run import read_config, seed_folders

RATES = tuple(number / 10 for number in range(10))
NOISE = (0.5, 1.0, 2.0, 4.0)  # deviations of the modality's own features
REPORTED = ("accuracy", "balanced_accuracy", "f1_weighted")

Rows = dict[Key, Row]
Change = Callable[[str, Row], Row]


def robustness(run: Path, corpus: Corpus, split: str) -> dict[str, Any]:
    """Mean and standard deviation over the run's seeds of accuracy, balanced accuracy and f1_weighted.

    `subsets`: by the names of the modalities that are left, joined by "+". `rates`: by the share of missing
    modalities, drawn for each utterance and modality, another draw for each seed. `noise`: by modality and level, in
    deviations of its features, the others untouched.

    Raises:
        RunError: the run has one modality only, or its features are gone.
    """
    config, _, seeds = read_config(run)
    names = sorted(config.modalities)
    if len(names) < 2:
        raise RunError(f"{run} has one modality only: there is nothing to be robust with.")
    labels = {
        turn.key: corpus.labels.index(turn.emotion) for turn in corpus.utterances(split) if turn.emotion is not None
    }
    networks = [Trained(folder, names, labels) for folder in seed_folders(run, seeds)]

    def scored(changes: Sequence[Change]) -> dict[str, dict[str, float]]:
        predicted = (network.predicted(change) for network, change in zip(networks, changes, strict=True))
        truth, classes = list(labels.values()), len(corpus.labels)
        found = summary(np.stack([confusion(truth, answers, classes) for answers in predicted]))
        spread = 1 if seeds > 1 else 0
        return {
            "mean": {name: float(found[name].mean()) for name in REPORTED},
            "std": {name: float(found[name].std(ddof=spread)) for name in REPORTED},
        }

    subsets = [chosen for count in range(1, len(names) + 1) for chosen in combinations(names, count)]
    return {
        "subsets": {"+".join(chosen): scored([only(chosen)] * seeds) for chosen in subsets},
        "rates": {str(rate): scored([missing(rate, seed) for seed in range(seeds)]) for rate in RATES},
        "noise": {
            name: {
                str(level): scored(
                    [noisy(name, level * each.deviations[name], seed) for seed, each in enumerate(networks)]
                )
                for level in NOISE
            }
            for name in names
        },
    }


class Trained:
    """One seed's fusion with the features of some labelled utterances in memory."""

    def __init__(self, folder: Path, names: list[str], labels: Mapping[Key, int]) -> None:
        self.keys = list(labels)
        self.fusion = load_fusion(folder / "fusion")
        settings = read_json(folder / "model" / "config.json")
        self.prior, self.share = settings["prior"], settings.get("shares", {}).get(FUSED, 0.0)
        self.rows: dict[str, Rows] = {}
        for name in names:
            store = FeatureStore(folder / "features" / name)
            if store.absent(self.keys):
                raise RunError(f"{store.folder} lacks features of labelled utterances: run `mmerc train` again.")
            self.rows[name] = {key: store[key] for key in self.keys}
        self.deviations = {name: _deviation(rows) for name, rows in self.rows.items()}

    def predicted(self, change: Change) -> list[int]:
        """The label said of each utterance when its rows are changed."""
        changed = {name: {key: change(name, row) for key, row in rows.items()} for name, rows in self.rows.items()}
        answers = corrected_answers(fused_answers(self.fusion, changed, self.keys)[0], self.prior, self.share)
        return [int(np.argmax(answers.get(key, self.prior))) for key in self.keys]


def _deviation(rows: Rows) -> float:
    values = [row.values.astype(np.float32) for row in rows.values() if row.values is not None]
    return float(np.concatenate([value.ravel() for value in values]).std()) if values else 0.0


def only(names: tuple[str, ...]) -> Change:
    """These modalities and no others."""
    return lambda name, row: row if name in names else Row(row.key, None, "left out")


def missing(rate: float, seed: int) -> Change:
    """Each modality of each utterance is gone with probability `rate`; what is gone at a rate is gone at every higher one."""
    return lambda name, row: Row(row.key, None, "left out") if _dice(seed, name, row.key).random() < rate else row


def noisy(name: str, deviation: float, seed: int) -> Change:
    """White noise on the features of one modality."""

    def change(found: str, row: Row) -> Row:
        if found != name or row.values is None:
            return row
        noise = _dice(seed, name, row.key).normal(0, deviation, row.values.shape)
        return Row(row.key, (row.values + noise).astype(np.float32), None, row.metadata)

    return change


def _dice(seed: int, name: str, key: Key) -> np.random.Generator:
    return np.random.default_rng(list(f"{seed}/{name}/{'/'.join(key)}".encode()))
