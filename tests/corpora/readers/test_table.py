import unicodedata
from pathlib import Path

import pytest

from mmerc.corpora.readers.table import read_table
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError


def write(
    folder: Path, *lines: str, header: str = "dialogue,utterance,speaker,text,start,end,emotion,clip,split"
) -> Path:
    file = folder / "mine.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


def test_a_users_table(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    corpus = read_table(write(tmp_path, "d1,0,Ann,Hello,0,1.5,happy,a.mp4,train", "d1,1,Bo,,1:02.5,1:04,,,"))
    (first,), (second,) = corpus.utterances("train"), corpus.utterances("test")
    assert (first.dialogue, first.utterance, first.emotion) == ("d1", 0, "joy")
    assert first.clip is not None and first.clip.path == tmp_path / "a.mp4"
    assert (second.text, second.start, second.emotion, second.clip) == (None, 62.5, None, None)
    assert corpus.problems == ()


def test_a_clip_outside_the_folder_is_not_opened(tmp_path: Path) -> None:
    corpus = read_table(write(tmp_path, "d,0,A,x,,,,../../etc/passwd,", "d,1,A,x,,,,/etc/passwd,"))
    assert [utterance.clip for utterance in corpus.utterances("test")] == [None, None]
    assert all("is outside" in problem.what for problem in corpus.problems)
    assert len(corpus.problems) == 2


def test_a_misspelled_label_keeps_the_seven(tmp_path: Path) -> None:
    rows = [f"d,{number},A,x,,,{label},," for number, label in enumerate(["joy"] * 9 + ["hapy"])]
    corpus = read_table(write(tmp_path, *rows))
    assert len(corpus.labels) == 7
    assert [utterance.emotion for utterance in corpus.utterances("test")][-2:] == ["joy", None]
    assert [problem.kind for problem in corpus.problems] == ["label"]


def test_another_set_of_labels(tmp_path: Path) -> None:
    corpus = read_table(write(tmp_path, "d,0,A,x,,,Bored,,", "d,1,A,x,,,awake,,"))
    assert corpus.labels.names == ("awake", "bored")


def test_an_eighth_emotion_is_not_dropped(tmp_path: Path) -> None:
    rows = [
        f"d,{number},A,x,,,{label},," for number, label in enumerate(["joy"] * 88 + ["Anger"] * 10 + ["contempt"] * 2)
    ]
    corpus = read_table(write(tmp_path, *rows))
    assert corpus.labels.names == ("anger", "contempt", "joy") and corpus.problems == ()
    assert all(utterance.emotion for utterance in corpus.utterances("test"))


def test_a_given_label_set_is_used(tmp_path: Path) -> None:
    corpus = read_table(write(tmp_path, "d,0,A,x,,,hapy,,", "d,1,A,x,,,Sad,,"), LabelSet(("hapy", "sad")))
    assert [utterance.emotion for utterance in corpus.utterances("test")] == ["hapy", "sad"]


def test_decimal_ids_are_numbers_and_sections_are_not(tmp_path: Path) -> None:
    corpus = read_table(write(tmp_path, "1.0,10.0,A,x,,,,,", "1.0,9.0,A,x,,,,,", "2.0,0.0,A,x,,,,,"))
    assert [(each.dialogue, each.utterance) for each in corpus.utterances("test")] == [(1, 9), (1, 10), (2, 0)]
    corpus = read_table(write(tmp_path, "1.0,a,A,x,,,,,", "1.1,a,A,x,,,,,"))
    assert [each.dialogue for each in corpus.utterances("test")] == ["1.0", "1.1"]


def test_a_table_without_a_usable_row_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match="mine has no row that can be used. mine.csv row 2: has no dialogue or utterance id"
    ):
        read_table(write(tmp_path, ",0,A,x,,,,,", ",1,A,x,,,,,"))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_clips_are_found_by_paths_of_other_systems(tmp_path: Path, form: str) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / unicodedata.normalize(form, "Größe.mp4")).touch()
    names = [unicodedata.normalize(other, "clips\\Größe.mp4") for other in ("NFC", "NFD")]
    corpus = read_table(write(tmp_path, *(f"d,{number},A,x,,,,{name}," for number, name in enumerate(names))))
    assert all(each.clip and each.clip.path.is_file() for each in corpus.utterances("test")) and corpus.problems == ()


def test_a_clip_that_is_absent_is_named_as_written(tmp_path: Path) -> None:
    corpus = read_table(write(tmp_path, "d,0,A,x,,,,clips\\none.mp4,"))
    assert [problem.what for problem in corpus.problems] == ["clips\\none.mp4 is absent"]


def test_a_part_of_a_long_recording(tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").touch()
    header = "dialogue,utterance,speaker,text,clip,clip_start,clip_end"
    (utterance,) = read_table(write(tmp_path, "d,0,A,x,talk.mp4,1:00,1:02.5", header=header)).utterances("test")
    assert utterance.clip is not None and (utterance.clip.start, utterance.clip.end) == (60.0, 62.5)


def test_a_split_of_another_name_is_reported_once(tmp_path: Path) -> None:
    rows = "1,0,A,x,foo\n2,0,A,y,foo\n3,0,A,z,valid\n"
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,split\n" + rows)
    corpus = read_table(tmp_path / "t.csv")
    assert sorted(corpus.splits) == ["dev", "foo"]
    assert [problem.what for problem in corpus.problems] == [
        'the split "foo" is not one of train, dev, test: it can be predicted, but not trained on'
    ]
