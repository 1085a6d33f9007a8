"""A trained fusion with the features it reads in memory, asked again and again under changed features."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmerc.corpora import Corpus, Key
from mmerc.errors import RunError
from mmerc.evaluation.metrics import REPORTED, confusion, summary
from mmerc.features import FeatureStore, Row
from mmerc.files import read_json
from mmerc.model.calibration import FUSED, Decision
from mmerc.model.folder import decision_of, load_fusion
from mmerc.model.inference import fused_answers
from mmerc.training.run import DECISION_FILE, FUSIONS_BESIDE
from mmerc.training.run_folder import read_config, seed_folders
from mmerc.training.selection import labels_of, read_with

Rows = dict[Key, Row]
Change = Callable[[str, Row], Row]


class Features:
    """One seed's features of a split's labelled utterances and of those in the same dialogues."""

    def __init__(self, folder: Path, names: Sequence[str], keys: Sequence[Key]) -> None:
        self.folder, self.keys = folder, keys
        settings = read_json(folder / "model" / "config.json")
        self.prior, self.decision = settings["prior"], decision_of(settings, FUSED, folder / "model")
        self.rows: dict[str, Rows] = {}
        for name in names:
            store = FeatureStore(folder / "features" / name)
            if store.absent(self.keys):
                raise RunError(f"{store.folder} lacks features of labelled utterances: run `mmerc train` again.")
            self.rows[name] = {key: store[key] for key in self.keys}
        self.deviations = {name: _deviation(rows) for name, rows in self.rows.items()}

    def changed(self, change: Change) -> dict[str, Rows]:
        return {name: {key: change(name, row) for key, row in rows.items()} for name, rows in self.rows.items()}


class Trained:
    """One fusion over all seeds of a run. `name`: one of those trained beside the chosen one, or None for that."""

    def __init__(self, features: Sequence[Features], labels: Mapping[Key, int], classes: int, name: str | None) -> None:
        self.features, self.labels, self.classes = features, labels, classes
        folders = [each.folder / "fusion" if name is None else each.folder / FUSIONS_BESIDE / name for each in features]
        self.networks = [load_fusion(folder) for folder in folders]
        self.histories = [folder / "history.json" for folder in folders]
        self.decisions = [
            each.decision if name is None else Decision(**read_json(folder / DECISION_FILE))
            for each, folder in zip(features, folders, strict=True)
        ]

    def scored(self, changes: Sequence[Change] | None = None) -> dict[str, dict[str, float]]:
        """Mean and standard deviation over the seeds of what is reported, each seed's features changed by its own
        change."""
        predicted = [
            self._answers(number, features.rows if changes is None else features.changed(changes[number]))
            for number, features in enumerate(self.features)
        ]
        found = summary(np.stack([confusion(list(self.labels.values()), said, self.classes) for said in predicted]))
        spread = 1 if len(self.features) > 1 else 0
        return {
            "mean": {name: float(found[name].mean()) for name in REPORTED},
            "std": {name: float(found[name].std(ddof=spread)) for name in REPORTED},
        }

    def _answers(self, number: int, rows: Mapping[str, Rows]) -> list[int]:
        features = self.features[number]
        fused = fused_answers(self.networks[number], rows, features.keys)[0]
        answers = self.decisions[number].applied(fused, features.prior)
        return [int(np.argmax(answers.get(key, features.prior))) for key in self.labels]


def compared(run: Path) -> list[str]:
    """The names of the fusions that were trained beside the run's own in every seed."""
    config, _, seeds = read_config(run)
    beside = [
        {path.parent.name for path in (folder / FUSIONS_BESIDE).glob(f"*/{DECISION_FILE}")} - {config.fusion.name}
        for folder in seed_folders(run, seeds)
    ]
    return sorted(set.intersection(*beside))


def fusions_of(run: Path, corpus: Corpus, split: str) -> dict[str, Trained]:
    """The run's fusion, first, and those trained beside it, over the labelled utterances of a split.

    Raises:
        RunError: the run has one modality only, or its features are gone.
    """
    config, _, seeds = read_config(run)
    names = sorted(config.modalities)
    if len(names) < 2:
        raise RunError(f"{run} has one modality only: there is nothing to be robust with.")
    labels = labels_of(corpus, split)
    keys = read_with(labels, corpus, split)
    features = [Features(folder, names, keys) for folder in seed_folders(run, seeds)]
    places: dict[str, str | None] = {config.fusion.name: None, **{name: name for name in compared(run)}}
    return {name: Trained(features, labels, len(corpus.labels), place) for name, place in places.items()}


def _deviation(rows: Rows) -> float:
    values = [row.values.astype(np.float32) for row in rows.values() if row.values is not None]
    return float(np.concatenate([value.ravel() for value in values]).std()) if values else 0.0
