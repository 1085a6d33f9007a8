"""A trained model, or all seeds of a run, on a labelled corpus that it has never seen."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.corpora import Utterance
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError
from mmerc.evaluation.evaluate import MAJORITY
from mmerc.evaluation.metrics import calibration_error, score
from mmerc.files import read_json
from mmerc.inference.inputs import corpus_and_split
from mmerc.inference.predictor import Predictor
from mmerc.model.calibration import FUSED
from mmerc.training.run_folder import CONFIG, read_config, seed_folders

log = logging.getLogger("mmerc")


def evaluate_on(
    place: Path, location: str, report: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """Score a run, or a model folder, on `KIND:PATH#split`, whose split is `test` where none is named.

    The result has the form that `evaluation.evaluate` gives; `systems` are the majority class of training and the model. An utterance
    whose label the model does not know is predicted and not scored. `report` is told how many answers of how many there are.

    Raises:
        CorpusError: it has no such split, or no label there that the model knows.
        RunError: `place` is neither a run nor a model.
    """
    corpus, split = corpus_and_split(location)
    split = split or "test"
    dialogues = corpus.dialogues(split)
    turns = list(corpus.utterances(split))
    models = [place]
    if (place / CONFIG).is_file():
        models = [folder / "model" for folder in seed_folders(place, read_config(place)[2])]
    predictors = [Predictor.load(model) for model in models]
    labels = predictors[0].labels
    truth = _known(turns, labels)
    if not truth:
        raise CorpusError(
            f"{corpus.name} has no {split} utterance with one of the labels {', '.join(labels.names)}: there is nothing to score."
        )
    answers, missing = [], dict.fromkeys(predictors[0].encoders, 0)
    for number, predictor in enumerate(predictors):
        rows = []
        for row in predictor.predict(dialogues):
            rows.append(row)
            report(number * len(turns) + len(rows), len(predictors) * len(turns))
        answers.append(np.asarray([list(row["probabilities"].values()) for row in rows]))
        missing = {name: sum(name not in row["modalities"] for row in rows) for name in missing}
    places, expected = list(truth), list(truth.values())
    name = FUSED if len(missing) > 1 else next(iter(missing))
    said = [each[places].argmax(1).tolist() for each in answers]
    errors = [calibration_error(expected, each[places]) for each in answers]
    commonest = int(np.argmax(predictors[0].prior))
    return {
        "corpus": corpus.name,
        "split": split,
        "protocol": read_json(models[0] / "config.json").get("protocol", ""),
        "seeds": len(models),
        "labels": list(labels.names),
        "utterances": len(turns),
        "scored": len(places),
        "labelled": True,
        "missing": missing,
        "systems": {
            MAJORITY: score(expected, [[commonest] * len(places)], labels.names),
            name: score(expected, said, labels.names) | {"calibration_error": errors},
        },
    }


def _known(turns: Sequence[Utterance], labels: LabelSet) -> dict[int, int]:
    """The label of each utterance that has one of these, by the utterance's place."""
    found, strange = {}, set()
    for place, turn in enumerate(turns):
        if turn.emotion is None:
            continue
        try:
            found[place] = labels.index(turn.emotion)
        except CorpusError:
            strange.add(turn.emotion)
    if strange:
        log.warning("the model does not know %s: these utterances are not scored", ", ".join(sorted(strange)))
    return found
