"""The page of predictions as a file."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mmerc.emotions import SEVEN
from mmerc.inference.export.document import Document, Provenance
from mmerc.inference.export.timeline import IMPORT, MODULES, make_script, read_part, write_timeline
from mmerc.model import Prediction
from mmerc.model.prediction import FORMULA, Column, list_columns
from tests.inference.export.predictions import MADE

FILES = ("page.html", "page.css", *(f"{name}.js" for name in MODULES))


def make_row(text: str, speaker: str, **fields: Any) -> Prediction:
    return Prediction(
        split="input", dialogue="talk", utterance=0, speaker=speaker, text=text, start=0.0, end=1.5, emotion="joy",
        confidence=1 / 7, probabilities=dict.fromkeys(SEVEN.names, 1 / 7), modalities=("text",), **fields,
    )  # fmt: skip


def write_page(file: Path, *rows: Prediction, recording: Path | None = None, missing: tuple[str, ...] = ()) -> None:
    subkeys = {"probabilities": SEVEN.names, "missing": missing}
    write_timeline(file, Document(rows, Provenance("m-1", "MELD", "0.1.0", MADE), subkeys, recording, file))


def read_data(page: Path) -> dict[str, Any]:
    found = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_text_and_names_are_never_markup(tmp_path: Path) -> None:
    text = '</script><script>alert(1)</script> & "quotes"'
    write_page(tmp_path / "page.html", make_row(text, "<b>Ann</b>"), make_row("Hi", "Bo"))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in page and "<b>Ann" not in page and "2 utterances of 2 speakers." in page
    assert read_data(tmp_path / "page.html")["rows"][0]["text"] == text


def test_the_path_of_the_recording_is_relative_to_the_page(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    film = tmp_path / "films" / "Ann & Bo #1.mp4"
    film.write_bytes(b"")
    write_page(tmp_path / "page.html", make_row("Hi", ""), recording=film)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'src="films/Ann%20%26%20Bo%20%231.mp4"' in page and "Ann &amp; Bo #1.mp4" in page


def test_the_columns_are_those_of_the_table(tmp_path: Path) -> None:
    row = make_row("Hi", "Ann", influence={"text": 0.5}, attention={"audio->face": -0.1})
    write_page(tmp_path / "page.html", row)
    data = read_data(tmp_path / "page.html")
    expected = list_columns([row.to_dict()], {"probabilities": SEVEN.names})
    expected += [Column(name, (name,)) for name in ("mmerc_version", "date")]
    assert data["columns"] == [column.to_dict() for column in expected]
    assert {"influence_text", "attention_audio_to_face"} <= {column["name"] for column in data["columns"]}
    assert data["formula"] == FORMULA.pattern
    write_page(tmp_path / "page.html", row, missing=("face",))
    assert {"name": "missing_face", "path": ["missing", "face"]} in read_data(tmp_path / "page.html")["columns"]


def test_the_page_says_what_the_model_was_trained_on(tmp_path: Path) -> None:
    rows = [make_row("Hi", "Ann", model="m-1", trained_on="MELD", warning="It is a <toy>.") for _ in range(2)]
    write_page(tmp_path / "page.html", *rows)
    page = (tmp_path / "page.html").read_text(encoding="utf-8").split("<script")[0]
    assert page.count("Model m-1 was trained on the corpus MELD.") == 1
    assert '<p class="warning">It is a &lt;toy&gt;.</p>' in page
    write_page(tmp_path / "page.html", make_row("Hi", "Ann", model="m-1", trained_on="MELD"))
    assert 'class="warning"' not in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [name for name in FILES if name != "corrections.js"]
)  # which has the columns of `table:`
def test_the_page_lists_no_fields_for_its_table(name: str) -> None:
    text = read_part(name)
    assert "utterance_id" not in text and '"dialogue"' not in text and "p_" not in text


@pytest.mark.parametrize("name", FILES)
def test_the_page_does_not_claim_to_know_feelings(name: str) -> None:
    assert re.findall(r"\b(felt|feelings?|nobody|somebody)\b", read_part(name)) == []


def test_the_script_has_no_modules_left_and_each_comes_after_what_it_imports() -> None:
    script = make_script()
    assert re.findall(r"^(?:import|export)\b.*", script, re.MULTILINE) == []
    for number, name in enumerate(MODULES):
        used = re.findall(r'from "\./(\w+)\.js"', read_part(f"{name}.js"))
        assert len(used) == len(IMPORT.findall(read_part(f"{name}.js")))
        assert set(used) <= set(MODULES[:number]), name
    names = re.findall(r"^(?:const|let|function|class) (\w+)", script, re.MULTILINE)
    assert len(names) == len(set(names))


def test_a_recording_without_sound_or_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (film := tmp_path / "talk.mp4").write_text("no film")
    write_page(tmp_path / "page.html", make_row("Hi", ""), recording=film)
    text = (tmp_path / "page.html").read_text()
    assert "<video" in text and "No waveform: talk.mp4" in text and read_data(tmp_path / "page.html")["peaks"] is None


def test_the_page_says_which_version_made_it_and_when(tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", make_row("Hi", ""))
    assert "mmerc 0.1.0, 2026-11-26, model m-1, trained on MELD" in (tmp_path / "page.html").read_text()
