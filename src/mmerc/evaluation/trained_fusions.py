"""The trained fusions of a run with the features they read, evaluated again under changed features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmerc.config.schema import FUSED
from mmerc.corpora import Corpus, Key
from mmerc.errors import RunError
from mmerc.evaluation.metrics import MAIN_METRICS, compute_summary, count_confusions, summarise_seeds
from mmerc.features import FeatureRow
from mmerc.files import read_json
from mmerc.model.calibration import Calibration
from mmerc.model.folder import CONFIG, load_fusion, read_calibration, read_info
from mmerc.model.inference import predict_fused
from mmerc.training.fusion import CALIBRATION, COMPARED_FUSIONS
from mmerc.training.run_config import RunConfig
from mmerc.training.run_folder import Run
from mmerc.training.splits import get_labels, get_speakers, list_dialogue_keys
from mmerc.training.stage_one import open_features

FeaturesByKey = dict[Key, FeatureRow]
Change = Callable[[str, FeatureRow], FeatureRow]  # the name of a modality and its row -> the changed row


class ChangeableFeatures:
    """The features of each modality by key. `deviations`: the standard deviation of each modality's features."""

    def __init__(self, rows: Mapping[str, FeaturesByKey]) -> None:
        self.rows = dict(rows)
        self.deviations = {name: _standard_deviation(found) for name, found in self.rows.items()}

    def change(self, change: Change) -> dict[str, FeaturesByKey]:
        """The features after a change of every row."""
        return {name: {key: change(name, row) for key, row in rows.items()} for name, rows in self.rows.items()}


class SeedFeatures(ChangeableFeatures):
    """One seed's features of the labelled utterances of a split and of the other utterances of their dialogues."""

    def __init__(self, config: RunConfig, folder: Path, keys: Sequence[Key], speakers: Mapping[Key, str]) -> None:
        self.keys, self.speakers = keys, speakers
        info = read_info(folder / "model")
        self.prior, self.calibration = info["prior"], read_calibration(info, FUSED, folder / "model" / CONFIG)
        rows: dict[str, FeaturesByKey] = {}
        for name in sorted(config.modalities):
            store = open_features(config, folder, name)
            if store.list_absent(self.keys):
                raise RunError(f"{store.folder} lacks features of labelled utterances: run `mmerc train` again.")
            rows[name] = {key: store[key] for key in self.keys}
        super().__init__(rows)


@dataclass
class TrainedFusion:
    """One fusion in every seed of a run. `folders`: where it is in each seed; `labels`: the true label of each key."""

    features: Sequence[SeedFeatures]
    labels: Mapping[Key, int]
    num_classes: int
    folders: Sequence[Path]
    calibrations: Sequence[Calibration]

    def __post_init__(self) -> None:
        self.networks = [load_fusion(folder) for folder in self.folders]
        self.histories = [folder / "history.json" for folder in self.folders]

    def score(self, changes: Sequence[Change] | None = None) -> dict[str, dict[str, float]]:
        """Mean and standard deviation over the seeds of the reported metrics, with a change of the features per seed."""
        predicted = [
            self._predict(number, features.rows if changes is None else features.change(changes[number]))
            for number, features in enumerate(self.features)
        ]
        return summarise_predictions(list(self.labels.values()), predicted, self.num_classes)

    def _predict(self, number: int, rows: Mapping[str, FeaturesByKey]) -> list[int]:
        features = self.features[number]
        fused = predict_fused(self.networks[number], rows, features.keys, features.speakers)[0]
        probabilities = self.calibrations[number].apply(fused, features.prior)
        return [int(np.argmax(probabilities.get(key, features.prior))) for key in self.labels]


def summarise_predictions(
    truth: Sequence[int], predicted: Sequence[Sequence[int]], num_classes: int
) -> dict[str, dict[str, float]]:
    """Mean and standard deviation of the reported metrics over the seeds, of which each predicted every label of `truth`."""
    found = compute_summary(np.stack([count_confusions(truth, each, num_classes) for each in predicted]))
    return summarise_seeds({name: found[name] for name in MAIN_METRICS})


def list_compared_fusions(run: Run) -> list[str]:
    """The names of the fusions that were trained for comparison in every seed."""
    found = [
        {path.parent.name for path in (folder / COMPARED_FUSIONS).glob(f"*/{CALIBRATION}")} - {run.config.fusion.name}
        for folder in run.seed_folders
    ]
    return sorted(set.intersection(*found))


def load_fusions(run: Run, corpus: Corpus, split: str) -> dict[str, TrainedFusion]:
    """The run's fusion, first, and the compared ones, with the labelled utterances of a split.

    Raises:
        RunError: the run has one modality only, or its features were deleted.
    """
    if len(run.config.modalities) < 2:
        raise RunError(f"{run.folder} has one modality only: --robustness needs two or more; --signal works with one.")
    labels = get_labels(corpus, split)
    keys = list_dialogue_keys(labels, corpus, split)
    speakers = get_speakers(corpus)
    features = [SeedFeatures(run.config, folder, keys, speakers) for folder in run.seed_folders]
    folders = {run.config.fusion.name: [folder / "fusion" for folder in run.seed_folders]}
    calibrations = {run.config.fusion.name: [each.calibration for each in features]}
    for name in list_compared_fusions(run):
        folders[name] = [folder / COMPARED_FUSIONS / name for folder in run.seed_folders]
        calibrations[name] = [Calibration(**read_json(folder / CALIBRATION)) for folder in folders[name]]
    num_classes = len(corpus.labels)
    return {name: TrainedFusion(features, labels, num_classes, folders[name], calibrations[name]) for name in folders}


def _standard_deviation(rows: FeaturesByKey) -> float:
    values = [row.values.astype(np.float32) for row in rows.values() if row.values is not None]
    return float(np.concatenate([value.ravel() for value in values]).std()) if values else 0.0
