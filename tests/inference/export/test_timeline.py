"""The page of answers as a file."""

import json
import re
from pathlib import Path
from typing import Any

from mmerc.emotions import SEVEN
from mmerc.inference.export.timeline import write_timeline


def row(text: str, speaker: str) -> dict[str, Any]:
    return {
        "split": "input", "dialogue": "talk", "utterance": 0, "speaker": speaker, "text": text, "start": 0.0, "end": 1.5,
        "emotion": "joy", "probabilities": dict.fromkeys(SEVEN.names, 1 / 7), "modalities": ["text"],
    }  # fmt: skip


def test_what_people_say_is_never_markup(tmp_path: Path) -> None:
    said = '</script><script>alert(1)</script> & "quotes"'
    write_timeline(tmp_path / "page.html", [row(said, "<b>Ann</b>"), row("Hi", "Bo")], SEVEN)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in page and "<b>Ann" not in page and "2 utterances of 2 speakers." in page
    found = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found and json.loads(found[1])["rows"][0]["text"] == said


def test_the_recording_is_named_from_where_the_page_lies(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    film = tmp_path / "films" / "Ann & Bo #1.mp4"
    film.write_bytes(b"")
    write_timeline(tmp_path / "page.html", [row("Hi", "")], SEVEN, film)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'src="films/Ann%20%26%20Bo%20%231.mp4"' in page and "Ann &amp; Bo #1.mp4" in page
