from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.dialogue import Corpus, Utterance, group_into_dialogues, resolve_speakers
from mmerc.emotions import LabelSet


def make_row(dialogue: int, utterance: int | str, split: str = "train") -> Utterance:
    return Utterance(split, dialogue, utterance)


def test_rows_are_ordered_by_id_not_by_time() -> None:
    late = Utterance("train", 0, 1, start=1.0)
    early = Utterance("train", 0, 0, start=9.0)
    splits, problems = group_into_dialogues([late, early])
    assert [utterance.utterance for utterance in splits["train"][0].utterances] == [0, 1]
    assert problems == []


def test_the_split_is_part_of_the_key() -> None:
    splits, problems = group_into_dialogues([make_row(0, 0, "train"), make_row(0, 0, "test")])
    assert {split: len(dialogues) for split, dialogues in splits.items()} == {"train": 1, "test": 1}
    assert problems == []


def test_a_duplicate_keeps_the_first_and_is_reported() -> None:
    first, second = Utterance("train", 0, 0, text="first"), Utterance("train", 0, 0, text="second")
    splits, problems = group_into_dialogues([first, second])
    assert splits["train"][0].utterances == (first,)
    assert [(problem.kind, problem.where) for problem in problems] == [("duplicate", "train dialogue 0 utterance 0")]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), unique=True))
def test_no_row_is_lost(keys: list[tuple[int, int]]) -> None:
    splits, _ = group_into_dialogues([make_row(*key) for key in keys])
    found = {(each.dialogue, each.utterance) for dialogue in splits.get("train", ()) for each in dialogue.utterances}
    assert found == set(keys)


def test_text_that_cannot_be_written_is_replaced() -> None:
    splits, _ = group_into_dialogues([Utterance("train", "a\ud800", 0, text="b\udfff")])
    (utterance,) = splits["train"][0].utterances
    assert (utterance.dialogue, utterance.text) == ("a?", "b?")


def test_one_name_in_two_unicode_forms_is_one_speaker() -> None:
    splits, _ = group_into_dialogues(
        [Utterance("t", 0, 0, speaker="J\u00f6rg"), Utterance("t", 0, 1, speaker="Jo\u0308rg")]
    )
    assert {utterance.speaker for utterance in splits["t"][0].utterances} == {"J\u00f6rg"}


def test_a_speaker_lists_people_where_each_speaks_alone_too() -> None:
    names = ["Ross", "Joey", "Ross and Joey", "Smith, Ann", "Both", "", "Ross and Waiter"]
    rows = resolve_speakers([Utterance("t", 0, number, speaker=name) for number, name in enumerate(names)])
    assert [row.speakers for row in rows] == [
        ("Ross",), ("Joey",), ("Ross", "Joey"), ("Smith, Ann",), (), (), ("Ross and Waiter",),
    ]  # fmt: skip


def test_people_are_known_from_every_dialogue_and_split() -> None:
    rows = [Utterance("train", 0, 0, speaker="Ann"), Utterance("dev", 1, 0, speaker="Bo")]
    splits, _ = group_into_dialogues([*rows, Utterance("test", 2, 0, speaker="Bo & Ann")])
    assert splits["test"][0].utterances[0].speakers == ("Bo", "Ann")


def test_what_a_corpus_shows_of_itself_is_short() -> None:
    splits, _ = group_into_dialogues(
        [Utterance("train", 0, number, "Ann", signals={"pose": [0.0] * 999}) for number in range(3)]
    )
    corpus = Corpus("mine", LabelSet(("calm", "tense")), splits)
    assert repr(corpus) == "Corpus('mine', utterances: train 3; labels: calm, tense)"
    assert repr(corpus.dialogues("train")[0]) == "Dialogue(split='train', dialogue=0, 3 utterances)"
    assert "0.0" not in repr(splits["train"][0].utterances[0]) and "speaker='Ann'" in repr(
        splits["train"][0].utterances[0]
    )
    assert repr(Corpus("none", LabelSet(("a",)), {})) == "Corpus('none', utterances: none; labels: a)"
