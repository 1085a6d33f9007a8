import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mmerc import progress
from mmerc.corpora import Dialogue, Utterance
from mmerc.errors import ClipNotFound, ConfigError
from mmerc.inference.many import ReadingOptions, RecordingReader, Source, show_recordings
from mmerc.model.prediction import Prediction
from tests.media.clips import write_video
from tests.serving.stub import StubPredictor


class Predictor(StubPredictor):
    """A stub that can be pickled, and says so where nothing can be read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Predictor, ()

    def predict_nothing(self, utterance: Utterance, reason: str) -> Prediction:
        prediction = self.predict_one(utterance, False)
        return prediction.model_copy(update={"modalities": (), "missing": {"text": reason}})


class FailingPredictor(Predictor):
    """A library fails in a way that nobody expects."""

    def choose_faces(self, dialogue: Dialogue, *arguments: Any, **options: Any) -> tuple[Dialogue, None]:
        raise ZeroDivisionError


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    """A clip with a transcript of two lines, an absent file, a transcript without lines, a clip alone."""
    clip = write_video(tmp_path / "clip.mp4")
    (tmp_path / "talk.srt").write_text(
        "1\n00:00:00,100 --> 00:00:00,400\nANN: We won!\n\n2\n00:00:00,500 --> 00:00:00,900\nBOB: No.\n"
    )
    (tmp_path / "empty.srt").write_text("")
    return [
        Source(clip, tmp_path / "talk.srt"), Source(tmp_path / "none\udc80.mp4"), Source(clip, tmp_path / "empty.srt"), Source(clip),
    ]  # fmt: skip


def test_each_recording_has_its_rows_or_the_reason(sources: list[Source]) -> None:
    reader = RecordingReader(Predictor(), ReadingOptions())
    found = list(reader.read_many(sources, workers=1))
    assert [[row.text for row in rows] for rows in found] == [["We won!", "No."], [None], [None], [None]]
    assert [rows[0].modalities for rows in found] == [("text", "audio", "face"), (), (), ("audio", "face")]
    assert re.fullmatch(r"there is no file .*none\?.mp4: check the path\.", found[1][0].missing["text"])
    assert found[1][0].dialogue == "none?"
    assert "empty.srt" in found[2][0].missing["text"]
    with pytest.raises(ClipNotFound):
        reader.read(sources[1])


def test_several_processes_give_the_same_rows(sources: list[Source]) -> None:
    reader = RecordingReader(Predictor(), ReadingOptions(explain=True))
    here = list(reader.read_many(sources, workers=1))
    assert here[0][0].influence is not None
    assert list(reader.read_many(iter(sources), workers=2)) == here


def test_what_a_library_raises_is_a_reason(sources: list[Source]) -> None:
    rows = RecordingReader(FailingPredictor(), ReadingOptions()).read_safely(sources[0])
    assert [row.missing["text"] for row in rows] == ["it cannot be processed (ZeroDivisionError: ZeroDivisionError)"]


def test_options_are_checked_before_the_first_recording() -> None:
    with pytest.raises(ConfigError, match="0 speakers cannot be found"):
        RecordingReader(Predictor(), ReadingOptions(num_speakers=0))


def test_progress_is_shown_where_it_is_asked_for(sources: list[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(force_terminal=True, width=100, record=True)
    monkeypatch.setattr(progress, "console", console)
    for is_shown in (False, True):
        reader = RecordingReader(Predictor(), ReadingOptions(progress=is_shown))
        assert len(reader.read(sources[0])) == 2
        assert ("6/6" in console.export_text()) == is_shown  # three modalities of two utterances
    found = [reader.read(sources[0])]
    console.export_text()
    assert list(show_recordings(found, 1)) == found and "recordings" in (shown := console.export_text())
    assert "1/1" in shown
