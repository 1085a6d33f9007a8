"""What the speaker's other utterances are worth: recall by the number of references and by their labels, as JSON.

    python benchmarks/speaker_reference.py MODEL [--corpora ravdess:../shared/data/ravdess#dev ...] [--draws 5] [--out FILE]

Each utterance of a corpus is predicted alone, and with 1, 3, 10 or all references, which are drawn at random from the same
speaker's other utterances. `uniform`: each label is as likely as another. `skewed`: labels are as frequent as in MELD's training split,
so that half of the references are neutral. The figures are the unweighted average recall (UAR) over the labels of the corpus, the mean of the draws.
The reference to compare with is 0: the same network without any reference.
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from result import show
from sklearn.metrics import recall_score

from mmerc.corpora import Corpus
from mmerc.emotions import MELD_PRIOR
from mmerc.encoders import Example
from mmerc.encoders.audio.pretrained import PretrainedSpeech
from mmerc.features import FeatureRow
from mmerc.inference.inputs import open_corpus_and_split
from mmerc.model import load_model
from mmerc.model.extraction import prepare_row

COUNTS = (0, 1, 3, 10, None)  # None: as many as the label frequencies allow


def read_rows(encoder: PretrainedSpeech, corpus: Corpus, split: str) -> dict[str, list[tuple[str, FeatureRow]]]:
    """The label and the prepared input of each labelled utterance, by speaker."""
    found = defaultdict(list)
    for dialogue in corpus.dialogues(split):
        for index, utterance in enumerate(dialogue.utterances):
            row = prepare_row(encoder, dialogue, index) if utterance.emotion else None
            if row is not None and row.values is not None:
                found[utterance.speaker].append((str(utterance.emotion), row))
    return found


def draw_references(
    labels: Sequence[str], target: int, count: int | None, weights: Mapping[str, float], rng: np.random.Generator
) -> list[int]:
    """Indices of at most `count` other utterances, whose labels are as frequent as `weights` say."""
    by_label = defaultdict(list)
    for index in rng.permutation(len(labels)):
        if index != target:
            by_label[labels[index]].append(int(index))
    present = [label for label in weights if by_label[label]]
    total = sum(weights[label] for label in present)
    most = int(min(len(by_label[label]) * total / weights[label] for label in present))
    count = most if count is None else min(count, most)
    expected = np.array([count * weights[label] / total for label in present])
    taken = expected.astype(int)
    order = np.argsort(-(expected - taken + rng.random(len(present)) * 1e-3))
    taken[order[: count - taken.sum()]] += 1
    return [index for label, number in zip(present, taken, strict=True) for index in by_label[label][:number]]


@torch.inference_mode()
def measure(
    encoder: PretrainedSpeech,
    rows: Mapping[str, list[tuple[str, FeatureRow]]],
    names: Sequence[str],
    count: int | None,
    weights: Mapping[str, float],
    rng: np.random.Generator,
) -> float:
    truth, predicted = [], []
    for utterances in rows.values():
        labels = [label for label, _ in utterances]
        batch = encoder.collate([Example(row.key, row.values) for _, row in utterances if row.values is not None])
        references = torch.zeros(len(labels), len(labels), dtype=torch.bool)
        for target in range(len(labels)):
            references[target, draw_references(labels, target, count, weights, rng)] = True
        logits = encoder(batch | {"is_reference": references}).logits
        truth += labels
        predicted += [names[index] for index in logits.argmax(1).tolist()]
    return float(100 * recall_score(truth, predicted, average="macro", labels=sorted(set(truth)), zero_division=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument(
        "--corpora", nargs="+", default=["ravdess:../shared/data/ravdess#dev", "emodb:../shared/data/emodb#train"]
    )
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = load_model(options.model)
    (encoder,) = (each for each in model.encoders.values() if isinstance(each, PretrainedSpeech))
    result: dict[str, Any] = {"model": str(options.model), "draws": options.draws}
    for location in options.corpora:
        corpus, split = open_corpus_and_split(location)
        rows = read_rows(encoder, corpus, split or "test")
        for name, weights in {"uniform": dict.fromkeys(MELD_PRIOR, 1), "skewed": MELD_PRIOR}.items():
            result[f"{location}, {name}"] = {
                "all" if count is None else str(count): round(
                    float(
                        np.mean(
                            [
                                measure(encoder, rows, model.labels.names, count, weights, np.random.default_rng(seed))
                                for seed in range(options.draws if count != 0 else 1)
                            ]
                        )
                    ),
                    1,
                )
                for count in COUNTS
            }
    show(result, options.out)


if __name__ == "__main__":
    main()
