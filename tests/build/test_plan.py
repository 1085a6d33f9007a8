from pathlib import Path

import pytest

from mmerc.build.plan import Plan, make_plan
from mmerc.errors import CorpusError
from tests.build.corpora import write_takes


def test_voices_are_joined_and_each_is_left_out_once(tmp_path: Path) -> None:
    write_takes(tmp_path)
    plan = make_plan(tmp_path)
    ravdess, emodb = f"ravdess:{tmp_path / 'ravdess'}", f"emodb:{tmp_path / 'emodb'}"
    assert plan.locations == {"audio": f"{ravdess}+{emodb}"}
    assert plan.list_left_out("audio") == {"ravdess": (emodb, ravdess), "emodb": (ravdess, emodb)}
    assert plan.describe() == [
        "audio: ravdess, emodb",
        "text: none of meld, goemotions is there, so the model will not read it",
        "face: none of fer2013 is there, so the model will not read it",
    ]


def test_one_corpus_cannot_be_left_out() -> None:
    assert Plan({"face": {"fer2013": "fer2013:A"}}).list_left_out("face") == {}


def test_a_folder_without_corpora(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="mmerc corpus fetch"):
        make_plan(tmp_path)
    with pytest.raises(CorpusError, match="is not a folder"):
        make_plan(tmp_path / "absent")


@pytest.mark.realdata
def test_the_real_corpora(real_data: Path) -> None:
    parts = make_plan(real_data).parts
    assert {name: list(by_kind) for name, by_kind in parts.items()} == {
        "text": ["meld"],
        "audio": ["ravdess", "emodb"],
        "face": ["fer2013"],
    }
