from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import LabelSet
from mmerc.features import Row
from mmerc.files import read_jsonl
from mmerc.fusion import CrossmodalEmbraceNet, FusionConfig
from mmerc.model.calibration import Decision
from mmerc.model.inference import fused_answers, own_answers, predict_split, prediction_row, prior_of

LABELS = LabelSet(("down", "up"))
TURNS = tuple(Utterance("test", 0, n, "Ann", f"line {n}", n * 1.0, n + 1.0) for n in range(3))
KEYS = [turn.key for turn in TURNS]


def rows(*present: bool) -> dict[tuple[str, str, str], Row]:
    values = np.ones((2, 3), np.float16)
    return {
        key: Row(key, values, None, {"logits": [0.0, 1.0]}) if there else Row(key, None, "why")
        for key, there in zip(KEYS, present, strict=True)
    }


def test_a_row_has_the_designs_columns() -> None:
    row = prediction_row(TURNS[1], LABELS, [0.25, 0.75], ["text"])
    assert row == {
        "split": "test", "dialogue": 0, "utterance": 1, "speaker": "Ann", "text": "line 1", "start": 1.0, "end": 2.0,
        "emotion": "up", "probabilities": {"down": 0.25, "up": 0.75}, "modalities": ["text"],
    }  # fmt: skip


def test_what_has_no_modality_gets_the_prior(tmp_path: Path) -> None:
    torch.manual_seed(0)
    corpus = Corpus("c", LABELS, {"test": (Dialogue("test", 0, TURNS),)})
    fusion = CrossmodalEmbraceNet(FusionConfig(d_model=4, num_heads=1, fused_size=8), {"a": 3, "b": 3}, 2).eval()
    features = {"a": rows(True, False, False), "b": rows(True, True, False)}
    said = predict_split(tmp_path, corpus, "test", features, fusion, [0.9, 0.1], {})
    assert said[KEYS[2]] == 0
    fused = read_jsonl(tmp_path / "test.jsonl")
    assert [row["modalities"] for row in fused] == [["a", "b"], ["b"], []]
    assert fused[2]["probabilities"] == {"down": 0.9, "up": 0.1}
    alone = read_jsonl(tmp_path / "a" / "test.jsonl")
    assert [row["modalities"] for row in alone] == [["a"], [], []]
    assert alone[0]["probabilities"]["up"] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-5)
    predict_split(
        tmp_path, corpus, "test", features, fusion, [0.9, 0.1], {"a": Decision(share=1.0)}
    )  # the prior's odds of 9 taken off
    corrected = read_jsonl(tmp_path / "a" / "test.jsonl")
    assert corrected[0]["probabilities"]["up"] == pytest.approx(1 / (1 + np.exp(-1) / 9), abs=1e-5)
    assert corrected[2]["probabilities"] == {"down": 0.9, "up": 0.1}
    assert read_jsonl(tmp_path / "test.jsonl") == fused


def test_answers_only_for_what_is_there() -> None:
    fusion = CrossmodalEmbraceNet(FusionConfig(d_model=4, num_heads=1, fused_size=8), {"a": 3, "b": 3}, 2).eval()
    probabilities, vectors = fused_answers(fusion, {"a": rows(False, True, False), "b": rows(False, True, True)}, KEYS)
    assert list(probabilities) and set(probabilities) == {KEYS[1], KEYS[2]} == set(vectors)
    assert set(own_answers(rows(False, True, False), KEYS)) == {KEYS[1]}


def test_the_prior_is_the_share_of_the_training_labels() -> None:
    turns = tuple(Utterance("train", 0, n, emotion=label) for n, label in enumerate(["up", "up", "up", "down", None]))
    assert prior_of(Corpus("c", LABELS, {"train": (Dialogue("train", 0, turns),)})) == [0.25, 0.75]
