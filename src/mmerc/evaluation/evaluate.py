"""From a run's predictions and its corpus's labels to `metrics.json`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.corpora import Corpus, Key, Utterance, open_corpus
from mmerc.errors import RunError
from mmerc.evaluation.metrics import calibration_error, score
from mmerc.evaluation.robustness import robustness
from mmerc.evaluation.trained_fusions import Trained, compared, fusions_of
from mmerc.files import read_json, read_json_value, read_jsonl, write_json
from mmerc.model.calibration import FUSED
from mmerc.training.run_folder import corpus_fingerprint, read_config, seed_folders
from mmerc.training.selection import trainable

MAJORITY = "majority"
Answers = dict[Key, dict[str, Any]]


def open_evaluated(run: Path) -> Corpus:
    """The corpus a run was trained on, with the dev split that training used."""
    _, location, _ = read_config(run)
    corpus = trainable(open_corpus(location))
    if read_json(run / "environment.json").get("corpus") != corpus_fingerprint(corpus):
        raise RunError(
            f"the corpus {location} has changed since {run} was trained on it: train again into another folder."
        )
    return corpus


def evaluate(
    run: Path, split: str = "test", corpus: Corpus | None = None, *, with_robustness: bool = False
) -> dict[str, Any]:
    """Score a split and write the result into `metrics.json`, which may hold other splits beside it.

    `systems` has the majority class first, then each modality alone, then the fusion; all are scored on the
    utterances that have a label. In a split without any, it is empty and `labelled` false. `corpus` is what
    `open_evaluated` gave for this run, where the caller has it already. `with_robustness` measures what is left when
    modalities fail (`evaluation.robustness`), which takes some forty times as long; without it, what an earlier call
    found is kept. It is measured for the run's fusion and for each that `mmerc train --fusions` trained beside it, and
    `fusions` then has the numbers, parameters and training seconds of each.

    Raises:
        RunError: the run has no predictions of the split, or the features are gone that robustness or other fusions need.
    """
    config, _, seeds = read_config(run)
    corpus = corpus or open_evaluated(run)
    turns = list(corpus.utterances(split))
    answers = {
        name: [
            _read(folder / "predictions" / ("" if name == FUSED else name) / f"{split}.jsonl", turns)
            for folder in seed_folders(run, seeds)
        ]
        for name in (FUSED, *config.modalities)
    }
    labelled = [turn for turn in turns if turn.emotion is not None]
    result: dict[str, Any] = {
        "corpus": corpus.name,
        "split": split,
        "protocol": config.protocol,
        "seeds": seeds,
        "labels": list(corpus.labels.names),
        "utterances": len(turns),
        "scored": len(labelled),
        "labelled": bool(labelled),
        "missing": {
            name: sum(not row["modalities"] for row in answers[name][0].values()) for name in config.modalities
        },
        "systems": {},
    }
    if result["labelled"]:
        result["systems"] = _systems(corpus, [turn.key for turn in labelled], answers, list(config.modalities))
    file = run / "metrics.json"
    before = read_json(file) if file.is_file() else {}
    if result["labelled"] and (with_robustness or compared(run)):
        fusions = fusions_of(run, corpus, split)
        if with_robustness:
            result["robustness"] = {name: robustness(fusion) for name, fusion in fusions.items()}
        if len(fusions) > 1:
            result["fusions"] = {name: _measured(fusion) for name, fusion in fusions.items()}
    if not with_robustness and "robustness" in before.get(split, {}):
        result["robustness"] = before[split]["robustness"]
    write_json(file, before | {split: result})
    return result


def _measured(fusion: Trained) -> dict[str, Any]:
    seconds = [sum(entry["seconds"] for entry in read_json_value(history)) for history in fusion.histories]
    return {
        **fusion.scored(),
        "parameters": sum(value.numel() for value in fusion.networks[0].parameters()),
        "seconds": sum(seconds) / len(seconds),
    }


def _systems(
    corpus: Corpus, keys: list[Key], answers: dict[str, list[Answers]], modalities: list[str]
) -> dict[str, Any]:
    truth = {turn.key: turn.emotion or "" for split in corpus.splits for turn in corpus.utterances(split)}
    labels = [corpus.labels.index(truth[key]) for key in keys]
    training = [corpus.labels.index(turn.emotion) for turn in corpus.utterances("train") if turn.emotion]
    commonest = max(range(len(corpus.labels)), key=training.count)
    systems = {MAJORITY: score(labels, [[commonest] * len(keys)], corpus.labels.names)}
    for name in [*modalities, *([FUSED] if len(modalities) > 1 else [])]:
        predicted = [[corpus.labels.index(rows[key]["emotion"]) for key in keys] for rows in answers[name]]
        errors = [calibration_error(labels, _probabilities(rows, keys)) for rows in answers[name]]
        systems[name] = score(labels, predicted, corpus.labels.names) | {"calibration_error": errors}
    return systems


def _probabilities(rows: Answers, keys: list[Key]) -> np.ndarray:
    return np.asarray([list(rows[key]["probabilities"].values()) for key in keys])


def _read(file: Path, turns: Sequence[Utterance]) -> Answers:
    if not file.is_file():
        raise RunError(
            f"{file} does not exist: train the run to its end, or choose a split that it predicted (dev, test or held-out)."
        )
    rows = {tuple(str(row.get(part)) for part in ("split", "dialogue", "utterance")): row for row in read_jsonl(file)}
    lost = [turn.name for turn in turns if turn.key not in rows]
    if lost:
        raise RunError(
            f"{file} has no row for {len(lost)} utterances ({lost[0]} first): delete its folder and train again."
        )
    return {turn.key: rows[turn.key] for turn in turns}
