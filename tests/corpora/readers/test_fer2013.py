import io
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmerc.corpora import open_corpus
from mmerc.corpora.readers.fer2013 import read_fer2013
from mmerc.errors import CorpusError
from mmerc.media.image import read_picture


def picture(grey: int, ending: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((48, 48), grey, np.uint8)).save(file, ending)
    return file.getvalue()


def put(file: Path, **columns: list[object]) -> None:
    pq.write_table(pa.table(columns), file)


def test_a_split_is_a_dialogue_and_a_picture_an_utterance(tmp_path: Path) -> None:
    put(
        tmp_path / "train.parquet",
        image=[picture(9), picture(8)],
        label=["happy", "happy, sad"],
        name=["a.jpg", "b.jpg"],
    )
    put(tmp_path / "validation.parquet", image=[picture(7)], label=["angry"], name=["c.jpg"])
    put(tmp_path / "test.parquet", image=[picture(7), None], name=["d.jpg", "e.jpg"])
    corpus = read_fer2013(tmp_path)
    assert [
        (utterance.key, utterance.emotion) for split in corpus.splits for utterance in corpus.utterances(split)
    ] == [
        (("train", "train", "a.jpg"), "joy"),
        (("train", "train", "b.jpg"), None),
        (("dev", "validation", "c.jpg"), "anger"),
        (("test", "test", "d.jpg"), None),
        (("test", "test", "e.jpg"), None),
    ]
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [
        ("label", "train dialogue train utterance b.jpg")
    ]
    first, *_, last = (utterance for split in corpus.splits for utterance in corpus.utterances(split))
    assert read_picture(first.signals["face"])[0, 0].tolist() == [9, 9, 9]  # type: ignore[arg-type]
    assert not last.signals


def test_what_is_not_fer2013(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"has no picture in train\.parquet"):
        read_fer2013(tmp_path)
    (tmp_path / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_fer2013(tmp_path)
    put(tmp_path / "train.parquet", name=["a"])
    with pytest.raises(CorpusError, match="has no column image"):
        read_fer2013(tmp_path)


@pytest.mark.realdata
def test_fer2013_as_it_is(real_data: Path) -> None:
    corpus = open_corpus(f"fer2013:{real_data / 'fer2013'}")
    assert {split: len(list(corpus.utterances(split))) for split in corpus.splits} == {"train": 28_707, "dev": 3_589}
    counts = Counter(utterance.emotion for utterance in corpus.utterances("train"))
    assert (counts["joy"], counts["disgust"]) == (7_215, 436)
    assert [problem.kind for problem in corpus.problems] == ["duplicate"] * 2  # two names occur twice
    assert read_picture(next(corpus.utterances("dev")).signals["face"]).shape == (48, 48, 3)  # type: ignore[arg-type]


def test_a_name_that_is_no_text_makes_the_file_unreadable(tmp_path: Path) -> None:
    names = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    pq.write_table(
        pa.table({"image": pa.array([picture(1)]), "label": pa.array([0]), "name": names}), tmp_path / "train.parquet"
    )
    with pytest.raises(CorpusError, match="train.parquet cannot be read"):
        read_fer2013(tmp_path)
