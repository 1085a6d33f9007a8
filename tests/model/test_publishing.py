"""Publishing on a hub of this machine."""

import shutil
from pathlib import Path

import pytest
import yaml
from huggingface_hub import constants

from mmerc.errors import ConfigError, RunError, WeightsError
from mmerc.inference import Predictor
from mmerc.model.publishing import make_published_card, push_model
from tests.hub_server import HubServer, serve_hub

SYSTEM = {
    "mean": {"accuracy": 0.6, "balanced_accuracy": 0.5, "f1_weighted": 0.55},
    "interval": {"accuracy": [0.5, 0.7], "balanced_accuracy": [0.4, 0.6], "f1_weighted": [0.45, 0.65]},
}
RESULTS = {"test": {"corpus": "MELD", "labelled": True, "scored": 10, "systems": {"fused": SYSTEM}}}


def test_push_and_pull_give_identical_answers(small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_hub(HubServer(token="secret")) as hub:
        monkeypatch.setenv("HF_TOKEN", "secret")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        assert push_model(small_run / "model", "lab/tiny") == f"{hub.url}/lab/tiny"
        files = {
            path.relative_to(small_run / "model").as_posix()
            for path in (small_run / "model").rglob("*")
            if path.is_file()
        }
        assert set(hub.repositories["lab/tiny"]) == files
        hub.repositories["lab/tiny"]["encoders/old/config.json"] = b"{}"
        push_model(small_run / "model", "lab/tiny", licence="cc-by-4.0")  # another version replaces all files
        assert set(hub.repositories["lab/tiny"]) == files
        words = "You came back!"
        pulled = Predictor.load("hub:lab/tiny").predict_text(words)
        assert pulled == Predictor.load(small_run / "model").predict_text(words)
        monkeypatch.setenv("HF_TOKEN", "wrong")
        with pytest.raises(WeightsError, match="lab/tiny cannot be uploaded to the hub"):
            push_model(small_run / "model", "lab/tiny")


def test_the_card_has_results_licences_and_limitations() -> None:
    info = {"corpus": "MELD + my talks", "labels": ["joy"], "name": "meld-1"}
    card = make_published_card(
        "---\nlicense: other\n---\n# meld-1\n\nLimits.\n", info, RESULTS, name="lab/tiny", licence="gpl-3.0"
    )
    _, head, text = card.split("---\n", 2)
    found = yaml.safe_load(head)
    assert found["license"] == "gpl-3.0" and found["model-index"][0]["results"][0]["metrics"][0]["value"] == 60.0
    assert "| test | 10 | fused | 60.0 [50.0, 70.0] | 50.0 [40.0, 60.0] | 55.0 [45.0, 65.0] |" in text
    assert "- MELD: GPL-3.0" in text and "- my talks: not known to mmerc" in text and "Limits." in text


def test_a_model_without_results_has_a_card_without_them() -> None:
    card = make_published_card("---\nlicense: other\n---\n# x\n", {"corpus": "x"}, {}, name="a/b", licence="other")
    assert "model-index" not in card and "## Results" not in card and "## Licence" in card


@pytest.mark.parametrize("name", ["tiny", "lab/tiny@v1", "../tiny", "a/b/c"])
def test_what_is_no_name_is_refused(small_run: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name on the hub"):
        push_model(small_run / "model", name)


def test_other_files_are_not_published(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run / "model", tmp_path / "model")
    (tmp_path / "model" / "notes.docx").write_bytes(b"private")
    with pytest.raises(RunError, match=r"has the file notes\.docx, which no model has"):
        push_model(tmp_path / "model", "lab/tiny")
