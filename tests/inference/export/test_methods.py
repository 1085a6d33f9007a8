"""The file that says how predictions were made."""

from pathlib import Path

from mmerc.emotions import SEVEN
from mmerc.inference.export.document import Document
from mmerc.inference.export.methods import hash_model, make_methods, name_methods
from tests.inference.export.predictions import PROVENANCE, make_prediction
from tests.serving.stub import StubPredictor

MODEL = StubPredictor().model


def make_document(corrected: str | None = None) -> Document:
    rows = [make_prediction("Hi", 0.0, 1.0, corrected=corrected), make_prediction("No", 1.0, 2.0, utterance=1)]
    return Document(rows, PROVENANCE, {"probabilities": SEVEN.names}, Path("talk.mp4"))


def test_it_names_the_model_its_corpus_the_settings_and_how_to_cite(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "README.md").write_text("---\ntags: [a]\n---\n# stub: a model\n\nTrained on nothing.\n")
    text = make_methods(make_document(), MODEL, tmp_path, {"input": "talk.mp4", "transcript": None, "coverage": 0.9})
    assert text.startswith("# Methods: talk.mp4\n\nWritten by mmerc 0.1.0 on 2026-11-26.\n\n**This is a stub.**")
    assert (
        "2 utterances of 1 speaker in 1 conversation expresses was predicted with mmerc 0.1.0 and the model stub"
        in text
    )
    assert f"| SHA-256 of the model | {hash_model(tmp_path)} |" in text and len(hash_model(tmp_path)) == 64
    assert "| coverage | 0.9 |" in text and "transcript" not in text and "tags:" not in text
    assert "### stub: a model" in text and "doi = {10.3390/s21144913}" in text and "version = {0.1.0}" in text
    assert "does not say what the person feels" in text


def test_it_says_what_a_person_corrected(tmp_path: Path) -> None:
    text = make_methods(make_document("neutral/calm"), MODEL, tmp_path, {"corrections": "c.csv"})
    assert "1 utterance has a label by this person" in text
    assert "| labels by a person | 1, of which 0 are the predicted ones |" in text
    assert "SHA-256" not in text and "Model card" not in text


def test_its_name_is_that_of_the_output(tmp_path: Path) -> None:
    assert name_methods(tmp_path / "talk.csv") == name_methods(tmp_path / "talk.html") == tmp_path / "talk.methods.md"
    assert name_methods(Path("/dev/null")) is None
