import logging
from dataclasses import replace
from pathlib import Path

import pytest

from mmerc.corpora import Clip, Dialogue, Utterance, open_corpus
from mmerc.files import read_jsonl
from mmerc.model import EmotionModel, load_model
from mmerc.model.model import extract_dialogues


@pytest.fixture(scope="module")
def model(small_run: Path) -> EmotionModel:
    return load_model(small_run / "model")


def test_it_predicts_as_the_run_did(model: EmotionModel, small_run: Path, small_corpus: Path) -> None:
    found = list(model.predict(open_corpus(f"meld:{small_corpus}").dialogues("test")))
    expected = read_jsonl(small_run / "predictions" / "test.jsonl")
    assert len(found) == len(expected) == 8
    for prediction, other in zip(found, expected, strict=True):
        row = prediction.to_dict()
        assert row.pop("probabilities") == pytest.approx(other.pop("probabilities"), abs=2e-3)
        assert sorted(row.pop("set")) == sorted(other.pop("set"))
        assert row.pop("confidence") == pytest.approx(other.pop("confidence"), abs=2e-3)
        assert row == other


def test_missing_modalities_are_logged_with_their_reasons(
    model: EmotionModel, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("mmerc"), "propagate", True)
    (tmp_path / "not.mp4").touch()
    utterance = Utterance("t", 0, 0, clip=Clip(tmp_path / "not.mp4"))
    with caplog.at_level(logging.INFO, "mmerc"):
        (prediction,) = model.predict([Dialogue("t", 0, (utterance,))])
    assert "text: missing in 1 of 1 utterances (1x it has no text)" in caplog.text
    assert "no utterance could be read" in caplog.text
    assert prediction.modalities == () and set(prediction.missing) == {"text", "audio", "face"}
    assert list(prediction.probabilities.values()) == pytest.approx(list(model.prior), abs=1e-6)


def test_influence_is_what_a_prediction_loses_without_a_modality(model: EmotionModel, small_corpus: Path) -> None:
    dialogue = open_corpus(f"meld:{small_corpus}").dialogues("test")[0]
    plain, explained = list(model.predict([dialogue])), list(model.predict([dialogue], explain=True))
    assert [each.to_dict() for each in plain] == [
        {name: value for name, value in each.to_dict().items() if name not in ("influence", "attention")}
        for each in explained
    ]
    mute = replace(dialogue, utterances=tuple(replace(each, text=None) for each in dialogue.utterances))
    checked = 0
    for utterance, found, without in zip(dialogue.utterances, explained, model.predict([mute]), strict=True):
        assert found.influence is not None and tuple(found.influence) == found.modalities
        if utterance.text and len(found.modalities) > 1:
            lost = found.confidence - without.probabilities[found.emotion]
            assert found.influence["text"] == pytest.approx(lost, abs=1e-5)
            checked += 1
    assert checked


def test_attention_is_what_a_prediction_loses_without_a_pair(model: EmotionModel, small_corpus: Path) -> None:
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    dialogue = Dialogue("t", 0, (Utterance("t", 0, 0, text="We won!", clip=Clip(clip)),))
    (found,) = model.predict([dialogue], explain=True)
    names = ("text", "audio", "face")
    assert found.attention is not None
    assert set(found.attention) == {f"{a}->{b}" for a in names for b in names if a != b}
    features = {name: extract_dialogues(encoder, [dialogue]) for name, encoder in model.encoders.items()}
    keys = [dialogue.utterances[0].key]
    blocked = frozenset({("audio", "text")})
    ((without,), _) = (model.compute_probabilities(keys, features, blocked_pairs=blocked)[0].values(), None)
    lost = found.confidence - without[model.labels.index(found.emotion)]
    assert found.attention["audio->text"] == pytest.approx(lost, abs=1e-5) and abs(lost) > 0


def test_progress_is_told_after_each_modality_and_can_end_the_work(model: EmotionModel) -> None:
    dialogue = Dialogue("t", 0, tuple(Utterance("t", 0, n, text="Well.") for n in range(2)))
    calls: list[int] = []
    list(model.predict([dialogue], on_progress=lambda: calls.append(1)))
    assert len(calls) == 2 * 3
    with pytest.raises(ZeroDivisionError):
        list(model.predict([dialogue], on_progress=lambda: 1 / 0))  # type: ignore[arg-type, return-value]
