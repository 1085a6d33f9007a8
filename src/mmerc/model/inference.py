"""From features to prediction rows: fused and of each modality alone, a row for every utterance, none dropped."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save_file

from mmerc.corpora import Corpus, Key, Utterance
from mmerc.emotions import LabelSet
from mmerc.files import replacing, write_jsonl
from mmerc.fusion import Fusion
from mmerc.model.calibration import FUSED, Decision
from mmerc.training.batches import FusionExamples, Rows, arranged, unpacked

BATCH = 64


@dataclass(frozen=True)
class Said:
    """An utterance as those behind it read it: its fused vector, and its speaker's number in the conversation."""

    vector: Float[torch.Tensor, " c"]
    speaker: int


Row = dict[str, Any]


def prior_of(corpus: Corpus) -> list[float]:
    """The share of each label in training: all that can be said of an utterance without any modality."""
    counts = Counter(turn.emotion for turn in corpus.utterances("train") if turn.emotion)
    total = sum(counts.values())
    return [counts[name] / total for name in corpus.labels.names]


def prediction_row(turn: Utterance, labels: LabelSet, probabilities: Sequence[float], modalities: list[str]) -> Row:
    """One utterance's answer, in the columns that `mmerc predict` writes."""
    return {
        "split": turn.split,
        "dialogue": turn.dialogue,
        "utterance": turn.utterance,
        "speaker": turn.speaker,
        "text": turn.text,
        "start": turn.start,
        "end": turn.end,
        "emotion": labels.names[int(np.argmax(probabilities))],
        "probabilities": {name: round(float(p), 6) for name, p in zip(labels.names, probabilities, strict=True)},
        "modalities": modalities,
    }


@torch.inference_mode()
def fused_answers(
    fusion: Fusion,
    features: Mapping[str, Rows],
    keys: Sequence[Key],
    blocked_pairs: frozenset[tuple[str, str]] = frozenset(),
) -> tuple[dict[Key, list[float]], dict[Key, Float[torch.Tensor, " c"]]]:
    """Probabilities and fused vector of every key that has at least one modality.

    Where the fusion reads the dialogue, the keys of one are those of its utterances, in their order.
    """
    there = [key for key in keys if any(store[key].values is not None for store in features.values())]
    examples = FusionExamples(features, fusion.widths, there, [0] * len(there), whole=fusion.has_dialogue_context)
    probabilities: dict[Key, list[float]] = {}
    embeddings: dict[Key, torch.Tensor] = {}
    for units in arranged(examples.lengths, BATCH, None, [len(unit) for unit in examples.units]):
        places = [place for unit in units for place in examples.units[unit]]
        out = fusion(*unpacked(examples.collate(places, None)), blocked_pairs=blocked_pairs)
        for place, p, vector in zip(places, out.logits.softmax(1).tolist(), out.embedding, strict=True):
            probabilities[there[place]], embeddings[there[place]] = p, vector
    return probabilities, embeddings


@torch.inference_mode()
def answers_after(
    fusion: Fusion, before: Mapping[Key, Sequence[Said]], latest: Mapping[Key, Said]
) -> dict[Key, list[float]]:
    """The probabilities of the latest utterance of several conversations, `before` each of which others were said."""
    probabilities = {}
    for key, said in latest.items():
        whole = [*before.get(key, ()), said]
        dialogue = torch.tensor([[(place, each.speaker) for place, each in enumerate(whole)]])  # [1, L, 2]
        logits = fusion.classify(torch.stack([each.vector for each in whole]), dialogue)
        probabilities[key] = logits[-1].softmax(0).tolist()
    return probabilities


def own_answers(store: Rows, keys: Sequence[Key]) -> dict[Key, list[float]]:
    """The probabilities of the encoder's own classifier, where the modality is there."""
    rows = {key: store[key] for key in keys}
    return {
        key: torch.tensor(row.metadata["logits"]).softmax(0).tolist()
        for key, row in rows.items()
        if row.values is not None
    }


def decisions_of(
    features: Mapping[str, Rows],
    fusion: Fusion | None,
    keys: Sequence[Key],
    labels: Mapping[Key, int],
    prior: list[float],
) -> dict[str, Decision]:
    """What is best on the labelled ones of these utterances, for each modality's own answers and for the fused ones."""
    chosen = {name: Decision.chosen(own_answers(store, keys), labels, prior) for name, store in features.items()}
    if fusion is not None:
        chosen[FUSED] = Decision.chosen(fused_answers(fusion, features, keys)[0], labels, prior)
    return chosen


def predict_split(
    folder: Path,
    corpus: Corpus,
    split: str,
    features: Mapping[str, Rows],
    fusion: Fusion | None,
    prior: list[float],
    decisions: Mapping[str, Decision],
) -> dict[Key, int]:
    """Write `<split>.jsonl`, `<modality>/<split>.jsonl` for each modality, and the vectors behind the first.

    Returns the label that is said of every utterance.

    `decisions`: what is made of each modality's answers and of the fused ones; nothing where one is not named.
    """
    turns = list(corpus.utterances(split))
    keys = [turn.key for turn in turns]
    there = {key: [name for name, store in features.items() if store[key].values is not None] for key in keys}
    own = {
        name: decisions.get(name, Decision()).applied(own_answers(store, keys), prior)
        for name, store in features.items()
    }
    for name, answers in own.items():
        write_jsonl(
            folder / name / f"{split}.jsonl",
            (
                prediction_row(turn, corpus.labels, answers.get(turn.key, prior), [name] if turn.key in answers else [])
                for turn in turns
            ),
        )
    if fusion is not None:
        fused, vectors = fused_answers(fusion, features, keys)
        answers = decisions.get(FUSED, Decision()).applied(fused, prior)
    else:
        name, store = next(iter(features.items()))
        answers, vectors = own[name], _means(store, keys)
    empty = torch.zeros_like(next(iter(vectors.values()), torch.zeros(1)))
    (folder).mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{split}.safetensors") as temporary:
        save_file({"embedding": torch.stack([vectors.get(key, empty) for key in keys])}, temporary)
    write_jsonl(
        folder / f"{split}.jsonl",
        (prediction_row(turn, corpus.labels, answers.get(turn.key, prior), there[turn.key]) for turn in turns),
    )
    return {key: int(np.argmax(answers.get(key, prior))) for key in keys}


def _means(store: Rows, keys: Sequence[Key]) -> dict[Key, torch.Tensor]:
    rows = {key: store[key].values for key in keys}
    return {
        key: torch.from_numpy(values.astype(np.float32).mean(0)) for key, values in rows.items() if values is not None
    }
