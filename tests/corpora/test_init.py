from pathlib import Path

import pytest

from mmerc.corpora import READERS, open_corpus
from mmerc.corpora.location import add_label_set
from mmerc.errors import ConfigError, CorpusError

ROWS = "dialogue,utterance,speaker,text,emotion\n1,0,Ann,a,Joy\n1,1,Bo,b,contempt\n1,2,Bo,b,contempt\n"


@pytest.mark.parametrize("location", ["meld", "melt:/x", "meld:", "/some/folder", "", ":"])
def test_a_location_must_be_kind_and_path(location: str) -> None:
    with pytest.raises(CorpusError, match=r"write (KIND|meld):PATH"):
        open_corpus(location)


def test_an_absent_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="there is nothing at .*none.csv"):
        open_corpus(f"table:{tmp_path / 'none.csv'}")


def test_a_corpus_has_its_absolute_location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    monkeypatch.chdir(tmp_path)
    corpus = open_corpus("table:t.csv")
    assert corpus.location == f"table:{tmp_path}/t.csv"
    assert open_corpus(corpus.location).labels.names == ("contempt", "joy")


def test_the_label_set_can_be_given_as_an_argument_or_in_the_location(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    location = f"table:{tmp_path / 't.csv'}"
    corpus = open_corpus(location, labels=["Joy", "anger"])
    assert corpus.labels.names == ("joy", "anger")
    assert [utterance.emotion for utterance in corpus.utterances("test")] == ["joy", None, None]
    assert [problem.kind for problem in corpus.problems] == ["label"]
    assert corpus.location == f"{location}?label_set=joy,anger"
    assert (
        open_corpus(corpus.location).labels == corpus.labels == open_corpus(add_label_set(location, "joy,anger")).labels
    )
    assert open_corpus(corpus.location, labels=["contempt", "joy"]).labels.names == ("contempt", "joy")
    with pytest.raises(ConfigError, match="--labels joy"):
        open_corpus(location, labels=["joy"])


def test_several_corpora_are_joined_by_a_plus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a+b").mkdir()
    (tmp_path / "a+b" / "t.csv").write_text(ROWS)
    (tmp_path / "03a01Wa.wav").touch()
    monkeypatch.chdir(tmp_path)
    corpus = open_corpus("table:a+b/t.csv+emodb:.+table:a+b/t.csv")
    assert corpus.members == ("table", "table-2", "emodb")  # in the order of their dialogues
    assert [each.key[:2] for split in corpus.splits for each in corpus.dialogues(split)[0].utterances[:1]] == [
        ("test", "table/1"), ("train", "emodb/03"),
    ]  # fmt: skip
    table = f"table:{tmp_path}/a+b/t.csv"
    assert corpus.location == f"{table}+emodb:{tmp_path}+{table}"
    again = open_corpus(corpus.location)
    assert (again.members, again.labels, list(again.splits)) == (corpus.members, corpus.labels, list(corpus.splits))
    assert corpus.labels.names[-1] == "contempt" and len(corpus.labels) == 8
    assert open_corpus("table:a+b/t.csv").members == ()
    named = open_corpus("table:a+b/t.csv+emodb:.", labels=["joy", "contempt"])
    assert named.labels.names == ("joy", "contempt")
    assert open_corpus(named.location).labels == named.labels
    with pytest.raises(CorpusError, match="there is nothing at none"):
        open_corpus("emodb:.+table:none")


def test_names_of_labels_may_hold_any_letter(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS.replace("contempt", "50% & #1?"))
    corpus = open_corpus(f"table:{tmp_path / 't.csv'}", labels=["joy", "50% & #1?"])
    assert open_corpus(corpus.location).labels.names == ("joy", "50% & #1?") and not corpus.problems


@pytest.mark.parametrize("kind", sorted(READERS.keys() - {"synthetic"}))
def test_every_reader_refuses_a_folder_of_something_else_with_one_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(CorpusError) as error:
        open_corpus(f"{kind}:{tmp_path}")
    assert str(tmp_path) in str(error.value) and str(error.value).endswith(".") and "\n" not in str(error.value)
