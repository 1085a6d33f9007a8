from pathlib import Path

import pytest

from mmerc.corpora import open_corpus
from mmerc.corpora.readers.meld import read_meld
from mmerc.corpora.statistics import statistics
from mmerc.errors import CorpusError

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"


def row(
    dialogue: int, utterance: int, *, start: str = "0:00:01,000", end: str = "00:00:02,500", emotion: str = "joy"
) -> str:
    return f'1,"Hi, you",Joey,{emotion},positive,{dialogue},{utterance},8,21,"{start}","{end}"\n'


def test_the_raw_tree_with_its_corrections(tmp_path: Path) -> None:
    (tmp_path / "test_sent_emo.csv").write_text(HEADER + row(0, 0) + row(0, 1))
    clips = tmp_path / "test" / "output_repeated_splits_test"
    clips.mkdir(parents=True)
    for name in ("dia0_utt0.mp4", "final_videos_testdia0_utt0.mp4", "._dia0_utt0.mp4", "dia9_utt9.mp4", "odd name.mp4"):
        (clips / name).touch()
    corpus = read_meld(tmp_path)
    first, second = corpus.utterances("test")
    assert first.clip is not None and first.clip.path.name == "final_videos_testdia0_utt0.mp4"
    assert second.clip is None
    assert sorted(problem.what for problem in corpus.problems) == [
        "is not named dia<D>_utt<U>.mp4",
        "no row of the annotations names this clip",
        "output_repeated_splits_test/dia0_utt1.mp4 is absent",
    ]


def test_a_row_keeps_its_text_times_and_source(tmp_path: Path) -> None:
    (tmp_path / "train_sent_emo.csv").write_text(HEADER + row(3, 4))
    (turn,) = read_meld(tmp_path).utterances("train")
    assert (turn.key, turn.text, turn.start, turn.end, turn.emotion, turn.source) == (
        ("train", "3", "4"), "Hi, you", 1.0, 2.5, "joy", "s08e21",
    )  # fmt: skip


def test_an_unknown_label_leaves_the_row_unlabelled(tmp_path: Path) -> None:
    (tmp_path / "train_sent_emo.csv").write_text(HEADER + row(0, 0, emotion="bored") + row(0, 1))
    corpus = read_meld(tmp_path)
    assert [turn.emotion for turn in corpus.utterances("train")] == [None, "joy"]
    assert [problem.kind for problem in corpus.problems] == ["label"]


def test_a_folder_without_annotations(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds none of train_sent_emo.csv"):
        read_meld(tmp_path)


@pytest.mark.realdata
def test_meld_as_it_really_is(real_data: Path) -> None:
    counted = statistics(open_corpus(f"meld:{real_data / 'meld'}"))
    names = ("neutral", "joy", "surprise", "anger", "sadness", "disgust", "fear")
    rows = {
        split: (found["utterances"], found["dialogues"], found["speakers"], found["gaps"])
        for split, found in counted["splits"].items()
    }
    assert rows == {"train": (9989, 1038, 260, 72), "dev": (1109, 114, 47, 2), "test": (2610, 280, 100, 2)}
    labels = {split: counted["splits"][split]["emotions"] for split in ("train", "dev")}
    assert [labels["train"][name] for name in names] == [4710, 1743, 1205, 1109, 683, 271, 268]
    assert [labels["dev"][name] for name in names] == [470, 163, 150, 153, 111, 22, 40]
    assert counted["splits"]["test"]["emotions"] is None
    assert sum(found["overlaps"] for found in counted["splits"].values()) == 822
    assert sum(found["not_monotonic"] for found in counted["splits"].values()) == 31
    assert [problem["where"] for problem in counted["problems"]] == [
        "train dialogue 309 utterance 0",
        "test dialogue 38 utterance 4",
        "test dialogue 155 utterance 3",
        "test dialogue 220 utterance 0",
    ]
    scenes = {tuple(scene["dialogues"]) for scene in counted["repeated_scenes"]}
    assert {("312", "698"), ("376", "725")} <= scenes


@pytest.mark.realdata
def test_keys_repeat_across_splits_and_text_is_clean(real_data: Path) -> None:
    corpus = open_corpus(f"meld:{real_data / 'meld'}")
    train, test = ({turn.key[1:] for turn in corpus.utterances(split)} for split in ("train", "test"))
    assert len(train & test) == 1740
    assert not any("\x80" <= letter <= "\x9f" for turn in corpus.utterances("train") for letter in turn.text or "")
