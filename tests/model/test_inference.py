import numpy as np
import pytest
import torch

from mmerc.corpora import Key
from mmerc.features import FeatureRow
from mmerc.fusion import CrossmodalEmbraceNet, Fusion, FusionConfig, build_fusion
from mmerc.model.inference import PastUtterance, predict_fused, predict_latest, predict_unimodal

KEYS: list[Key] = [("test", "0", str(number)) for number in range(3)]
SPEAKERS = dict(zip(KEYS, ["Ann", "Bob", "Ann"], strict=True))


def rows(*is_present: bool) -> dict[Key, FeatureRow]:
    values = np.ones((2, 3), np.float16)
    return {
        key: FeatureRow(key, values, None, {"logits": [0.0, 1.0]}) if present else FeatureRow(key, None, "why")
        for key, present in zip(KEYS, is_present, strict=True)
    }


def make_fusion(**settings: object) -> Fusion:
    torch.manual_seed(0)
    config = FusionConfig(d_model=8, num_heads=1, fused_size=8, **settings)  # type: ignore[arg-type]
    return build_fusion(config, {"a": 3, "b": 3}, 2, protocol="online").eval()


def test_only_utterances_with_a_modality_are_predicted() -> None:
    features = {"a": rows(False, True, False), "b": rows(False, True, True)}
    probabilities, vectors, _ = predict_fused(make_fusion(), features, KEYS, SPEAKERS)
    assert set(probabilities) == {KEYS[1], KEYS[2]} == set(vectors)
    assert all(sum(row) == pytest.approx(1) for row in probabilities.values())
    assert vectors[KEYS[1]].shape == (8,)
    assert set(predict_unimodal(rows(False, True, False), KEYS)) == {KEYS[1]}
    assert predict_unimodal(rows(True, False, False), KEYS)[KEYS[0]][1] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-5)


def test_a_blocked_pair_counts_as_a_missing_source_for_its_target() -> None:
    fusion = make_fusion()
    assert isinstance(fusion, CrossmodalEmbraceNet)
    features = {"a": rows(True, True, True), "b": rows(True, True, True)}
    plain = predict_fused(fusion, features, KEYS, SPEAKERS)[0]
    blocked = predict_fused(fusion, features, KEYS, SPEAKERS, blocked_pairs=frozenset({("a", "b")}))[0]
    assert plain[KEYS[0]] != blocked[KEYS[0]]


def test_a_conversation_is_predicted_utterance_by_utterance_as_its_dialogue() -> None:
    fusion = make_fusion(dialogue_context=True)
    features = {"a": rows(True, True, True), "b": rows(True, False, True)}
    together, vectors, _ = predict_fused(fusion, features, KEYS, SPEAKERS)
    past: list[PastUtterance] = []
    for key, number in zip(KEYS, [0, 1, 0], strict=True):
        latest = PastUtterance(vectors[key], number)
        assert predict_latest(fusion, {key: past}, {key: latest})[0][key] == pytest.approx(together[key], abs=1e-5)
        past.append(latest)


@pytest.mark.parametrize("name", ["crossmodal_embracenet", "late_averaging", "late_stacking"])
def test_the_last_outputs_are_dimensions(name: str) -> None:
    config = FusionConfig(name=name, d_model=8, num_heads=2, fused_size=8)
    torch.manual_seed(0)
    fusion = build_fusion(config, {"a": 3, "b": 3}, 3, num_dimensions=1).eval()
    features = {"a": rows(True, True, False), "b": rows(True, False, False)}
    probabilities, _, dimensions = predict_fused(fusion, features, KEYS, SPEAKERS)
    assert [len(p) for p in probabilities.values()] == [2, 2] and all(
        sum(p) == pytest.approx(1) for p in probabilities.values()
    )
    assert set(dimensions) == set(KEYS[:2]) and all(len(values) == 1 for values in dimensions.values())
