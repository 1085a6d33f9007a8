from pathlib import Path

import pytest

from mmerc.corpora import open_corpus
from mmerc.evaluation.loaded_models import LoadedModels
from mmerc.evaluation.robustness import keep_only
from mmerc.model import load_model


def test_a_model_is_scored_without_some_of_its_modalities(small_run: Path, small_corpus: Path) -> None:
    model = load_model(small_run / "model")
    dialogues = open_corpus(f"meld:{small_corpus}").dialogues("test")
    labels = {
        each.key: model.labels.index(each.emotion)
        for dialogue in dialogues
        for each in dialogue.utterances
        if each.emotion
    }
    loaded = LoadedModels([model], dialogues, labels)
    predicted = [prediction.emotion for prediction in model.predict(dialogues)]
    truth = [each.emotion for dialogue in dialogues for each in dialogue.utterances]
    right = sum(one == other for one, other in zip(predicted, truth, strict=True)) / len(truth)
    assert loaded.score()["mean"]["accuracy"] == pytest.approx(right)
    majority = loaded.score([keep_only(())])["mean"]["accuracy"]  # nothing is read: the most frequent label of training
    most_frequent = model.labels.names[max(range(len(model.prior)), key=model.prior.__getitem__)]
    assert majority == pytest.approx(truth.count(most_frequent) / len(truth))
