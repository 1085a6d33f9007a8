import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmerc.corpora import open_corpus
from mmerc.corpora.location import make_absolute
from mmerc.errors import CorpusError
from mmerc.media import read_waveform
from tests.media.clips import write_wav

SECOND = np.sin(np.arange(16_000) / 10)[None]

NAMES = ["joy", "anger", "neutral"]


def write(file: Path, columns: dict[str, Any], classes: str = "label") -> None:
    """Write a file as `datasets` does, with the names of the classes in the schema."""
    features = {classes: {"names": NAMES, "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), file)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))


def test_names_of_classes_splits_and_dialogues(tmp_path: Path) -> None:
    columns = {
        "utterance": ["Hi!", "No.", "Oh."],
        "label": [0, 1, 2],
        "speaker": ["Ann", "Bo", "Ann"],
        "dialogue_id": [7, 7, 9],
        "gender": ["f", "m", "f"],
        "valence": [4.0, 1.0, 2.5],
    }
    for name in ("train-00000-of-00001", "validation-00000-of-00001", "test-00000-of-00001"):
        write(tmp_path / "d" / "data" / f"{name}.parquet", columns)
    corpus = open_corpus(f"hf:{tmp_path / 'd'}")
    assert set(corpus.splits) == {"train", "dev", "test"} and not corpus.problems
    first, second, third = corpus.utterances("dev")
    assert first.key == ("dev", "7", "0") and second.key == ("dev", "7", "1") and third.key == ("dev", "9", "0")
    assert [each.emotion for each in (first, second, third)] == ["joy", "anger", "neutral"]
    assert (second.text, second.speaker, second.attributes, second.dimensions) == (
        "No.", "Bo", {"gender": "m"}, {"valence": 1.0},
    )  # fmt: skip


def test_sound_in_the_table_becomes_a_clip(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", SECOND)
    sound = {"bytes": (tmp_path / "a.wav").read_bytes(), "path": None}
    file = tmp_path / "d" / "train.parquet"
    write(file, {"audio": [sound, sound], "label": [0, 1]})
    for _ in range(2):  # the second time from the cache
        one, two = open_corpus(f"hf:{file.parent}").utterances("train")
        assert one.clip is not None and two.clip is not None and one.clip.path != two.clip.path
        assert one.clip.path.suffix == ".wav" and read_waveform(one.clip).shape == (16000,)
    write(file, {"audio": [sound], "label": [2]})
    (only,) = open_corpus(f"hf:{file.parent}").utterances("train")
    assert only.clip is not None and only.clip.path.parent != one.clip.path.parent  # the file has changed


def test_paths_stay_in_the_folder_and_columns_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "d" / "clips").mkdir(parents=True)
    write_wav(tmp_path / "d" / "clips" / "a.wav", SECOND)
    write_wav(tmp_path / "outside.wav", SECOND)
    columns = {
        "recording": ["clips/a.wav", "../outside.wav", None],
        "mood": [[0], [0, 1], [2]],
        "words": ["a", "b", "c"],
    }
    write(tmp_path / "d" / "test.parquet", columns, classes="mood")
    corpus = open_corpus(f"hf:{tmp_path / 'd'}?clip=recording&emotion=mood&text=words")
    one, two, three = corpus.utterances("test")
    assert one.clip is not None and one.clip.path.name == "a.wav" and two.clip is None and three.clip is None
    assert [each.emotion for each in (one, two, three)] == ["joy", None, "neutral"]
    assert [each.text for each in (one, two, three)] == ["a", "b", "c"]
    assert sorted(problem.kind for problem in corpus.problems) == ["clip", "label"]
    with pytest.raises(CorpusError, match="has no column nothing for text: it has recording"):
        open_corpus(f"hf:{tmp_path / 'd'}?text=nothing")
    with pytest.raises(CorpusError, match='"colour" is no part of an utterance'):
        open_corpus(f"hf:{tmp_path / 'd'}?colour=mood")


def test_one_of_several_configurations_is_chosen(tmp_path: Path) -> None:
    for config, text in (("english", "Hi!"), ("german", "Hallo!")):
        write(tmp_path / "d" / config / "train" / "0000.parquet", {"text": [text], "label": [0]})
    with pytest.raises(CorpusError, match="add \\?config= and one of english, german"):
        open_corpus(f"hf:{tmp_path / 'd'}")
    (only,) = open_corpus(f"hf:{tmp_path / 'd'}?config=german").utterances("train")
    assert only.text == "Hallo!"


def test_a_name_on_the_hub_and_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def download(name: str, **options: Any) -> str:
        asked.append((name, options["repo_type"], options["revision"]))
        write(tmp_path / "hub" / "default" / "train" / "0000.parquet", {"text": ["Hi!"], "label": [0]})
        return str(tmp_path / "hub")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    corpus = open_corpus("hf:someone/emotions?text=text")
    assert asked == [("someone/emotions", "dataset", "refs/convert/parquet")]
    assert corpus.location == make_absolute("hf:someone/emotions?text=text") == "hf:someone/emotions?text=text"
    assert corpus.name == "emotions" and next(corpus.utterances("train")).emotion == "joy"
    with pytest.raises(CorpusError, match="no OWNER/NAME of the hub"):
        open_corpus("hf:no/such/folder")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="has no Parquet file"):
        open_corpus(f"hf:{tmp_path / 'empty'}")
    (tmp_path / "empty" / "train.parquet").write_bytes(b"rubbish")
    with pytest.raises(CorpusError, match="train.parquet cannot be read"):
        open_corpus(f"hf:{tmp_path / 'empty'}")


def test_a_given_column_takes_the_place_of_one_with_the_usual_name(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", {"mood": ["joy", "fear"], "text": ["Hi!", "No."], "emotion": ["x", "y"]})
    corpus = open_corpus(f"hf:{tmp_path}?emotion=mood")
    assert [each.emotion for each in corpus.utterances("train")] == ["joy", "fear"]


def test_words_that_are_no_text_make_the_file_unreadable(tmp_path: Path) -> None:
    words = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    write(tmp_path / "d" / "train.parquet", {"utterance": words, "label": [0]})
    with pytest.raises(CorpusError, match="train.parquet cannot be read"):
        open_corpus(f"hf:{tmp_path / 'd'}")
