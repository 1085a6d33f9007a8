"""Long recordings: cut by a transcript, or by who speaks; the page with their timeline."""

import json
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.io import wavfile
from typer.testing import CliRunner

from mmerc import Predictor
from mmerc.cli import app
from mmerc.corpora import Clip
from mmerc.errors import ClipNotFound, CorpusError
from mmerc.inference.inputs import read_input
from mmerc.inference.recording import read_recording
from mmerc.media import read_waveform
from mmerc.media.voice_activity import find_utterances
from mmerc.speakers.diarization import Diarizer
from mmerc.speakers.turns import Turn
from mmerc.speakers.voice_encoder import VoiceEncoder
from tests.media.clips import encode_sound, write_beep_and_flash

SRT = "1\n00:00:00,500 --> 00:00:01,200\nANN: We won!\n\n2\n00:00:01,300 --> 00:00:02,000\nBO: </script><b>Really?\n"


@pytest.fixture
def talk(real_data: Path, tmp_path: Path) -> Path:
    """Three acted sentences, two seconds of silence between them, to 40 s; where each begins is known."""
    actor = real_data / "ravdess" / "Actor_01"
    clips = [read_waveform(Clip(file)) for file in sorted(actor.glob("*.flac"))[:3]]
    sound = np.zeros(40 * 16_000, np.float32)
    for start, clip in zip((2, 14, 27), clips, strict=True):
        sound[start * 16_000 : start * 16_000 + len(clip)] = clip
    wavfile.write(tmp_path / "talk.wav", 16_000, (sound * 32_000).astype(np.int16))
    return tmp_path / "talk.wav"


@pytest.mark.realdata
def test_without_a_transcript_it_is_cut_where_somebody_speaks(talk: Path) -> None:
    dialogue, problems = read_recording(talk)
    assert not problems and len(dialogue) == 3
    for turn, start in zip(dialogue.utterances, (2, 14, 27), strict=True):
        assert turn.start is not None and turn.end is not None and turn.clip is not None
        assert start < turn.start < turn.end < start + 5 and turn.text is None
        assert (turn.clip.start, turn.clip.end) == (turn.start, turn.end)
    assert list(find_utterances(Clip(talk, start=10.0, end=20.0))) == [
        (pytest.approx(dialogue.utterances[1].start, abs=0.1), pytest.approx(dialogue.utterances[1].end, abs=0.1))
    ]


@pytest.mark.realdata
def test_in_a_folder_it_is_cut_as_well_and_the_log_says_what_is_missing(
    talk: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmerc.weights.find", lambda name: None)
    alone = read_recording(talk)[0]
    caplog.clear()
    (dialogue,), _ = read_input(str(talk.parent))
    assert dialogue == alone
    assert caplog.messages == [
        "talk.wav: 3 utterances by voice activity; the speakers are unknown: `mmerc weights fetch voice-encoder` fetches the "
        "network that finds them"
    ]
    monkeypatch.setattr("mmerc.weights.find", lambda name: talk)
    read_recording(talk)
    assert caplog.messages[1:] == ["talk.wav: 3 utterances by voice activity; the speakers are unknown"]


class TwoSpeakers(Diarizer):
    """Ann speaks before 20 s, Bob after it."""

    def find_turns(
        self,
        clip: Clip,
        stretches: Sequence[tuple[float, float]],
        on_progress: Callable[[float], None] = lambda seconds: None,
    ) -> list[Turn]:
        return [Turn(start, end, "Ann" if start < 20 else "Bob") for start, end in stretches]


@pytest.mark.realdata
def test_speakers_are_found_where_no_transcript_names_them(
    talk: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    diarizer = TwoSpeakers(VoiceEncoder(), num_speakers=2)
    dialogue, _ = read_recording(talk, diarizer=diarizer)
    assert [each.speaker for each in dialogue.utterances] == ["Ann", "Ann", "Bob"]
    assert caplog.messages == [
        "talk.wav: 3 utterances by voice activity; 2 speakers by their voices; `mmerc weights fetch speaker-segmentation` "
        "fetches a network that finds changes of the speaker without a pause"
    ]
    lines = tmp_path / "lines.srt"
    lines.write_text("1\n00:00:01,000 --> 00:00:08,000\nWe won!\n\n2\n00:00:26,000 --> 00:00:33,000\nReally?\n")
    dialogue, _ = read_recording(talk, lines, diarizer=diarizer)
    assert [(each.speaker, each.text, each.start) for each in dialogue.utterances] == [
        ("Ann", "We won!", 1.0),
        ("Bob", "Really?", 26.0),
    ]
    caplog.clear()
    lines.write_text(SRT)
    dialogue, _ = read_recording(talk, lines, diarizer=diarizer)
    assert [each.speaker for each in dialogue.utterances] == ["ANN", "BO"]
    assert caplog.messages == ["talk.wav: the transcript names the speakers, so they are not found by their voices"]


@pytest.mark.realdata
def test_a_file_is_what_the_user_says(talk: Path, tmp_path: Path) -> None:
    assert len(read_recording(talk, treat_as="clips")[0]) == 1
    rate, samples = wavfile.read(talk)
    folder = tmp_path / "folder"
    folder.mkdir()
    wavfile.write(folder / "dia1_utt0.wav", rate, samples[: 20 * rate])
    assert [len(dialogue) for dialogue in read_input(str(folder))[0]] == [1]
    (dialogue,), _ = read_input(str(folder), treat_as="conversations")
    assert dialogue.dialogue == "dia1_utt0" and len(dialogue) == 2


@pytest.mark.realdata
def test_voice_activity_follows_the_clock_of_the_file(talk: Path, tmp_path: Path) -> None:
    """The sound of this film begins 5 s after its picture."""
    rate, samples = wavfile.read(talk)
    with av.open(str(tmp_path / "late.mkv"), "w") as container:
        picture, sound = container.add_stream("mpeg4", rate=1), container.add_stream("flac", rate=rate, layout="mono")
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        picture.codec_context.open()
        sound.codec_context.open()
        for _ in range(45):
            container.mux(picture.encode(av.VideoFrame(32, 32, "yuv420p")))
        for packet in encode_sound(sound, samples / 32_768, rate):
            packet.pts = packet.dts = (packet.pts or 0) + 5 * rate
            container.mux(packet)
    late = np.array(list(find_utterances(Clip(tmp_path / "late.mkv"))))
    assert late == pytest.approx(np.array(list(find_utterances(Clip(talk)))) + 5, abs=0.1)


def test_a_duration_is_measured_where_the_header_has_none(tmp_path: Path) -> None:
    """What browsers record has no duration in its header; 19 s are one utterance."""
    file = write_beep_and_flash(
        tmp_path / "a.webm", "libvpx", "libopus", seconds=19.0, frame_rate=2, options={"live": "1"}
    )
    dialogue, _ = read_recording(file)
    assert [(each.start, each.end) for each in dialogue.utterances] == [(None, None)]


@pytest.mark.realdata
def test_a_short_recording_is_one_utterance(real_data: Path, tmp_path: Path) -> None:
    dialogue, _ = read_recording(real_data / "clips" / "facenet_video.mp4")
    assert len(dialogue) == 1 and dialogue.utterances[0].start is None
    (tmp_path / "no.mp4").write_text("no film")
    assert len(read_recording(tmp_path / "no.mp4")[0]) == 1


def test_a_transcript_cuts_and_names(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(SRT)
    (tmp_path / "a.wav").write_bytes(b"")
    (dialogue,), _ = read_input(str(tmp_path / "a.wav"), tmp_path / "a.srt")
    assert [(turn.speaker, turn.start, turn.end) for turn in dialogue.utterances] == [
        ("ANN", 0.5, 1.2),
        ("BO", 1.3, 2.0),
    ]
    assert [turn.text for turn in dialogue.utterances] == ["We won!", "Really?"]
    with pytest.raises(CorpusError, match="is not a recording, which a transcript belongs to"):
        read_input(str(tmp_path), tmp_path / "a.srt")


class Data(HTMLParser):
    """What the page holds for its script."""

    found, inside = "", False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.inside = tag == "script" and ("id", "data") in attributes

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        self.found += data if self.inside else ""


@pytest.mark.realdata
def test_the_page_holds_the_answers_and_nothing_breaks_out_of_it(
    small_run: Path, real_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "b.csv").write_text('start,end,speaker,text\n0,1,"</script><script>x",hi & <b>\n1,2,Bo,"=1+1"\n')
    clip = real_data / "clips" / "facenet_video.mp4"
    page = tmp_path / "out.html"
    asked = [
        "predict",
        str(small_run / "model"),
        str(clip),
        "--transcript",
        str(tmp_path / "b.csv"),
        "--html",
        str(page),
    ]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    reader = Data()
    reader.feed(page.read_text())
    on_page = json.loads(reader.found)["rows"]
    assert on_page == [{name: row[name] for name in on_page[0]} for row in rows]
    assert rows[0].keys() == on_page[0].keys()
    assert [row["speaker"] for row in rows] == ["</script><script>x", "Bo"] and rows[0]["modalities"]
    assert page.read_text().count("<script") == 2 and "facenet_video.mp4" in page.read_text()


@pytest.mark.realdata
def test_from_python_and_lines_behind_the_end(
    small_run: Path, talk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    predictor = Predictor.load(small_run / "model")
    (tmp_path / "t.csv").write_text("start,end,text\n1.0,2.0,Hi\n3.0,4.0,\n2132.0,2133.0,Bye\n5000.0,5001.0,Bye\n")
    rows = predictor.predict_recording(talk, tmp_path / "t.csv", explain=True)
    assert [(row.start, row.text, row.modalities[:1]) for row in rows] == [
        (1.0, "Hi", ("text",)), (3.0, None, ("audio",)), (2132.0, "Bye", ("text",)), (5000.0, "Bye", ("text",)),
    ]  # fmt: skip
    assert "2 of its 4 lines begin after the end of talk.wav (40.0 s), the first at 2132.0 s" in caplog.text
    assert len(predictor.predict_recording(talk)) == 3 and rows[0].influence is not None
    with pytest.raises(ClipNotFound, match="there is no file"):
        predictor.predict_recording(tmp_path / "none.mp4")
