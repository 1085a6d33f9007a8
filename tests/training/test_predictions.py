import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mmerc.corpora import Corpus, Dialogue, Key, Utterance
from mmerc.corpora.joined import join_corpora
from mmerc.emotions import LabelSet
from mmerc.features import FeatureRow
from mmerc.fusion import FusionConfig, build_fusion
from mmerc.model import conformal
from mmerc.model.calibration import Calibration
from mmerc.model.inference import predict_fused
from mmerc.training.predictions import compute_prior, fit_calibrations, fit_conformal, write_predictions
from mmerc.training.splits import get_labels, get_speakers

LABELS = LabelSet(("joy", "fear"))
KEYS: list[Key] = [("dev", "a", str(number)) for number in range(3)]


@pytest.fixture
def corpus() -> Corpus:
    emotions = {"train": ["joy", "joy", "joy", "fear"], "dev": ["joy", "fear", None]}
    splits = {
        split: (Dialogue(split, "a", tuple(Utterance(split, "a", n, emotion=each) for n, each in enumerate(found))),)
        for split, found in emotions.items()
    }
    return Corpus("c", LABELS, splits)


@pytest.fixture
def features() -> dict[str, dict[Key, FeatureRow]]:
    def row(key: Key, logits: list[float] | None) -> FeatureRow:
        if logits is None:
            return FeatureRow(key, None, "it has no clip")
        return FeatureRow(key, np.full((2, 3), logits[0], np.float16), None, {"logits": logits})

    return {
        "audio": dict(zip(KEYS, [row(KEYS[0], [1.0, 0.0]), row(KEYS[1], None), row(KEYS[2], None)], strict=True)),
        "face": dict(zip(KEYS, [row(KEYS[0], [0.0, 2.0]), row(KEYS[1], [0.0, 3.0]), row(KEYS[2], None)], strict=True)),
    }


def test_the_prior_is_the_share_of_each_label_in_training(corpus: Corpus) -> None:
    assert compute_prior(corpus) == [0.75, 0.25]


def test_the_prior_of_several_corpora_does_not_depend_on_their_sizes(corpus: Corpus) -> None:
    turns = tuple(Utterance("train", "b", n, emotion="fear" if n < 90 else "anger") for n in range(120))
    large = Corpus("d", LabelSet(("fear", "anger")), {"train": (Dialogue("train", "b", turns),)})
    joined = join_corpora({"small": corpus, "large": large})
    assert joined.labels.names == ("anger", "fear", "joy")
    # small: fear 0.25, joy 0.75; large: anger 0.25, fear 0.75. Only fear is in both, with a mean of 0.5.
    assert compute_prior(joined) == pytest.approx([0.25 / 1.5, 0.5 / 1.5, 0.75 / 1.5])


def test_each_system_has_a_row_for_every_utterance(
    corpus: Corpus, features: dict[str, dict[Key, FeatureRow]], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    fusion = build_fusion(FusionConfig(d_model=8, fused_size=8, num_heads=1), {"audio": 3, "face": 3}, 2).eval()
    predicted = write_predictions(
        tmp_path, corpus, "dev", features, fusion, prior=[0.75, 0.25], calibrations={}, model="c-1234"
    )
    assert list(predicted) == KEYS and predicted[KEYS[2]] == 0  # the prior favours joy
    rows = {
        name: [json.loads(line) for line in (tmp_path / name / "dev.jsonl").read_text().splitlines()]
        for name in ("", "audio", "face")
    }
    assert [row["modalities"] for row in rows[""]] == [["audio", "face"], ["face"], []]
    assert rows[""][1]["missing"] == {"audio": "it has no clip"}
    assert [row["modalities"] for row in rows["audio"]] == [["audio"], [], []]
    assert rows["audio"][0]["probabilities"]["joy"] == pytest.approx(0.731059)  # softmax of 1 and 0
    assert rows["audio"][1]["probabilities"] == rows[""][2]["probabilities"] == {"joy": 0.75, "fear": 0.25}
    assert {row["model"] for row in rows["face"]} == {"c-1234"}
    vectors = load_file(tmp_path / "dev.safetensors")["embedding"]
    assert vectors.shape == (3, 8) and not vectors[2].any()


def test_one_modality_is_its_own_result_with_the_mean_of_its_sequence(
    corpus: Corpus, features: dict[str, dict[Key, FeatureRow]], tmp_path: Path
) -> None:
    only = {"audio": features["audio"]}
    calibrations = {"audio": Calibration(temperature=0.5)}
    write_predictions(tmp_path, corpus, "dev", only, None, prior=[0.75, 0.25], calibrations=calibrations, model="")
    first = json.loads((tmp_path / "dev.jsonl").read_text().splitlines()[0])
    assert first["probabilities"]["joy"] == pytest.approx(0.880797)  # softmax of 2 and 0
    assert load_file(tmp_path / "dev.safetensors")["embedding"].tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_each_subset_of_modalities_gets_its_own_scores(
    corpus: Corpus, features: dict[str, dict[Key, FeatureRow]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conformal, "MIN_UTTERANCES", 1)
    torch.manual_seed(0)
    fusion = build_fusion(FusionConfig(d_model=8, fused_size=8, num_heads=1), {"audio": 3, "face": 3}, 2).eval()
    labels, speakers, prior = get_labels(corpus, "dev"), get_speakers(corpus), [0.75, 0.25]
    found = fit_conformal(features, fusion, KEYS, labels, speakers, prior, {})
    assert found is not None
    # The first utterance has both modalities, the second has its face only, the third has neither and no label.
    assert {name: each.count for name, each in found.subsets.items()} == {
        "any": 2, "audio": 1, "face": 2, "audio+face": 1,
    }  # fmt: skip
    alone = {key: FeatureRow(key, None, "left out") for key in KEYS}
    (p,) = predict_fused(fusion, {**features, "face": alone}, KEYS[:1], speakers)[0].values()
    assert found.subsets["audio"].scores == pytest.approx([1 - p[labels[KEYS[0]]]], abs=2e-6)
    single = fit_conformal({"audio": features["audio"]}, None, KEYS, labels, speakers, prior, {})
    assert single is not None and single.subsets["audio"].scores == pytest.approx([1 - 0.731059], abs=2e-6)
    assert fit_conformal(features, fusion, [], {}, speakers, prior, {}) is None


def test_calibrations_are_fitted_to_each_system(corpus: Corpus, features: dict[str, dict[Key, FeatureRow]]) -> None:
    labels = get_labels(corpus, "dev")
    found = fit_calibrations(features, None, KEYS, labels, get_speakers(corpus), [0.75, 0.25])
    assert set(found) == {"audio", "face"}
    # The audio is right with 0.73: the likelihood is largest at the smallest temperature, and no prior weight is needed.
    assert found["audio"].prior_weight == 0.0
    assert found["audio"].temperature == pytest.approx(0.25, abs=0.01)
    assert found["face"].temperature > 1.0  # it is wrong on one of two utterances
