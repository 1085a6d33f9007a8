import json
from pathlib import Path

import pytest

from mmerc.inference import Predictor
from tests.build.corpora import write_takes
from tests.cli.run import run

OPTIONS = ("--preset", "smoke", "--set", "audio.epochs=1", "--set", "text.epochs=1")


def test_one_command_builds_a_model_and_says_what_it_is(small_corpus: Path, tmp_path: Path) -> None:
    corpora, out = tmp_path / "corpora", tmp_path / "built"
    write_takes(corpora)
    (corpora / "meld").symlink_to(small_corpus)
    result = run("build", "--corpora", corpora, "--out", out, *OPTIONS, "--json")
    assert result.exit_code == 0, result.stderr
    info = json.loads(result.stdout)
    assert info["modalities"] == ["text", "audio"]
    assert [each["corpus"] for each in info["origins"]["audio"]["transfer"]] == ["RAVDESS", "EMO-DB"]
    measured = [each["weight"] for each in info["origins"]["audio"]["transfer"]]
    assert info["combination"]["parts"]["audio"]["weight"] == pytest.approx(sum(measured) / 2)
    assert set(info["pairings"]["subsets"]) == {"text", "audio", "text+audio"}
    assert {each["network"]: each["split"] for each in info["networks"]} == {"text": "test", "audio": "dev"}
    voices = [each for each in info["corpora"] if each["network"] == "audio"]
    assert [(each["utterances"], each["speakers"]) for each in voices] == [(8, 2), (8, 2)]
    card = (out / "model" / "README.md").read_text()
    assert "| audio | EMO-DB | 8 | 2 |" in card and "| text+audio |" in card
    assert Predictor.load(out / "model").predict_text("You came back!").modalities == ("text",)

    trained = (out / "audio" / "encoders" / "audio" / "model.safetensors").stat().st_mtime_ns
    again = run("build", "--corpora", corpora, "--out", out, *OPTIONS, "--json")
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout) == info
    assert (out / "audio" / "encoders" / "audio" / "model.safetensors").stat().st_mtime_ns == trained


def test_another_models_folder_is_not_replaced(tmp_path: Path) -> None:
    from mmerc.build.build import _combine
    from mmerc.errors import RunError

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with pytest.raises(RunError, match="is not a model that was built"):
        _combine(tmp_path, [], "meld")


def test_missing_weights_are_reported_before_the_first_training(
    small_corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    monkeypatch.delenv("MMERC_WEIGHTS", raising=False)
    corpora, out = tmp_path / "corpora", tmp_path / "built"
    write_takes(corpora)
    (corpora / "meld").symlink_to(small_corpus)
    result = run("build", "--corpora", corpora, "--out", out, *OPTIONS, "--set", "audio.pretrained=true")
    assert result.exit_code != 0 and "mmerc weights fetch wavernn-ljspeech" in result.stderr
    assert not (out / "text").exists()
