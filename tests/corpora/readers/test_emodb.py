from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora import open_corpus
from mmerc.corpora.readers.emodb import parse_take, read_emodb
from mmerc.emotions import SEVEN, LabelSet
from mmerc.media.audio import read_waveform

LETTERS = {
    "W": "anger", "E": "disgust", "A": "fear", "F": "joy", "T": "sadness", "N": "neutral", "L": None,
}  # fmt: skip


@pytest.mark.parametrize("folder", ["", "wav"])
def test_names_tell_speaker_text_emotion_and_split(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    for name in ("03a01Fa.wav", "12b10Lb.flac", "16a02Wc.wav", "03a01Xa.wav", "lablaut.txt"):
        (tmp_path / folder / name).touch()
    corpus = read_emodb(tmp_path)
    assert corpus.labels == SEVEN
    found = [(each.key, each.speaker, each.emotion) for split in corpus.splits for each in corpus.utterances(split)]
    assert found == [
        (("train", "03", "03a01Fa"), "03", "joy"),
        (("dev", "12", "12b10Lb"), "12", None),
        (("test", "16", "16a02Wc"), "16", "anger"),
    ]
    assert next(corpus.utterances("train")).text == "Der Lappen liegt auf dem Eisschrank."
    assert [Path(problem.where).name for problem in corpus.problems] == ["03a01Xa.wav"]


def test_boredom_is_a_class_where_the_label_set_has_it(tmp_path: Path) -> None:
    (tmp_path / "03a01La.wav").touch()
    assert next(read_emodb(tmp_path, LabelSet(("boredom", "joy"))).utterances("train")).emotion == "boredom"
    assert read_emodb(tmp_path).problems == ()


@given(st.sampled_from(["03", "11", "12", "13"]), st.sampled_from("ab"), st.sampled_from(sorted(LETTERS)))
def test_every_letter_is_an_emotion(speaker: str, series: str, letter: str) -> None:
    take = parse_take(Path(f"{speaker}{series}02{letter}a.wav"))
    assert take is not None
    assert (take.speaker, take.emotion) == (speaker, LETTERS[letter])


@given(st.text(max_size=9).filter(lambda text: text.strip(". ") and "/" not in text and "\0" not in text))
def test_any_other_name_is_none_of_emodb(name: str) -> None:
    take = parse_take(Path(f"{name}.wav"))
    assert take is None or take.name == name


@pytest.mark.realdata
def test_emodb_as_it_is(real_data: Path) -> None:
    corpus = open_corpus(f"emodb:{real_data / 'emodb'}")
    assert {split: len(list(corpus.utterances(split))) for split in corpus.splits} == {"train": 243, "dev": 35}
    assert [dialogue.dialogue for dialogue in corpus.dialogues("train")] == ["03", "08", "09", "10", "11"]
    assert Counter(each.emotion for each in corpus.utterances("dev")) == {
        "anger": 12, "disgust": 2, "fear": 6, "joy": 2, "neutral": 4, "sadness": 4, None: 5,
    }  # fmt: skip
    assert corpus.problems == () and all(each.text for each in corpus.utterances("train"))
    clip = next(corpus.utterances("train")).clip
    assert clip is not None and 1 < len(read_waveform(clip)) / 16_000 < 3
