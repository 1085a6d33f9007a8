from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc import open_corpus
from mmerc.corpora import Utterance
from mmerc.corpora.votes import measure_agreement, read_votes, settle_votes


def utterance(number: int, **votes: float) -> Utterance:
    return Utterance("train", 0, number, votes=votes)


def test_a_tie_goes_to_the_label_with_most_votes_in_the_corpus() -> None:
    settled = settle_votes([utterance(0, joy=1.0, fear=1.0), utterance(1, fear=2.0), utterance(2)])
    assert [each.emotion for each in settled] == ["fear", "fear", None]


def test_a_given_emotion_stays() -> None:
    given = Utterance("train", 0, 0, emotion="anger", votes={"joy": 3.0})
    assert settle_votes([given]) == [given]


def test_a_damaged_count_is_a_problem() -> None:
    votes, problems = read_votes({"votes_joy": "many", "votes_fear": "-1", "votes_anger": "2"}, "row 2")
    assert votes == {"anger": 2.0} and [problem.where for problem in problems] == ["row 2", "row 2"]


def test_a_table_with_a_column_for_each_annotator(tmp_path: Path) -> None:
    (tmp_path / "talk.csv").write_text(
        "dialogue,utterance,speaker,text,emotion_1,emotion_2,emotion_3\n"
        "1,0,Ann,Hi,happy,joy,anger\n1,1,Bo,No,anger,anger,bored\n1,2,Bo,,,,\n"
    )
    corpus = open_corpus(f"table:{tmp_path / 'talk.csv'}")
    assert [each.emotion for each in corpus.utterances("test")] == ["joy", "anger", None]
    assert [each.votes for each in corpus.utterances("test")] == [{"joy": 2.0, "anger": 1.0}, {"anger": 2.0}, {}]
    assert [problem.what for problem in corpus.problems] == [
        "votes for labels outside of the label set are not counted: bored (1)"
    ]


def test_the_votes_of_joined_corpora_get_the_joined_names(tmp_path: Path) -> None:
    for name, label in (("a", "happy"), ("b", "joy")):
        (tmp_path / f"{name}.csv").write_text(
            f"dialogue,utterance,speaker,text,emotion,votes_{label},votes_odd\n1,0,Ann,Hi,{label},3,1\n1,1,Ann,Hi,odd{name},0,1\n"
        )
    corpus = open_corpus(f"table:{tmp_path / 'a.csv'}+table:{tmp_path / 'b.csv'}")
    assert [each.votes for each in corpus.utterances("test")] == [{"joy": 3.0}, {}, {"joy": 3.0}, {}]


def test_alpha_is_that_of_the_published_example() -> None:
    # Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C: 12 units, 4 observers, nominal: 0.743.
    units = [
        {1: 3},
        {2: 3, 3: 1},
        {3: 4},
        {3: 4},
        {2: 4},
        {1: 1, 2: 1, 3: 1, 4: 1},
        {4: 4},
        {1: 3, 2: 1},
        {2: 4},
        {5: 3},
        {1: 2},
        {3: 1},
    ]
    found = measure_agreement(
        Utterance("train", 0, number, votes={str(label): float(count) for label, count in votes.items()})
        for number, votes in enumerate(units)
    )
    assert found is not None and found["alpha"] == pytest.approx(0.743, abs=5e-4)
    assert (found["utterances"], found["votes"]) == (11, 40.0)


def test_shares_tell_nothing_of_agreement() -> None:
    assert measure_agreement([utterance(0, joy=0.75, fear=0.25)]) is None


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 5).map(float)), max_size=6))
def test_alpha_is_at_most_one(units: list[dict[str, float]]) -> None:
    found = measure_agreement([utterance(number, **votes) for number, votes in enumerate(units)])
    assert found is None or found["alpha"] <= 1
