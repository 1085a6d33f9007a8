import pytest

from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import LabelSet
from mmerc.errors import ConfigError
from mmerc.evaluation.groups import UNKNOWN, list_groups, measure_groups
from mmerc.evaluation.tables import make_groups

LABELS = LabelSet(("joy", "fear"))


def make_corpus() -> Corpus:
    rows = [
        Utterance("test", 0, 0, "Ann", attributes={"gender": "f"}),
        Utterance("test", 0, 1, "Bo", attributes={"gender": "m"}),
        Utterance("test", 0, 2),
    ]
    return Corpus("made", LABELS, {"test": (Dialogue("test", 0, tuple(rows), session="s1"),)})


def test_groups_are_the_values_of_a_column() -> None:
    corpus = make_corpus()
    assert list_groups(corpus, "test", "gender") == ["f", "m", UNKNOWN]
    assert list_groups(corpus, "test", "speaker") == ["Ann", "Bo", UNKNOWN]
    assert list_groups(corpus, "test", "corpus") == ["made"] * 3
    assert list_groups(corpus, "test", "session") == ["s1"] * 3


def test_an_absent_column_names_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="--by age: no test utterance of made has it: use one of .*gender"):
        list_groups(make_corpus(), "test", "age")


def test_gaps_are_between_groups_that_are_large_enough() -> None:
    groups = ["f"] * 20 + ["m"] * 20 + ["x"] * 2
    labels = [0, 1] * 21
    predicted = [[0, 1] * 10 + [0, 0] * 10 + [1, 0]]
    found = measure_groups(groups, labels, predicted, LABELS.names)
    assert list(found["groups"]) == ["x", "f", "m"] and found["smallest"] == "x"
    gap = found["gaps"]["accuracy"]
    assert (gap["best"], gap["worst"], gap["gap"]) == ("f", "m", 0.5)
    assert gap["interval"][0] > 0 and 0 < gap["expected"] < 0.25
    tables = make_groups({"groups": {"gender": {"system": "fused", **found}}})
    assert [table.title for table in tables] == ["Groups by gender", "Gaps by gender"]
    assert "The smallest group is x with 2 utterances" in tables[0].note


def test_one_group_has_no_gap() -> None:
    assert measure_groups(["f"] * 12, [0, 1] * 6, [[0, 1] * 6], LABELS.names)["gaps"] == {}
