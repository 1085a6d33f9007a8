"""A trained model, or every seed of a run, on a labelled corpus that was not part of its training."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.config.schema import FUSED, MAJORITY
from mmerc.corpora import Corpus, Utterance
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError, RunError
from mmerc.evaluation.confidence import measure_confidence, measure_sets
from mmerc.evaluation.dimensions import measure_dimensions
from mmerc.evaluation.groups import list_groups, measure_groups
from mmerc.evaluation.loaded_models import LoadedModels
from mmerc.evaluation.metrics import calibration_error, score
from mmerc.evaluation.robustness import measure_robustness
from mmerc.model.folder import load_model
from mmerc.training.run_folder import CONFIG, read_run

log = logging.getLogger("mmerc")


def evaluate_on(
    path: Path,
    corpus: Corpus,
    split: str = "test",
    *,
    robustness: bool = False,
    by: str | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Score a run, or a model folder, on a split of another corpus.

    The result has the form that `evaluation.evaluate` gives; its `systems` are the majority class of training and the model.
    An utterance whose label the model does not know is predicted and not scored. `robustness`: also measure every subset of
    modalities, missing rates and noise (`evaluation.robustness`), for a model of several modalities. `by`: also score each group of a column of the corpus
    (`evaluation.groups`). `on_progress` gets the number of
    predictions that are made and their total.

    Raises:
        CorpusError: the corpus has no such split, or no label in it that the model knows.
        RunError: `path` is neither a run nor a model, or `robustness` is for a model of one modality.
    """
    dialogues = corpus.dialogues(split)
    utterances = list(corpus.utterances(split))
    folders = [path]
    if (path / CONFIG).is_file():
        folders = [folder / "model" for folder in read_run(path).seed_folders]
    models = [load_model(folder) for folder in folders]
    if robustness and len(models[0].encoders) < 2:
        raise RunError(f"{path} has one modality only: --robustness needs two or more.")
    labels = models[0].labels
    truth = find_known_labels(utterances, labels)
    if not truth:
        known = ", ".join(labels.names)
        raise CorpusError(
            f"{corpus.name} has no {split} utterance with one of the labels {known}: nothing can be scored."
        )
    probabilities, modalities, values = [], [], []
    missing = dict.fromkeys(models[0].encoders, 0)
    for number, model in enumerate(models):
        predictions = []
        for prediction in model.predict(dialogues):
            predictions.append(prediction)
            on_progress(number * len(utterances) + len(predictions), len(models) * len(utterances))
        probabilities.append(np.asarray([list(each.probabilities.values()) for each in predictions]))
        modalities.append([each.modalities for each in predictions])
        values.append([each.dimensions for each in predictions])
        missing = {name: sum(name in each.missing for each in predictions) for name in missing}
    indices, expected = list(truth), list(truth.values())
    system = FUSED if len(missing) > 1 else next(iter(missing))
    predicted = [each[indices].argmax(1).tolist() for each in probabilities]
    scored = [each[indices] for each in probabilities]
    errors = [calibration_error(expected, each) for each in scored]
    sets = [
        (model.conformal, p, [names[index] for index in indices])
        for model, p, names in zip(models, scored, modalities, strict=True)
        if model.conformal is not None
    ]
    most_frequent = int(np.argmax(models[0].prior))
    result: dict[str, Any] = {
        "corpus": corpus.name,
        "split": split,
        "protocol": models[0].info.get("protocol", ""),
        "seeds": len(models),
        "labels": list(labels.names),
        "utterances": len(utterances),
        "scored": len(indices),
        "labelled": True,
        "missing": missing,
        "systems": {
            MAJORITY: score(expected, [[most_frequent] * len(indices)], labels.names),
            system: score(expected, predicted, labels.names)
            | {"calibration_error": errors}
            | measure_confidence(expected, scored),
        },
        "sets": measure_sets(expected, sets) if sets else {},
        "warning": models[0].warning,
    }
    names = [each.name for each in labels.dimensions]
    if names and (dimensions := measure_dimensions(names, utterances, values)):
        result["dimensions"] = {system: dimensions}
    if by is not None:
        groups = list_groups(corpus, split, by)
        measured = measure_groups([groups[index] for index in indices], expected, predicted, labels.names)
        result["groups"] = {by: {"system": system, **measured}}
    if robustness:
        by_key = {utterances[index].key: label for index, label in truth.items()}
        result["robustness"] = {system: measure_robustness(LoadedModels(models, dialogues, by_key))}
    return result


def find_known_labels(utterances: Sequence[Utterance], labels: LabelSet) -> dict[int, int]:
    """The label of each utterance that has one of these labels, by the utterance's index."""
    found, unknown = {}, set()
    for index, utterance in enumerate(utterances):
        if utterance.emotion is None:
            continue
        try:
            found[index] = labels.index(utterance.emotion)
        except CorpusError:
            unknown.add(utterance.emotion)
    if unknown:
        log.warning("the model has no label %s: these utterances are not scored", ", ".join(sorted(unknown)))
    return found
