from pathlib import Path

import pytest

from mmerc.corpora.paths import LFS_HEADER
from mmerc.corpora.readers.takes import Take, read_takes
from mmerc.errors import CorpusError


def parse(file: Path) -> Take | None:
    speaker, _, emotion = file.stem.partition("-")
    return Take("train", speaker, file.stem, emotion) if emotion else None


def put(folder: Path, *names: str, content: bytes = b"") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_a_speaker_is_a_dialogue_and_a_file_an_utterance(tmp_path: Path) -> None:
    put(tmp_path, "x/ann-joy.wav", "bo-fear.FLAC", "ann-fear.wav", "notes.wav", "readme.txt", ".ann-sad.wav")
    corpus = read_takes("Acted", tmp_path, parse, example="ann-joy.wav")
    assert [(each.dialogue, each.utterance, each.speaker, each.emotion) for each in corpus.utterances("train")] == [
        ("ann", "ann-fear", "ann", "fear"), ("ann", "ann-joy", "ann", "joy"), ("bo", "bo-fear", "bo", "fear"),
    ]  # fmt: skip
    assert [(problem.where, problem.what) for problem in corpus.problems] == [
        ("notes.wav", "its name is not one of Acted")
    ]
    assert {each.source for each in corpus.utterances("train")} == {"acted"}


def test_the_best_of_several_formats_is_read(tmp_path: Path) -> None:
    put(tmp_path, "mp3/ann-joy.mp3", "wav/ann-joy.wav", "wav/bo-joy.wav")
    put(tmp_path, "video/bo-joy.mp4", content=LFS_HEADER + b"v1\n")  # not downloaded
    corpus = read_takes("Acted", tmp_path, parse, example="ann-joy.wav")
    assert [each.clip.path.name for each in corpus.utterances("train") if each.clip] == ["ann-joy.wav", "bo-joy.wav"]
    assert corpus.problems == ()


def test_the_same_file_in_two_folders_is_a_problem(tmp_path: Path) -> None:
    put(tmp_path, "a/ann-joy.wav", "b/ann-joy.wav")
    corpus = read_takes("Acted", tmp_path, parse, example="ann-joy.wav")
    assert len(list(corpus.utterances("train"))) == 1
    assert [(problem.where, problem.what) for problem in corpus.problems] == [
        ("b/ann-joy.wav", "is the same take as a/ann-joy.wav")
    ]


def test_a_folder_without_a_take(tmp_path: Path) -> None:
    put(tmp_path, "notes.wav")
    with pytest.raises(CorpusError, match=r"has no file such as ann-joy\.wav: give the folder of Acted"):
        read_takes("Acted", tmp_path, parse, example="ann-joy.wav")
