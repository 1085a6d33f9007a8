from pathlib import Path

import pytest

from mmerc import open_corpus
from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.corpora.dimensions import fit_dimensions, read_dimensions
from mmerc.emotions import SEVEN


def make_corpus(values: dict[str, list[float]], corpora: tuple[str, ...] = ("",)) -> Corpus:
    dialogues = [
        Dialogue(split, f"{corpus}{number}", (Utterance(split, f"{corpus}{number}", 0, dimensions={"valence": value}),), corpus=corpus)
        for corpus in corpora
        for split, found in values.items()
        for number, value in enumerate(found)
    ]  # fmt: skip
    return Corpus("made", SEVEN, {split: tuple(each for each in dialogues if each.split == split) for split in values})


def test_the_scale_is_that_of_the_training_split() -> None:
    (valence,) = fit_dimensions(make_corpus({"train": [1.0, 3.0], "test": [99.0]})).labels.dimensions
    assert (valence.mean, valence.deviation, valence.low, valence.high) == (2.0, 1.0, 1.0, 3.0)
    assert valence.standardise(3.0) == 1.0 and valence.restore(-0.5) == 1.5 and valence.restore(7.0) == 3.0


def test_a_dimension_without_spread_is_not_learned() -> None:
    assert fit_dimensions(make_corpus({"train": [2.0, 2.0]})).labels.dimensions == ()


def test_two_scales_in_joined_corpora_are_a_problem() -> None:
    corpus = make_corpus({"train": [1.0, 5.0]}, ("a", "b"))
    (first, second), others = corpus.splits["train"][2:], corpus.splits["train"][:2]
    wide = [
        Dialogue("train", each.dialogue, (Utterance("train", each.dialogue, 0, dimensions={"valence": value}),), corpus="b")
        for each, value in ((first, 0.0), (second, 100.0))
    ]  # fmt: skip
    problems = fit_dimensions(Corpus("made", SEVEN, {"train": (*others, *wide)})).problems
    assert [problem.what for problem in problems] == [
        "valence has several scales (1 to 5 in a, 0 to 100 in b): bring it to one"
    ]


@pytest.mark.parametrize("cell", ["high", "inf", "1e999"])
def test_a_cell_that_is_no_number_is_a_problem(cell: str) -> None:
    found, (problem,) = read_dimensions({"valence": cell, "arousal": "-2"}, "row 2")
    assert found == {"arousal": -2.0} and problem.where == "row 2"


def test_a_table_has_ratings_and_other_columns(tmp_path: Path) -> None:
    (tmp_path / "talk.csv").write_text(
        "Dialogue,Utterance,Speaker,Text,Emotion,Valence,Gender\n1,0,Ann,Hi,joy,4.5,f\n1,1,Bo,No,anger,,\n"
    )
    corpus = open_corpus(f"table:{tmp_path / 'talk.csv'}")
    first, second = corpus.utterances("test")
    assert first.dimensions == {"valence": 4.5} and first.attributes == {"gender": "f"}
    assert second.dimensions == {} and second.attributes == {}
    assert corpus.labels.dimensions == ()  # one value has no spread
