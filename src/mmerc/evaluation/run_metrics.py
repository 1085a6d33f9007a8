"""Scoring the predictions of a run against the labels of its corpus: `metrics.json`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.config.schema import FUSED, MAJORITY
from mmerc.corpora import Corpus, Key, Utterance, open_corpus
from mmerc.errors import RunError
from mmerc.evaluation.annotators import measure_annotators
from mmerc.evaluation.confidence import measure_confidence, measure_sets
from mmerc.evaluation.dimensions import measure_dimensions
from mmerc.evaluation.groups import list_groups, measure_groups
from mmerc.evaluation.metrics import calibration_error, score
from mmerc.evaluation.robustness import measure_robustness
from mmerc.evaluation.signal_robustness import measure_signal_robustness
from mmerc.evaluation.trained_fusions import TrainedFusion, list_compared_fusions, load_fusions
from mmerc.files import read_json, read_json_value, read_jsonl, write_json
from mmerc.model.conformal import ConformalSets
from mmerc.training.environment import compute_fingerprint
from mmerc.training.run_folder import CORPUS, ENVIRONMENT, Run, read_run
from mmerc.training.splits import add_selection_split

METRICS = "metrics.json"
RowsByKey = dict[Key, dict[str, Any]]


def open_run_corpus(run: Run) -> Corpus:
    """The corpus that a run was trained on, with the split that selected its checkpoints.

    Raises:
        RunError: the corpus has changed since.
    """
    corpus = add_selection_split(open_corpus(run.location))
    check_unchanged(run, corpus)
    return corpus


def check_unchanged(run: Run, corpus: Corpus) -> None:
    """Raises RunError: the corpus is not the one that the run was trained on."""
    if read_json(run.folder / ENVIRONMENT).get(CORPUS) != compute_fingerprint(corpus):
        raise RunError(
            f"the corpus {run.location} has changed since {run.folder} was trained on it: train again into another folder."
        )


def evaluate(
    run_folder: str | Path,
    split: str = "test",
    corpus: Corpus | None = None,
    *,
    robustness: bool = False,
    signal: bool = False,
    by: str | None = None,
) -> dict[str, Any]:
    """Score a split of a run and write the result into its `metrics.json`, where other splits are kept.

    `corpus`: what `open_run_corpus` gave, where the caller has it. `robustness`: also measure every subset of modalities,
    missing rates and noise (`evaluation.robustness`), for the run's fusion and for the compared ones; this takes about forty
    times as long. `signal`: also degrade the sound of the recordings and score again (`evaluation.signal_robustness`); this
    encodes the split eleven times. `by`: a column of the corpus, such as gender; the system of the run is also scored for each group
    (`evaluation.groups`). Without them, what was measured earlier is kept.

    The result has `systems`: the majority class, each modality alone and the fusion, scored on the labelled utterances. In a
    split without labels it is empty and `labelled` is false. A system with probabilities has `selective` and `reliability` (see
    `evaluation.confidence`). `sets` has the coverage and the size of the prediction sets of the run. `corpora` has the systems for each of several joined corpora, on its
    utterances alone. `dimensions` has the CCC of continuous dimensions (`evaluation.dimensions`), and `annotators` of a system how it fits
    their votes (`evaluation.annotators`), where the corpus has them. `fusions` has the metrics, parameters and seconds of training of
    the compared fusions.

    Raises:
        RunError: the run has no predictions of the split, or the features were deleted that the measurement needs.
    """
    run = read_run(Path(run_folder))
    config = run.config
    corpus = corpus or open_run_corpus(run)
    utterances = list(corpus.utterances(split))
    rows = read_predictions(run, corpus, split)
    labelled = [utterance for utterance in utterances if utterance.emotion is not None]
    result: dict[str, Any] = {
        "corpus": corpus.name,
        "split": split,
        "protocol": config.protocol,
        "seeds": run.seeds,
        "labels": list(corpus.labels.names),
        "utterances": len(utterances),
        "scored": len(labelled),
        "labelled": bool(labelled),
        "missing": {name: sum(not row["modalities"] for row in rows[name][0].values()) for name in config.modalities},
        "systems": {},
        "warning": corpus.warning,
    }
    if labelled:
        result["systems"] = _score_systems(corpus, labelled, rows)
        result["sets"] = _measure_sets(run, corpus, labelled, rows)
        if dimensions := _measure_dimensions(corpus, utterances, rows):
            result["dimensions"] = dimensions
        for member in corpus.members:
            own = [
                each
                for dialogue in corpus.dialogues(split)
                if dialogue.corpus == member
                for each in dialogue.utterances
                if each.emotion is not None
            ]
            if own:
                systems = _score_systems(corpus, own, rows)
                result.setdefault("corpora", {})[member] = {"scored": len(own), "systems": systems}
    if labelled and by is not None:
        groups = [group for group, each in zip(list_groups(corpus, split, by), utterances, strict=True) if each.emotion]
        system, predicted = list(list_predicted_labels(corpus, labelled, rows).items())[-1]
        truth = [corpus.labels.index(str(each.emotion)) for each in labelled]
        measured = measure_groups(groups, truth, predicted, corpus.labels.names)
        result["groups"] = {by: {"system": system, **measured}}
    file = run.folder / METRICS
    earlier = read_json(file) if file.is_file() else {}
    if labelled and (robustness or signal or list_compared_fusions(run)):
        has_fusion = robustness or len(config.modalities) > 1
        fusions = load_fusions(run, corpus, split) if has_fusion else {}
        if robustness:
            result["robustness"] = {name: measure_robustness(fusion) for name, fusion in fusions.items()}
        if signal:
            result["signal_robustness"] = measure_signal_robustness(run, corpus, split, fusions)
        if len(fusions) > 1:
            result["fusions"] = {name: _measure_fusion(fusion) for name, fusion in fusions.items()}
    for name in ("robustness", "signal_robustness"):
        if name not in result and name in earlier.get(split, {}):
            result[name] = earlier[split][name]
    if "groups" in earlier.get(split, {}):
        result["groups"] = earlier[split]["groups"] | result.get("groups", {})
    write_json(file, earlier | {split: result})
    return result


def _measure_fusion(fusion: TrainedFusion) -> dict[str, Any]:
    seconds = [sum(entry["seconds"] for entry in read_json_value(history)) for history in fusion.histories]
    return {
        **fusion.score(),
        "parameters": sum(value.numel() for value in fusion.networks[0].parameters()),
        "seconds": sum(seconds) / len(seconds),
    }


def read_predictions(run: Run, corpus: Corpus, split: str) -> dict[str, list[RowsByKey]]:
    """The rows of the predictions of a split: for each modality, and for the fusion if there are several, those of each seed.

    Raises:
        RunError: the run has no predictions of the split, or not of every utterance.
    """
    modalities = list(run.config.modalities)
    utterances = list(corpus.utterances(split))
    return {
        name: [
            _read_rows(folder / "predictions" / ("" if name == FUSED else name) / f"{split}.jsonl", utterances)
            for folder in run.seed_folders
        ]
        for name in [*modalities, *([FUSED] if len(modalities) > 1 else [])]
    }


def list_predicted_labels(
    corpus: Corpus, labelled: Sequence[Utterance], rows: dict[str, list[RowsByKey]]
) -> dict[str, list[list[int]]]:
    """The predicted label of each labelled utterance, for each system and seed; also for the majority class of training."""
    training = [corpus.labels.index(each.emotion) for each in corpus.utterances("train") if each.emotion]
    most_frequent = max(range(len(corpus.labels)), key=training.count)
    return {MAJORITY: [[most_frequent] * len(labelled)]} | {
        name: [[corpus.labels.index(seed[utterance.key]["emotion"]) for utterance in labelled] for seed in seeds]
        for name, seeds in rows.items()
    }


def _score_systems(corpus: Corpus, labelled: Sequence[Utterance], rows: dict[str, list[RowsByKey]]) -> dict[str, Any]:
    keys = [utterance.key for utterance in labelled]
    truth = [corpus.labels.index(str(utterance.emotion)) for utterance in labelled]
    systems = {}
    for name, predicted in list_predicted_labels(corpus, labelled, rows).items():
        systems[name] = score(truth, predicted, corpus.labels.names)
        if name in rows:
            probabilities = [_probabilities(seed, keys) for seed in rows[name]]
            systems[name]["calibration_error"] = [calibration_error(truth, each) for each in probabilities]
            systems[name] |= measure_confidence(truth, probabilities)
            if annotators := measure_annotators(corpus.labels, labelled, probabilities):
                systems[name]["annotators"] = annotators
    return systems


def _measure_dimensions(
    corpus: Corpus, utterances: Sequence[Utterance], rows: dict[str, list[RowsByKey]]
) -> dict[str, Any]:
    """The continuous dimensions of each system, over all utterances with a rating; empty for a corpus without dimensions."""
    names = [each.name for each in corpus.labels.dimensions]
    found = {
        system: measure_dimensions(
            names, utterances, [[seed[each.key].get("dimensions") for each in utterances] for seed in seeds]
        )
        for system, seeds in rows.items()
    }
    return {system: measured for system, measured in found.items() if measured}


def _measure_sets(
    run: Run, corpus: Corpus, labelled: Sequence[Utterance], rows: dict[str, list[RowsByKey]]
) -> dict[str, Any]:
    """The prediction sets of the fusion, or of the only modality; empty for a run that was trained without them."""
    keys = [utterance.key for utterance in labelled]
    seeds = [
        (conformal, _probabilities(found, keys), [found[key]["modalities"] for key in keys])
        for folder, found in zip(run.seed_folders, list(rows.values())[-1], strict=True)
        if (conformal := ConformalSets.load(folder / "model")) is not None
    ]
    truth = [corpus.labels.index(str(utterance.emotion)) for utterance in labelled]
    return measure_sets(truth, seeds) if seeds else {}


def _probabilities(rows: RowsByKey, keys: list[Key]) -> np.ndarray:
    return np.asarray([list(rows[key]["probabilities"].values()) for key in keys])


def _read_rows(file: Path, utterances: Sequence[Utterance]) -> RowsByKey:
    if not file.is_file():
        raise RunError(
            f"{file} does not exist: finish the training of the run, or choose a split that it predicts (dev, test or held-out)."
        )
    rows = {tuple(str(row.get(part)) for part in ("split", "dialogue", "utterance")): row for row in read_jsonl(file)}
    absent = [utterance.name for utterance in utterances if utterance.key not in rows]
    if absent:
        raise RunError(
            f"{file} has no row for {len(absent)} utterances (the first is {absent[0]}): delete its folder and train again."
        )
    return {utterance.key: rows[utterance.key] for utterance in utterances}
