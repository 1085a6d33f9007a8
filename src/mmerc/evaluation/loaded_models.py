"""Model folders with the features of a corpus, scored again under changed features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmerc.corpora import Dialogue, Key
from mmerc.evaluation.trained_fusions import Change, ChangeableFeatures, FeaturesByKey, summarise_predictions
from mmerc.model.extraction import extract_dialogues
from mmerc.model.model import EmotionModel


@dataclass
class LoadedModels:
    """Models of one kind, such as the seeds of a run, with their features of some dialogues.

    `labels`: the index of the true label of each scored utterance, by key.
    """

    models: Sequence[EmotionModel]
    dialogues: Sequence[Dialogue]
    labels: Mapping[Key, int]

    def __post_init__(self) -> None:
        self.keys = [each.key for dialogue in self.dialogues for each in dialogue.utterances]
        self.speakers = {each.key: each.speaker for dialogue in self.dialogues for each in dialogue.utterances}
        self.features = [
            ChangeableFeatures(
                {name: extract_dialogues(encoder, self.dialogues) for name, encoder in model.encoders.items()}
            )
            for model in self.models
        ]

    def score(self, changes: Sequence[Change] | None = None) -> dict[str, dict[str, float]]:
        """Mean and standard deviation over the models of the reported metrics, with a change of the features per model."""
        predicted = [
            self._predict(model, features.rows if changes is None else features.change(changes[number]))
            for number, (model, features) in enumerate(zip(self.models, self.features, strict=True))
        ]
        return summarise_predictions(list(self.labels.values()), predicted, len(self.models[0].labels))

    def _predict(self, model: EmotionModel, rows: Mapping[str, FeaturesByKey]) -> list[int]:
        probabilities = model.compute_probabilities(self.keys, rows, speakers=self.speakers).probabilities
        return [int(np.argmax(probabilities.get(key, model.prior))) for key in self.labels]
