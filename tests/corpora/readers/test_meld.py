from pathlib import Path

import pytest

from mmerc.corpora import open_corpus
from mmerc.corpora.readers.meld import read_meld
from mmerc.corpora.statistics import count_corpus
from mmerc.errors import CorpusError

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"


def row(
    dialogue: object, utterance: object, *, start: str = "0:00:01,000", end: str = "00:00:02,500", emotion: str = "joy"
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
    (utterance,) = read_meld(tmp_path).utterances("train")
    assert (utterance.key, utterance.text, utterance.start, utterance.end, utterance.emotion, utterance.source) == (
        ("train", "3", "4"), "Hi, you", 1.0, 2.5, "joy", "s08e21",
    )  # fmt: skip


def test_another_label_makes_the_corpus_own_set(tmp_path: Path) -> None:
    (tmp_path / "train_sent_emo.csv").write_text(HEADER + row(0, 0, emotion="Contempt") + row(0, 1))
    corpus = read_meld(tmp_path)
    assert [utterance.emotion for utterance in corpus.utterances("train")] == ["contempt", "joy"]
    assert corpus.labels.names == ("contempt", "joy") and corpus.problems == ()


def test_ids_that_a_program_has_made_decimal_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "dev_sent_emo.csv").write_text(
        HEADER + row("0.0", "1.0") + row("0.0", "0.0").replace("8,21", "8.0,21.0")
    )
    utterances = list(read_meld(tmp_path).utterances("dev"))
    assert [each.key for each in utterances] == [("dev", "0", "0"), ("dev", "0", "1")]
    assert {each.source for each in utterances} == {"s08e21"}


def test_a_refusal_says_what_is_wrong_with_the_first_rows(tmp_path: Path) -> None:
    (tmp_path / "dev_sent_emo.csv").write_text(HEADER + row("a", 0) + row(1, 0.5))
    with pytest.raises(
        CorpusError, match='dev_sent_emo.csv row 2: has no whole-number ids .Dialogue_ID "a", Utterance_ID "0"'
    ):
        read_meld(tmp_path)


@pytest.mark.parametrize("ending", ["wav", "flac", "MKV", "webm", "avi", "m4a", "opus", "ts"])
def test_clips_of_every_container_are_found(tmp_path: Path, ending: str) -> None:
    (tmp_path / "dev_sent_emo.csv").write_text(HEADER + row(0, 0))
    (tmp_path / "dev_splits_complete").mkdir()
    (tmp_path / "dev_splits_complete" / f"dia0_utt0.{ending}").touch()
    corpus = read_meld(tmp_path)
    (utterance,) = corpus.utterances("dev")
    assert utterance.clip is not None and utterance.clip.path.name == f"dia0_utt0.{ending}" and corpus.problems == ()


def test_of_several_clips_the_corrected_one_counts_then_the_one_with_video(tmp_path: Path) -> None:
    (tmp_path / "test_sent_emo.csv").write_text(HEADER + row(0, 0) + row(0, 1))
    clips = tmp_path / "output_repeated_splits_test"
    clips.mkdir()
    for name in ("dia0_utt0.wav", "dia0_utt0.mp4", "dia0_utt1.mp4", "final_videos_testdia0_utt1.wav"):
        (clips / name).touch()
    found = [utterance.clip.path.name for utterance in read_meld(tmp_path).utterances("test") if utterance.clip]
    assert found == ["dia0_utt0.mp4", "final_videos_testdia0_utt1.wav"]


def test_a_folder_without_annotations(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has none of train_sent_emo.csv"):
        read_meld(tmp_path)


@pytest.mark.realdata
def test_meld_as_it_really_is(real_data: Path) -> None:
    counted = count_corpus(open_corpus(f"meld:{real_data / 'meld'}"))
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
    train, test = ({utterance.key[1:] for utterance in corpus.utterances(split)} for split in ("train", "test"))
    assert len(train & test) == 1740
    assert not any(
        "\x80" <= letter <= "\x9f" for utterance in corpus.utterances("train") for letter in utterance.text or ""
    )
