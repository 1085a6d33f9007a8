from pathlib import Path

import numpy as np
import pytest

from mmerc.errors import CorpusError
from mmerc.inference.inputs import read_input
from tests.media.clips import write_wav


def test_a_folder_groups_what_is_named_as_meld_names_it(tmp_path: Path) -> None:
    for name in ("dia3_utt1.mp4", "dia3_utt0.mp4", "voice.flac", "notes.txt", ".hidden.mp4"):
        (tmp_path / name).touch()
    dialogues, _ = read_input(str(tmp_path))
    assert [[(turn.dialogue, turn.utterance) for turn in dialogue.utterances] for dialogue in dialogues] == [
        [(3, 0), (3, 1)],
        [("voice", 0)],
    ]


def test_what_is_no_medium_is_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_wav(tmp_path / "a.wav", 0.5 * np.ones((1, 8000)))
    write_wav(tmp_path / "b.wav", 0.5 * np.ones((1, 8000))).rename(tmp_path / "b.unknown")
    for name in ("1.txt", "2.csv", "3.pdf", "4.doc", "5.zip", "6.py", "broken.mp4"):
        (tmp_path / name).write_text("no medium")
    (tmp_path / "folder").mkdir()
    dialogues, problems = read_input(str(tmp_path))
    assert [dialogue.dialogue for dialogue in dialogues] == ["a", "b", "broken"] and not problems
    assert caplog.messages == [
        f"{tmp_path.name}: 7 of 10 entries are not audio, video or pictures and are left out: "
        "1.txt, 2.csv, 3.pdf, 4.doc, 5.zip and 2 more"
    ]


def test_melds_names_with_any_suffix_and_the_better_clip_of_two(tmp_path: Path) -> None:
    names = (
        "dia0_utt0.wav",
        "dia0_utt0.mp4",
        "dia0_utt1.flac",
        "dia0_utt2.mkv",
        "final_videos_testdia0_utt2.wav",
        "x.webm",
    )
    for name in names:
        (tmp_path / name).touch()
    dialogues, _ = read_input(str(tmp_path))
    files = [[each.clip.path.name for each in dialogue.utterances if each.clip] for dialogue in dialogues]
    assert files == [["dia0_utt0.mp4", "dia0_utt1.flac", "final_videos_testdia0_utt2.wav"], ["x.webm"]]


def test_an_audio_track_for_files_folders_and_corpora(tmp_path: Path, small_corpus: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "dia0_utt0.wav").touch()
    for location in (tmp_path / "a.wav", tmp_path, f"meld:{small_corpus}#test"):
        dialogues, _ = read_input(str(location), audio_track=1)
        assert {each.clip.audio_track for dialogue in dialogues for each in dialogue.utterances if each.clip} == {1}


def test_one_split_or_all(small_corpus: Path) -> None:
    def count(location: str) -> int:
        return sum(map(len, read_input(location)[0]))

    assert (count(f"meld:{small_corpus}#test"), count(f"meld:{small_corpus}")) == (8, 28)


def test_a_corpus_that_is_made_on_first_use_and_a_folder_with_a_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmerc.corpora import synthetic

    monkeypatch.setattr(synthetic, "DIALOGUES", {"train": 1, "test": 1})
    monkeypatch.setattr(synthetic.make_corpus, "__kwdefaults__", {"dialogues": None, "utterances": 1, "seed": 0})
    place = f"synthetic:{tmp_path / 'take#2'}"
    made = synthetic.make_corpus
    made(tmp_path / "take#2")
    assert [len(read_input(location)[0]) for location in (f"synthetic:{tmp_path / 'new'}", place, f"{place}#test")] == [
        2,
        2,
        1,
    ]


@pytest.mark.parametrize("location", ["nothing/here", "melt:x", "meld:/none#test"])
def test_nothing_there(location: str) -> None:
    with pytest.raises(CorpusError):
        read_input(location)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no audio or video file"):
        read_input(str(tmp_path))


def test_a_table_or_a_transcript_is_not_a_recording(tmp_path: Path) -> None:
    for name in ("t.csv", "a.srt", "a.wav"):
        (tmp_path / name).touch()
    with pytest.raises(CorpusError, match="is a table and not a recording: write table:"):
        read_input(str(tmp_path / "t.csv"))
    with pytest.raises(CorpusError, match="is a transcript and not a recording: give the recording"):
        read_input(str(tmp_path / "a.srt"))
    with pytest.raises(CorpusError, match="is not a recording, which a transcript belongs to"):
        read_input(str(tmp_path), tmp_path / "a.srt")


def test_a_corpus_and_a_transcript_say_themselves_what_they_are(small_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is no recording and no folder of recordings, which --as, --speakers"):
        read_input(f"meld:{small_corpus}#test", treat_as="clips")
    (tmp_path / "a.wav").touch()
    with pytest.raises(CorpusError, match="so the recording is no clip: leave out --as clips or the transcript"):
        read_input(str(tmp_path / "a.wav"), tmp_path / "a.srt", treat_as="clips")
