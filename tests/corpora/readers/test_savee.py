from pathlib import Path

import pytest

from mmerc.corpora.readers.savee import parse_take, read_savee


@pytest.mark.parametrize("pattern", ["AudioData/{}/{}.wav", "ALL/{}_{}.wav", "{}_{}.wav"])
def test_both_layouts_give_the_same_keys(tmp_path: Path, pattern: str) -> None:
    for speaker, take in (("DC", "a01"), ("DC", "sa15"), ("JK", "su02"), ("KL", "n30"), ("KL", "x01")):
        file = tmp_path / pattern.format(speaker, take)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    corpus = read_savee(tmp_path)
    found = [(each.key, each.speaker, each.emotion) for split in corpus.splits for each in corpus.utterances(split)]
    assert found == [
        (("train", "DC", "a01"), "DC", "anger"),
        (("train", "DC", "sa15"), "DC", "sadness"),
        (("dev", "JK", "su02"), "JK", "surprise"),
        (("test", "KL", "n30"), "KL", "neutral"),
    ]
    assert [problem.where for problem in corpus.problems] == [pattern.format("KL", "x01")]


def test_names_of_something_else() -> None:
    assert [parse_take(Path(name)) for name in ("a01.wav", "XX_a01.wav", "XX/a01.wav", "DC/a1.wav")] == [None] * 4
