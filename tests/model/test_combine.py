import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import mmerc
from mmerc.corpora import open_corpus
from mmerc.emotions import MELD_PRIOR, SEVEN, LabelSet
from mmerc.errors import ConfigError, CorpusError, MmercError, RunError
from mmerc.inference import Predictor
from mmerc.model import load_model
from mmerc.model.combine import combine, read_prior
from mmerc.model.dev_outputs import FOLDER


@pytest.fixture(scope="module")
def combined(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke model's own three networks, combined without its fusion."""
    out = tmp_path_factory.mktemp("combined") / "model"
    mmerc.combine([f"{small_run / 'model'}#text", f"{small_run / 'model'}#audio,face"], out)
    return out


def change_info(model: Path, **changes: object) -> None:
    info = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(info | changes))


def test_it_predicts_with_any_subset_of_modalities(combined: Path, small_corpus: Path) -> None:
    model = load_model(combined)
    dialogue = open_corpus(f"meld:{small_corpus}").dialogues("test")[0]
    mute = replace(dialogue, utterances=tuple(replace(each, text=None) for each in dialogue.utterances))
    for found in (list(model.predict([dialogue])), list(model.predict([mute]))):
        assert len(found) == len(dialogue)
        assert all(sum(each.probabilities.values()) == pytest.approx(1, abs=1e-4) for each in found)
    assert {name for each in model.predict([dialogue]) for name in each.modalities} == {"text", "audio", "face"}


def test_an_utterance_that_cannot_be_read_gets_the_prior(combined: Path) -> None:
    prediction = Predictor.load(combined).predict_text("")
    assert prediction.modalities == ()
    assert list(prediction.probabilities.values()) == pytest.approx(
        [1 / len(prediction.probabilities)] * len(prediction.probabilities), abs=1e-5
    )


def test_it_is_a_model_like_any_other(combined: Path, small_corpus: Path) -> None:
    predictor = Predictor.load(combined)
    live = predictor.stream().push(mmerc.Utterance("live", "", 0, speaker="Ann", text="You came back!"))
    assert live.modalities == ("text",) and live.model.startswith("combined-")
    dialogue = open_corpus(f"meld:{small_corpus}").dialogues("test")[0]
    explained = next(predictor.predict([dialogue], explain=True))
    assert explained.influence is not None and tuple(explained.influence) == explained.modalities
    assert "text" in (combined / "README.md").read_text()


def test_its_prediction_sets_cover_the_pairings_that_they_were_fitted_to(combined: Path) -> None:
    model = load_model(combined)
    assert model.conformal is not None and len(model.conformal.subsets) == 8  # of three modalities, and of any
    prediction = Predictor.load(combined).predict_text("You came back!")
    assert prediction.set and prediction.set[0] == prediction.emotion


def test_a_warning_of_a_network_is_one_of_the_combination(small_run: Path, tmp_path: Path) -> None:
    toy = shutil.copytree(small_run / "model", tmp_path / "toy")
    change_info(toy, warning="It is a toy.")
    info = combine([f"{toy}#text", f"{small_run / 'model'}#audio"], tmp_path / "out")
    assert info["warning"] == "It is a toy." and "**It is a toy.**" in (tmp_path / "out" / "README.md").read_text()


def test_explaining_agrees_with_leaving_a_modality_out(combined: Path, small_corpus: Path) -> None:
    predictor = Predictor.load(combined)
    dialogue = open_corpus(f"meld:{small_corpus}").dialogues("test")[0]
    mute = replace(dialogue, utterances=tuple(replace(each, text=None) for each in dialogue.utterances))
    for full, without in zip(predictor.predict([dialogue], explain=True), predictor.predict([mute]), strict=True):
        if full.influence and "text" in full.influence:
            lost = full.confidence - without.probabilities[full.emotion]
            assert full.influence["text"] == pytest.approx(lost, abs=1e-5)


def test_a_modality_twice(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="both have text"):
        combine([small_run / "model", small_run / "model"], tmp_path / "out")


def test_a_modality_that_a_model_lacks(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no modality smell: it has text, audio, face"):
        combine([f"{small_run / 'model'}#smell"], tmp_path / "out")


def test_models_of_other_emotions(small_run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(small_run / "model", tmp_path / "other")
    names = json.loads((other / "config.json").read_text())["labels"]
    change_info(other, labels=[str(index) for index in range(len(names))])
    with pytest.raises(ConfigError, match="have no label in common"):
        combine([f"{small_run / 'model'}#text", f"{other}#audio"], tmp_path / "out")


def test_a_combination_is_not_combined_again(combined: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is a combination already"):
        combine([combined], tmp_path / "out")


def test_an_export_is_not_combined(small_run: Path, tmp_path: Path) -> None:
    export = shutil.copytree(small_run / "model", tmp_path / "export")
    (export / "onnx.json").write_text("{}")
    with pytest.raises(RunError, match="is an export for onnxruntime"):
        combine([export], tmp_path / "out")


def test_a_folder_that_exists_stays(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="exists already"):
        combine([small_run / "model"], tmp_path)


def test_nothing_is_left_of_a_damaged_model(small_run: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(small_run / "model", tmp_path / "damaged")
    (damaged / FOLDER / "audio.safetensors").write_bytes(b"no tensors")
    with pytest.raises(MmercError, match="audio.safetensors"):
        combine([damaged], tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["damaged"]


@pytest.mark.parametrize("damage", [{"combination": {}}, {"combination": {"temperature": 1, "parts": {}}}])
def test_a_damaged_combination_is_refused(combined: Path, tmp_path: Path, damage: dict[str, object]) -> None:
    copy = shutil.copytree(combined, tmp_path / "copy")
    change_info(copy, **damage)
    with pytest.raises(RunError, match="combine the models again"):
        load_model(copy)


def test_weights_come_from_corpora_that_a_network_was_not_trained_on(small_run: Path, tmp_path: Path) -> None:
    voice = shutil.copytree(small_run / "model", tmp_path / "voice")
    measured = [
        {"corpus": "EMO-DB", "weight": 0.4, "f1_weighted": 0.5},
        {"corpus": "TESS", "weight": 0.2, "f1_weighted": 0.4},
    ]
    change_info(voice, transfer={"audio": measured})
    info = combine([f"{small_run / 'model'}#text", f"{voice}#audio"], tmp_path / "out")
    weights = {name: part["weight"] for name, part in info["combination"]["parts"].items()}
    assert weights == {"text": 1.0, "audio": pytest.approx(0.3)}
    assert "50.0 on EMO-DB, 40.0 on TESS" in (tmp_path / "out" / "README.md").read_text()


def test_the_prior(small_corpus: Path) -> None:
    assert read_prior("uniform", LabelSet(("joy", "anger"))) == [0.5, 0.5]
    assert read_prior("meld", SEVEN)[4] == pytest.approx(4710 / 9989) and sum(MELD_PRIOR.values()) == 9989
    with pytest.raises(ConfigError, match="has no boredom"):
        read_prior("meld", LabelSet(("joy", "boredom")))
    with pytest.raises(ConfigError, match="is not known"):
        read_prior("often", SEVEN)
    found = read_prior(f"meld:{small_corpus}#train", LabelSet(("joy", "neutral")))
    assert len(found) == 2 and sum(found) == pytest.approx(1)


def test_tuning_to_a_joint_corpus(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    location = f"meld:{small_corpus}"
    info = combine([small_run / "model"], tmp_path / "out", tune_on=location)
    assert info["tuned"]["utterances"] >= 10 and info["tuned"]["corpus"] == location
    losses = info["tuned"]["held_out_loss"]
    assert info["tuned"]["kept"] == (losses["tuned"] < losses["default"])
    with pytest.raises(CorpusError, match="tuning needs 10 or more"):
        combine([small_run / "model"], tmp_path / "other", tune_on=f"{location}#test")
