from pathlib import Path

from mmerc.corpora.readers.table import read_table


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
