from collections import Counter
from pathlib import Path

import pytest

from mmerc.corpora import open_corpus
from mmerc.corpora.readers.ravdess import read_ravdess
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")


def test_names_tell_emotion_actor_words_and_split(tmp_path: Path) -> None:
    put(
        tmp_path,
        "Actor_01/03-01-02-01-01-01-01.flac",
        "Actor_22/03-01-08-02-02-01-22.WAV",
        "Actor_23/03-01-03-01-01-02-23.wav",
    )
    corpus = read_ravdess(tmp_path)
    assert list(corpus.splits) == ["train", "dev", "test"]
    assert [
        (utterance.key, utterance.emotion, utterance.text)
        for split in corpus.splits
        for utterance in corpus.utterances(split)
    ] == [
        (("train", "Actor_01", "03-01-02-01-01-01-01"), "neutral", "Kids are talking by the door."),
        (("dev", "Actor_22", "03-01-08-02-02-01-22"), "surprise", "Dogs are sitting by the door."),
        (("test", "Actor_23", "03-01-03-01-01-02-23"), "joy", "Kids are talking by the door."),
    ]


def test_other_names_are_problems_and_other_files_are_not_looked_at(tmp_path: Path) -> None:
    put(tmp_path, "Actor_01/03-01-01-01-01-01-01.flac", "Actor_01/song.wav", "Actor_01/03-01-09-01-01-01-01.wav")
    put(tmp_path, "Actor_01/notes.txt")
    corpus = read_ravdess(tmp_path)
    assert [problem.where for problem in corpus.problems] == ["Actor_01/03-01-09-01-01-01-01.wav", "Actor_01/song.wav"]
    assert len(list(corpus.utterances("train"))) == 1


@pytest.mark.parametrize("folder", ["", "Actor_01/", "Audio_Speech_Actors_01-24/Actor_01/", "ravdess/speech/Actor_01/"])
def test_folders_may_be_flat_or_nested(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name in ("03-01-05-01-01-01-01.wav", "._03-01-05-01-01-01-01.wav"):
        (tmp_path / folder / name).touch()
    corpus = read_ravdess(tmp_path)
    assert [(each.key, each.emotion) for each in corpus.utterances("train")] == [
        (("train", "Actor_01", "03-01-05-01-01-01-01"), "anger")
    ]
    assert corpus.problems == ()


def test_calm_is_a_class_where_the_label_set_has_it(tmp_path: Path) -> None:
    put(tmp_path, "Actor_01/03-01-02-01-01-01-01.wav", "Actor_01/03-01-01-01-01-01-01.wav")
    corpus = read_ravdess(tmp_path, LabelSet(("calm", "neutral")))
    assert [each.emotion for each in corpus.utterances("train")] == ["neutral", "calm"]


def test_the_same_take_in_two_formats_is_one_utterance(tmp_path: Path) -> None:
    put(tmp_path, "Actor_01/03-01-01-01-01-01-01.flac", "Actor_01/03-01-01-01-01-01-01.wav")
    corpus = read_ravdess(tmp_path)
    assert [each.clip.path.suffix for each in corpus.utterances("train") if each.clip] == [".wav"]
    assert corpus.problems == ()


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="give the folder of RAVDESS"):
        read_ravdess(tmp_path)


@pytest.mark.realdata
def test_ravdess_as_it_is(real_data: Path) -> None:
    corpus = open_corpus(f"ravdess:{real_data / 'ravdess'}")
    assert {split: len(list(corpus.utterances(split))) for split in corpus.splits} == {"train": 1200, "dev": 120}
    assert Counter(utterance.emotion for utterance in corpus.utterances("dev")) == {
        "neutral": 24, "joy": 16, "sadness": 16, "anger": 16, "fear": 16, "disgust": 16, "surprise": 16,
    }  # fmt: skip
    assert corpus.problems == ()
