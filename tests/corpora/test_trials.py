"""The inputs of ../shared/trials that are tables or packs, where that folder exists."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmerc.corpora import open_corpus
from mmerc.errors import CorpusError

INPUTS = Path(__file__).parents[3] / "shared" / "trials" / "inputs"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not INPUTS.is_dir(), reason=f"the trials are not at {INPUTS}"),
]


def test_20_a_name_with_a_comma_is_one_person() -> None:
    corpus, control = (open_corpus(f"table:{INPUTS / name}") for name in ("last-first.csv", "last-first-control.csv"))
    found, expected = ([each.speakers for each in one.utterances("test")] for one in (corpus, control))
    assert found == [("Smith, Ann",), ("Smith, Bob",)] * 2 and expected == [("Ann",), ("Bob",)] * 2


def test_28_output_is_utf8_in_every_locale() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "mmerc", "corpus", "check", f"table:{INPUTS / 'chinese.csv'}"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0 and "┃" in result.stdout.decode("utf-8")


def test_47_clips_of_meld_as_flac() -> None:
    corpus = open_corpus(f"meld:{INPUTS / 'meld-flac'}")
    assert [each.clip.path.name for each in corpus.utterances("dev") if each.clip] == [
        "dia0_utt0.flac",
        "dia0_utt1.flac",
    ]
    assert corpus.problems == ()


def test_48_an_eighth_emotion_is_a_class() -> None:
    corpus = open_corpus(f"table:{INPUTS / 'contempt.csv'}")
    assert len(corpus.labels) == 8 and corpus.problems == ()
    assert sum(each.emotion == "contempt" for each in corpus.utterances("train")) == 24


def test_49_cells_of_several_lines() -> None:
    corpus = open_corpus(f"table:{INPUTS / 'multiline.csv'}")
    assert [each.text for each in corpus.utterances("test")] == ["We won!\nAt last.", "Really?\n\nNo kidding?"]
    assert corpus.problems == ()


def test_50_decimal_ids() -> None:
    corpus = open_corpus(f"meld:{INPUTS / 'meld-float-ids'}")
    assert [each.key for each in corpus.utterances("dev")] == [("dev", "0", "0"), ("dev", "0", "1")]


def test_53_yes_no_pairs_are_no_class() -> None:
    with pytest.raises(CorpusError, match="28 of 28 labels are not one class each .*4 yes/no pairs"):
        open_corpus(f"pack:{INPUTS / 'mult-iemocap.pkl'}")
