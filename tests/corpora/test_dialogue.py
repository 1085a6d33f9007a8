from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.dialogue import Utterance, gather


def said(dialogue: int, utterance: int | str, split: str = "train") -> Utterance:
    return Utterance(split, dialogue, utterance)


def test_rows_are_ordered_by_id_not_by_time() -> None:
    late = Utterance("train", 0, 1, start=1.0)
    early = Utterance("train", 0, 0, start=9.0)
    splits, problems = gather([late, early])
    assert [turn.utterance for turn in splits["train"][0].utterances] == [0, 1]
    assert problems == []


def test_the_split_is_part_of_the_key() -> None:
    splits, problems = gather([said(0, 0, "train"), said(0, 0, "test")])
    assert {split: len(dialogues) for split, dialogues in splits.items()} == {"train": 1, "test": 1}
    assert problems == []


def test_a_duplicate_keeps_the_first_and_is_reported() -> None:
    first, second = Utterance("train", 0, 0, text="first"), Utterance("train", 0, 0, text="second")
    splits, problems = gather([first, second])
    assert splits["train"][0].utterances == (first,)
    assert [(problem.kind, problem.where) for problem in problems] == [("duplicate", "train dialogue 0 utterance 0")]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), unique=True))
def test_no_row_is_lost(keys: list[tuple[int, int]]) -> None:
    splits, _ = gather([said(*key) for key in keys])
    found = {(turn.dialogue, turn.utterance) for dialogue in splits.get("train", ()) for turn in dialogue.utterances}
    assert found == set(keys)


def test_speakers_behind_a_crowd() -> None:
    assert Utterance("t", 0, 0, speaker="Ross and Joey").speakers == ("Ross", "Joey")
    assert Utterance("t", 0, 0, speaker="Both").speakers == ()
    assert Utterance("t", 0, 0, speaker="Sandy").speakers == ("Sandy",)
