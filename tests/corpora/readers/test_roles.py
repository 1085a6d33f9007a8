from pathlib import Path

import pytest

from mmerc.corpora.readers.roles import find_split, name_columns
from mmerc.errors import CorpusError


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("d/train-00000-of-00002.parquet", "train"), ("d/default/validation/0000.parquet", "validation"),
        ("d/en_test.tar", "test"), ("d/latest.tar", "train"), ("d/dev/contest-1.tar", "dev"), ("d", "train"),
    ],
)  # fmt: skip
def test_the_split_is_a_word_of_the_name_or_of_a_folder(file: str, split: str) -> None:
    assert find_split(Path(file), Path("d")) == split


def test_a_column_has_one_role() -> None:
    columns = ["utterance", "label", "audio", "speaker", "dialogue_id", "age"]
    assert name_columns(columns, {}, "a") == {
        "utterance": "text", "label": "emotion", "audio": "clip", "speaker": "speaker", "dialogue_id": "dialogue", "age": "age",
    }  # fmt: skip
    assert name_columns(["speaker", "emotion"], {"emotion": "speaker"}, "a") == {"speaker": "emotion"}
    assert name_columns(["utterance", "text", "turn"], {}, "a") == {"text": "text", "turn": "utterance"}
    with pytest.raises(CorpusError, match="a has no column mood for emotion"):
        name_columns(columns, {"emotion": "mood"}, "a")
