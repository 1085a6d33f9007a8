import pytest

from mmerc.corpora import Dialogue, Utterance
from mmerc.corpora.labels import choose_labels, index_labels, is_misspelling, tidy_label
from mmerc.emotions import SEVEN, LabelSet


def test_labels_are_indexed_and_others_are_left_out() -> None:
    emotions = ("happy", None, "boredom", "anger")
    utterances = tuple(Utterance("dev", 1, number, emotion=emotion) for number, emotion in enumerate(emotions))
    found = index_labels([Dialogue("dev", 1, utterances)], LabelSet(("anger", "joy")))
    assert found == {("dev", "1", "0"): 1, ("dev", "1", "3"): 0}


def test_aliases_and_no_labels_at_all_give_the_seven() -> None:
    assert choose_labels({"happy": 5, "sad": 3, "calm": 1}).labels == SEVEN
    assert choose_labels({}).labels == SEVEN


@pytest.mark.parametrize("count", [1, 2, 24])
def test_another_emotion_makes_the_corpus_own_set_however_rare(count: int) -> None:
    choice = choose_labels({"joy": 150, "angry": 24, "contempt": count})
    assert choice.labels.names == ("angry", "contempt", "joy") and not choice.refused


def test_a_rare_misspelling_is_refused_and_a_frequent_one_is_a_label() -> None:
    assert choose_labels({"surprise": 300, "suprise": 2}).refused == {
        "suprise": 'looks like a misspelling of "surprise"'
    }
    assert choose_labels({"surprise": 300, "suprise": 30}).labels.names == ("suprise", "surprise")
    assert choose_labels({"joy": 3, "joyy": 1}).labels.names == ("joy", "joyy")  # too few to tell
    both = choose_labels({"joy": 200, "contempt": 20, "angre": 1})
    assert both.labels.names == ("contempt", "joy") and list(both.refused) == ["angre"]


@pytest.mark.parametrize(
    ("label", "name", "expected"),
    [
        ("hapy", "happy", True),
        ("fera", "fear", True),
        ("joyy", "joy", True),
        ("anoer", "anger", True),
        ("bad", "sad", False),
        ("mad", "sad", False),
        ("tear", "fear", False),
        ("joy2", "joy", False),
        ("contempt", "content", False),
        ("joy", "joy", False),
    ],
)
def test_what_is_a_misspelling(label: str, name: str, expected: bool) -> None:
    assert is_misspelling(label, name) is expected


@pytest.mark.parametrize("cell", ["joy, sadness", "joy/sadness", "joy|sadness", "joy and bored", "happy;sad"])
def test_a_cell_with_several_emotions_is_no_label(cell: str) -> None:
    choice = choose_labels({"joy": 5, "bored": 5, cell: 9})
    assert choice.labels.names == ("bored", "joy")
    assert choice.refused == {cell: "names several emotions, and an utterance has one label"}


def test_numbers_are_labels_in_their_order() -> None:
    assert [tidy_label(text) for text in ("1.0", "10", " NaN", None, "Joy ")] == ["1", "10", "", "", "joy"]
    assert choose_labels({"10": 1, "2": 1, "bored": 1}).labels.names == ("2", "10", "bored")


def test_a_given_set_is_the_set() -> None:
    given = LabelSet(("calm", "joy", "angre"))
    choice = choose_labels({"happy": 3, "angre": 1, "contempt": 2}, given)
    assert choice.labels == given
    assert choice.refused == {"contempt": "is not one of the given labels calm, joy, angre"}
