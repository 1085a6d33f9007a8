from pathlib import Path

import pytest

from mmerc.corpora.readers.tess import parse_take, read_tess


def test_names_tell_speaker_word_emotion_and_split(tmp_path: Path) -> None:
    for name in ("OAF_angry/OAF_back_angry.wav", "OAF_neutral/OA_bite_neutral.wav", "YAF_pleasant_surprised/YAF_home_ps.wav",
                 "YAF_sad/YAF_home_sad.wav", "YAF_sad/YAF_home_bored.wav"):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    corpus = read_tess(tmp_path)
    found = [(each.key, each.emotion, each.text) for split in corpus.splits for each in corpus.utterances(split)]
    assert found == [
        (("train", "OAF", "back_angry"), "anger", "Say the word back."),
        (("train", "OAF", "bite_neutral"), "neutral", "Say the word bite."),
        (("dev", "YAF", "home_surprise"), "surprise", "Say the word home."),
        (("dev", "YAF", "home_sad"), "sadness", "Say the word home."),
    ]
    assert [problem.where for problem in corpus.problems] == ["YAF_sad/YAF_home_bored.wav"]


@pytest.mark.parametrize("emotion", ["ps", "PS", "pleasant_surprise", "pleasant_surprised", "Pleasant_Surprises"])
def test_surprise_has_several_names(emotion: str) -> None:
    take = parse_take(Path(f"OAF_back_{emotion}.wav"))
    assert take is not None and take.emotion == "surprise" and take.name == "back_surprise"


def test_names_of_something_else() -> None:
    assert [parse_take(Path(name)) for name in ("OAF_back.wav", "XAF_back_sad.wav", "OAF-back-sad.wav")] == [None] * 3
