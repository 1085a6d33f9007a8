from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.corpora import Corpus, Dialogue, Utterance, open_corpus
from mmerc.corpora.folds import (
    DialogueKey,
    Folds,
    Grouping,
    deal_folds,
    get_key,
    group_by_speaker,
    list_dialogues,
    list_labelled,
    open_fold,
    replace_splits,
)
from mmerc.emotions import SEVEN
from mmerc.errors import ConfigError

SPLITS = ("train", "dev", "test")


def make_dialogue(
    split: str, name: int, speakers: Sequence[str], emotion: str | None = "joy", session: str = ""
) -> Dialogue:
    utterances = (Utterance(split, name, n, speaker, "x", emotion=emotion) for n, speaker in enumerate(speakers))
    return Dialogue(split, name, tuple(utterances), session)


def make_corpus(*dialogues: Dialogue) -> Corpus:
    splits = {split: tuple(each for each in dialogues if each.split == split) for split in SPLITS}
    return Corpus("c", SEVEN, splits)


# Dialogues of all splits with repeated ids, some without labels, some with speakers of other dialogues.
ROWS = st.lists(
    st.tuples(
        st.sampled_from(SPLITS),
        st.lists(st.sampled_from("ABCDEFGHIJKL"), min_size=1, max_size=4),
        st.sampled_from(["joy", "fear", None]),
        st.sampled_from(["s0", "s1", "s2", "s3"]),
    ),
    max_size=20,
)


def deal(corpus: Corpus, count: int, by: Grouping, seed: int) -> Folds | None:
    try:
        return deal_folds(corpus, count, by, seed)
    except ConfigError as error:
        assert "too few for --folds" in str(error)
        return None


@given(ROWS, st.integers(3, 5), st.sampled_from(["speaker", "session", "dialogue"]), st.integers(0, 3))
@settings(deadline=None, max_examples=60)
def test_folds_are_disjoint_cover_everything_and_are_deterministic(
    rows: list[tuple[str, list[str], str | None, str]], count: int, by: Grouping, seed: int
) -> None:
    numbers = dict.fromkeys(SPLITS, -1)
    dialogues = []
    for split, speakers, emotion, session in rows:
        numbers[split] += 1
        dialogues.append(make_dialogue(split, numbers[split], speakers, emotion, session))
    corpus = make_corpus(*dialogues)
    folds = deal(corpus, count, by, seed)
    if folds is None:
        return
    assert deal_folds(corpus, count, by, seed) == folds and len(folds) == count
    labelled = {get_key(dialogue) for dialogue in list_dialogues(corpus) if list_labelled([dialogue])}
    tested: list[DialogueKey] = []
    for number in range(count):
        fold = folds.make_corpus(number)
        assert tuple(fold.splits) == SPLITS and all(fold.splits[split] for split in SPLITS)
        assert len({each.key for split in SPLITS for each in fold.utterances(split)}) == sum(
            len(dialogue) for dialogue in list_dialogues(corpus) if get_key(dialogue) in labelled
        )
        if by != "dialogue":  # no speaker and no session is in two splits
            names = {
                split: {
                    name
                    for dialogue in fold.dialogues(split)
                    for name in ([u.speaker for u in dialogue.utterances] if by == "speaker" else [dialogue.session])
                }
                for split in SPLITS
            }
            assert not names["train"] & names["dev"] | names["train"] & names["test"] | names["dev"] & names["test"]
        following = folds.groups[(number + 1) % count]
        expected = {get_key(dialogue) for group in following[::2] for dialogue in group.dialogues}
        assert {get_key(dialogue) for dialogue in fold.dialogues("dev")} == expected
        groups = folds.list_test_groups(number)
        assert len(groups) == len(list_labelled(fold.dialogues("test")))
        assert set(groups) == {group.name for group in folds.groups[number]}
        tested += [get_key(dialogue) for dialogue in fold.dialogues("test")]
    assert len(tested) == len(set(tested)) == len(labelled)


@given(st.lists(st.integers(1, 30), min_size=3, max_size=20), st.integers(3, 6))
@settings(deadline=None, max_examples=60)
def test_sizes_differ_by_no_more_than_the_largest_group(lengths: list[int], count: int) -> None:
    corpus = make_corpus(*(make_dialogue("train", n, ["A"] * length) for n, length in enumerate(lengths)))
    folds = deal(corpus, count, "dialogue", 0)
    if folds is not None:
        sizes = [sum(group.size for group in groups) for groups in folds.groups]
        assert max(sizes) - min(sizes) <= max(lengths)


def test_the_seed_decides_and_equal_groups_are_shared_out_equally() -> None:
    corpus = make_corpus(*(make_dialogue("train", n, [f"s{n}"]) for n in range(20)))
    dealt = {tuple(group.name for group in deal_folds(corpus, 5, seed=seed).groups[0]) for seed in range(5)}
    assert len(dealt) == 5
    assert [len(groups) for groups in deal_folds(corpus, 5).groups] == [4] * 5


def test_speakers_are_the_default_where_they_can_be_separated() -> None:
    alone = [make_dialogue("train", n, [f"s{n}", f"t{n}"]) for n in range(4)]
    assert deal_folds(make_corpus(*alone), 3).by == "speaker"
    everyone_talks = [make_dialogue("train", n, ["A", "B"]) for n in range(4)]
    assert deal_folds(make_corpus(*everyone_talks), 3).by == "dialogue"
    unknown = [*alone, make_dialogue("dev", 0, [""])]
    assert deal_folds(make_corpus(*unknown), 3).by == "dialogue"


def test_people_who_talk_with_each_other_are_one_group() -> None:
    found = group_by_speaker(
        [
            make_dialogue("train", 0, ["Ann", "Bo"]),
            make_dialogue("train", 1, ["Cy", "All"]),
            make_dialogue("test", 0, ["Bo", "Di"]),
            make_dialogue("train", 2, ["All"]),
            make_dialogue("train", 3, ["Cy"]),
        ]
    )
    assert {group.name: [get_key(each) for each in group.dialogues] for group in found} == {
        "Ann, Bo, Di": [("train", "0"), ("test", "0")],
        "Cy": [("train", "1"), ("train", "3")],
        "train 2": [("train", "2")],
    }


def test_dialogues_without_a_label_take_no_part() -> None:
    corpus = make_corpus(
        *(make_dialogue("train", n, [f"s{n}"]) for n in range(3)), make_dialogue("test", 9, ["s0"], emotion=None)
    )
    fold = deal_folds(corpus, 3).make_corpus(0)
    assert sorted(each.dialogue for each in list_dialogues(fold)) == [0, 1, 2]
    with_context = Dialogue("test", 5, (Utterance("test", 5, 0, "s5"), Utterance("test", 5, 1, "s5", emotion="joy")))
    moved = replace_splits(make_corpus(with_context), {("test", "5"): "dev"}, ["dev"])
    assert [each.emotion for each in moved.utterances("dev")] == [None, "joy"]  # its other utterances stay as context


def test_keys_stay_so_that_predictions_can_be_matched() -> None:
    corpus = make_corpus(make_dialogue("train", 0, ["A"]), make_dialogue("dev", 0, ["B"]), make_dialogue("dev", 1, "C"))
    fold = deal_folds(corpus, 3).make_corpus(1)
    assert sorted(map(get_key, list_dialogues(fold))) == [("dev", "0"), ("dev", "1"), ("train", "0")]


@pytest.mark.parametrize(
    ("dialogues", "count", "by", "sentence"),
    [
        ([["A"]] * 5, 2, None, "--folds 2: use 3 or more"),
        ([["A", "B"], ["B", "C"], ["D"]], 3, "speaker", "its speakers form 2 separate groups, .*: use --fold-by dialogue[.]"),
        ([["A"], ["A"], ["B"]], 3, "speaker", "has 2 labelled speakers, .*: use fewer folds or --fold-by dialogue|cannot"),
        ([["A"], ["B"], [""]], 3, "speaker", r"1 labelled utterances of c have no speaker \(the first is train dialogue 2"),
        ([["A"], ["B"], ["C"]], 3, "session", r"3 dialogues of c have no session \(the first is train 0\)"),
        ([["A"], ["B"], ["C"], ["D"]], 5, "dialogue", "4 labelled dialogues, too few for --folds 5: use fewer folds"),
    ],
)  # fmt: skip
def test_what_cannot_be_dealt_is_one_sentence(
    dialogues: list[list[str]], count: int, by: Grouping | None, sentence: str
) -> None:
    corpus = make_corpus(*(make_dialogue("train", n, speakers) for n, speakers in enumerate(dialogues)))
    with pytest.raises(ConfigError, match=sentence):
        deal_folds(corpus, count, by)


def test_a_location_names_a_fold(tmp_path: Path) -> None:
    rows = [f"{'train' if n < 5 else 'test'},{n},0,s{n},x,{('calm', 'tense')[n % 2]}" for n in range(7)]
    (tmp_path / "t.csv").write_text("\n".join(["split,dialogue,utterance,speaker,text,emotion", *rows]))
    corpus = open_corpus(f"table:{tmp_path / 't.csv'}", ["tense", "calm"])
    fold = deal_folds(corpus, 3, seed=4).make_corpus(2)
    assert fold.location == f"table:{tmp_path / 't.csv'}?label_set=tense,calm&fold=2/3,speaker,4"
    assert open_corpus(fold.location) == fold
    with pytest.raises(ConfigError, match='"fold=2/3" names no fold'):
        open_fold(corpus, "2/3")
    with pytest.raises(ConfigError, match="c has no fold 3 of 3: count from 0"):
        open_fold(make_corpus(*(make_dialogue("train", n, "A") for n in range(3))), "3/3,dialogue,0")
