from collections.abc import Mapping
from pathlib import Path

import pytest

from mmerc.corpora import open_corpus
from mmerc.corpora.readers.iemocap import read_iemocap
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

EVALUATIONS = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[8.5000 - 9.0000]\tSes01F_impro01_M000\texc\t[2.5000, 2.5000, 2.5000]
C-E2:\tExcited;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[6.2901 - 8.2357]\tSes01F_impro01_F000\thap\t[2.5000, 2.5000, 2.5000]
[10.0100 - 11.3925]\tSes01F_impro01_F001\tfru\t[2.5000, 2.5000, 2.5000]
[12.0000 - 13.0000]\tSes01F_impro01_F002\txxx\t[2.5000, 2.5000, 2.5000]
[14.0000 - 15.0000]\tSes01F_impro01_F003\tang\t[2.5000, 2.5000, 2.5000]
[16.0000 - 17.0000]\tSes01F_impro01_F004\tneu\t[2.5000, 2.5000, 2.5000]
[18.0000 - 19.0000]\tSes01F_impro01_F005\tsad\t[2.5000, 2.5000, 2.5000]
"""
TRANSCRIPTS = """Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
F: [BREATHING]
Ses01F_impro01_M000 [008.5000-009.0000]: Do you have your forms?
Ses01F_impro01_FXX0 [009.1000-009.9000]: Mmhmm.
"""


def make_session(folder: Path, number: int = 1, evaluations: str = EVALUATIONS) -> Path:
    session = folder / f"Session{number}"
    name = f"Ses0{number}F_impro01"
    files = {"dialog/EmoEvaluation": evaluations, "dialog/transcriptions": TRANSCRIPTS}
    for part, text in files.items():
        (session / part).mkdir(parents=True)
        (session / part / f"{name}.txt").write_text(text.replace("Ses01F_impro01", name))
        (session / part / f"._{name}.txt").write_bytes(b"\0\5")  # as in the published archive
    (session / "sentences" / "wav" / name).mkdir(parents=True)
    for turn in ("F000", "M000", "F001", "F002", "F003", "F004"):
        (session / "sentences" / "wav" / name / f"{name}_{turn}.wav").touch()
    return session


def test_a_dialogue_in_the_order_of_the_conversation(tmp_path: Path) -> None:
    make_session(tmp_path)
    corpus = read_iemocap(tmp_path)
    (dialogue,) = corpus.dialogues("train")
    assert (dialogue.dialogue, dialogue.session) == ("Ses01F_impro01", "Session1")
    first, second, third = dialogue.utterances[:3]
    assert first.key == ("train", "Ses01F_impro01", "Ses01F_impro01_F000")
    assert (first.speaker, first.text, first.start, first.end) == ("Ses01_F", "Excuse me.", 6.2901, 8.2357)
    assert (second.speaker, second.text) == ("Ses01_M", "Do you have your forms?")
    assert third.text is None
    assert first.clip is not None and first.clip.path.name == "Ses01F_impro01_F000.wav"
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [
        ("clip", "Ses01F_impro01 Ses01F_impro01_F005")
    ]


FOUR = ["joy", "joy", None, None, "anger", "neutral", "sadness"]
FIVE = ["happy", "happy", "frustrated", None, "angry", "neutral", "sad"]
SIX = ["happy", "excited", "frustrated", None, "angry", "neutral", "sad"]


@pytest.mark.parametrize(("parameters", "expected"), [("", FOUR), ("?classes=4", FOUR), ("?classes=5", FIVE), ("?classes=6", SIX)])  # fmt: skip
def test_the_location_chooses_the_classes(tmp_path: Path, parameters: str, expected: list[str | None]) -> None:
    make_session(tmp_path)
    corpus = open_corpus(f"iemocap:{tmp_path}{parameters}")
    assert [each.emotion for each in corpus.utterances("train")] == expected
    assert set(corpus.labels.names) == set(expected) - {None}
    assert corpus.location.endswith(parameters) and open_corpus(corpus.location).labels == corpus.labels


def test_a_label_set_may_be_given_too(tmp_path: Path) -> None:
    make_session(tmp_path)
    corpus = open_corpus(f"iemocap:{tmp_path}?classes=6", labels=["angry", "sad"])
    assert corpus.labels == LabelSet(("angry", "sad"))
    assert [each.emotion for each in corpus.utterances("train")][-3:] == ["angry", None, "sad"]


@pytest.mark.parametrize("parameters", [{"classes": "7"}, {"class": "4"}, {"classes": "4", "text": "1"}])
def test_other_parameters_are_refused(tmp_path: Path, parameters: Mapping[str, str]) -> None:
    make_session(tmp_path)
    with pytest.raises(CorpusError, match=r"write \?classes=4, \?classes=5 or \?classes=6"):
        read_iemocap(tmp_path, None, parameters)


@pytest.mark.parametrize("below", ["", "IEMOCAP_full_release"])
def test_sessions_are_the_splits(tmp_path: Path, below: str) -> None:
    for number in range(1, 6):
        make_session(tmp_path / below, number)
    corpus = read_iemocap(tmp_path)
    found = {split: [each.session for each in dialogues] for split, dialogues in corpus.splits.items()}
    assert found == {"train": ["Session1", "Session2", "Session3"], "dev": ["Session4"], "test": ["Session5"]}
    speakers = [{each.speaker for each in corpus.utterances(split)} for split in corpus.splits]
    assert [len(found) for found in speakers] == [6, 2, 2] and not set.intersection(*speakers)


@pytest.mark.parametrize(
    "line",
    [
        "[1.0 - 2.0]\tSes01F_impro02_F009\tang\t[2.5, 2.5, 2.5]",
        "[1.0 - 2.0]\t../../etc/passwd\tang\t[2.5, 2.5, 2.5]",
        "[1.0 - 2.0]\tSes01F_impro01_F009\thaq\t[2.5, 2.5, 2.5]",
        "[1.0 2.0]\tSes01F_impro01_F009\tang",
    ],
)
def test_a_line_that_is_no_turn_is_a_problem(tmp_path: Path, line: str) -> None:
    make_session(tmp_path, evaluations=f"{EVALUATIONS}{line}\n")
    corpus = read_iemocap(tmp_path)
    assert len(list(corpus.utterances("train"))) == 7
    assert ("Ses01F_impro01.txt line 13", "is not a turn of this dialogue; skipped") in [
        (problem.where, problem.what) for problem in corpus.problems
    ]


def test_turns_without_words_or_sound(tmp_path: Path) -> None:
    session = make_session(tmp_path)
    (session / "dialog" / "transcriptions" / "Ses01F_impro01.txt").unlink()
    (session / "sentences").rename(tmp_path / "elsewhere")
    corpus = read_iemocap(tmp_path)
    assert all(each.text is None and each.clip is None for each in corpus.utterances("train"))
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [("file", "Ses01F_impro01.txt")]


def test_impossible_times_are_problems_and_the_turn_stays(tmp_path: Path) -> None:
    make_session(tmp_path, evaluations=EVALUATIONS.replace("6.2901 - 8.2357", "8.2357 - 6.2901"))
    corpus = read_iemocap(tmp_path)
    assert next(corpus.utterances("train")).start is None
    assert "time" in [problem.kind for problem in corpus.problems]
