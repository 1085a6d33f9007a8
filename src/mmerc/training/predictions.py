"""The predictions of a run: fused and of each modality alone, one row for every utterance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mmerc import weights
from mmerc.config.schema import FUSED
from mmerc.corpora import Corpus, Key
from mmerc.features import FeatureRow
from mmerc.files import replace_atomically, write_jsonl
from mmerc.fusion import Fusion
from mmerc.model.calibration import Calibration
from mmerc.model.collation import FeatureRows
from mmerc.model.conformal import ANY, DEFAULT_COVERAGE, ConformalSets, list_subsets, name_subset
from mmerc.model.inference import DimensionsByKey, predict_fused, predict_unimodal, predict_unimodal_dimensions
from mmerc.model.prediction import make_prediction
from mmerc.training.splits import get_speakers


def compute_prior(corpus: Corpus) -> list[float]:
    """The share of each label in training, in the order of the labels.

    Where several corpora are joined, it is the mean share of the label in the corpora that have it, normalised. A network that is
    trained on balanced batches with a softmax over the labels of each corpus learns these frequencies, whatever the sizes of
    the corpora.
    """
    counts: dict[str, Counter[str]] = {}
    for dialogue in corpus.dialogues("train"):
        found = counts.setdefault(dialogue.corpus, Counter())
        found.update(each.emotion for each in dialogue.utterances if each.emotion)
    shares = [[found[name] / found.total() for name in corpus.labels.names] for found in counts.values() if found]
    if len(shares) == 1:
        return shares[0]
    means = [sum(each) / max(1, sum(share > 0 for share in each)) for each in zip(*shares, strict=True)]
    return [mean / sum(means) for mean in means]


def fit_calibrations(
    features: Mapping[str, FeatureRows],
    fusion: Fusion | None,
    keys: Sequence[Key],
    labels: Mapping[Key, int],
    speakers: Mapping[Key, str],
    prior: Sequence[float],
) -> dict[str, Calibration]:
    """The calibration of each modality's own classifier and of the fusion, fitted to the labelled ones of `keys`."""
    found = {name: Calibration.fit(predict_unimodal(store, keys), labels, prior) for name, store in features.items()}
    if fusion is not None:
        found[FUSED] = Calibration.fit(predict_fused(fusion, features, keys, speakers)[0], labels, prior)
    return found


def fit_conformal(
    features: Mapping[str, FeatureRows],
    fusion: Fusion | None,
    keys: Sequence[Key],
    labels: Mapping[Key, int],
    speakers: Mapping[Key, str],
    prior: Sequence[float],
    calibrations: Mapping[str, Calibration],
) -> ConformalSets | None:
    """The prediction sets of the fusion, or of the only modality, from the labelled ones of `keys`.

    For each subset of modalities, the utterances that have all of it are predicted from it alone.
    """
    system = FUSED if fusion is not None else next(iter(features))
    calibration = calibrations.get(system, Calibration())

    def predict(names: Sequence[str], counted: Sequence[Key]) -> tuple[np.ndarray, np.ndarray]:
        left_out = {key: FeatureRow(key, None, "left out") for key in keys}
        kept = {name: rows if name in names else left_out for name, rows in features.items()}
        found = (
            predict_unimodal(kept[system], keys) if fusion is None else predict_fused(fusion, kept, keys, speakers)[0]
        )
        rows = calibration.apply({key: found[key] for key in counted}, prior)
        probabilities = np.asarray(list(rows.values()), np.float64).reshape(len(rows), len(prior))  # [N, C]
        return probabilities, np.asarray([labels[key] for key in rows], int)

    def list_present(names: Sequence[str], at_least: int) -> list[Key]:
        return [
            key
            for key in keys
            if key in labels and sum(features[name][key].values is not None for name in names) >= at_least
        ]

    subsets = {
        name_subset(subset): predict(subset, list_present(subset, len(subset))) for subset in list_subsets(features)
    }
    return ConformalSets.fit({ANY: predict(list(features), list_present(list(features), 1)), **subsets})


def write_predictions(
    folder: Path,
    corpus: Corpus,
    split: str,
    features: Mapping[str, FeatureRows],
    fusion: Fusion | None,
    *,
    prior: Sequence[float],
    calibrations: Mapping[str, Calibration],
    model: str,
    conformal: ConformalSets | None = None,
) -> dict[Key, int]:
    """Write SPLIT.jsonl, MODALITY/SPLIT.jsonl, and SPLIT.safetensors with a vector for each utterance [U, c].

    The vector is the fused one, or the mean of the sequence where there is one modality. A system without a calibration keeps
    its probabilities. `model`: the model's name. `conformal`: prediction sets for SPLIT.jsonl. Returns the predicted label of every utterance.
    """
    utterances = list(corpus.utterances(split))
    keys = [utterance.key for utterance in utterances]
    reasons = {name: {key: store[key].reason for key in keys} for name, store in features.items()}
    probabilities = {
        name: calibrations.get(name, Calibration()).apply(predict_unimodal(store, keys), prior)
        for name, store in features.items()
    }

    dimensions = {name: predict_unimodal_dimensions(store, keys) for name, store in features.items()}

    def write(
        file: Path,
        found: Mapping[Key, Sequence[float]],
        values: DimensionsByKey,
        names: Sequence[str],
        sets: ConformalSets | None = None,
    ) -> None:
        rows: list[dict[str, Any]] = []
        for utterance in utterances:
            key = utterance.key
            present = [name for name in names if reasons[name][key] is None]
            missing = {name: reason for name in names if (reason := reasons[name][key]) is not None}
            p = found.get(key, prior)
            prediction = make_prediction(
                utterance,
                corpus.labels,
                p,
                present,
                missing=missing,
                model=model,
                trained_on=corpus.name,
                warning=corpus.warning,
                conformal=sets.select(p, present, DEFAULT_COVERAGE) if sets else None,
                dimensions=values.get(key),
            )
            rows.append(prediction.to_dict())
        write_jsonl(file, rows)

    for name, own in probabilities.items():
        write(folder / name / f"{split}.jsonl", own, dimensions[name], [name])
    if fusion is not None:
        fused, vectors, values = predict_fused(fusion, features, keys, get_speakers(corpus))
        final = calibrations.get(FUSED, Calibration()).apply(fused, prior)
    else:
        ((name, store),) = features.items()
        final, vectors, values = probabilities[name], _mean_vectors(store, keys), dimensions[name]
    empty = torch.zeros_like(next(iter(vectors.values()), torch.zeros(1)))
    folder.mkdir(parents=True, exist_ok=True)
    with replace_atomically(folder / f"{split}.safetensors") as temporary:
        weights.write_tensors(temporary, {"embedding": torch.stack([vectors.get(key, empty) for key in keys])})
    write(folder / f"{split}.jsonl", final, values, list(features), conformal)
    return {key: int(np.argmax(final.get(key, prior))) for key in keys}


def _mean_vectors(store: FeatureRows, keys: Sequence[Key]) -> dict[Key, Float[Tensor, " d"]]:
    rows = {key: store[key].values for key in keys}
    return {
        key: torch.from_numpy(values.astype(np.float32).mean(0)) for key, values in rows.items() if values is not None
    }
