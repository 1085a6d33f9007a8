"""Files of corrections: what is applied, and what is refused with a reason."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.errors import CorpusError
from mmerc.inference.corrections import Correction, Corrections, make_key, read_corrections
from tests.inference.export.predictions import make_prediction

HEADER = "split,dialogue,utterance,speaker,text,start,end,emotion,clip\n"
TALK = Clip(Path("talk.mp4"))


def make_dialogue(count: int = 2) -> Dialogue:
    utterances = tuple(
        Utterance(
            "input", "talk", number, speaker="Ann", text="Hi", start=float(number), end=number + 0.9,
            clip=replace(TALK, start=float(number), end=number + 0.9),
        )
        for number in range(count)
    )  # fmt: skip
    return Dialogue("input", "talk", utterances)


def read(folder: Path, content: str, recording: str | None = "talk.mp4") -> tuple[Corrections, list[str]]:
    (folder / "c.csv").write_text(HEADER + content, encoding="utf-8")
    found, problems = read_corrections(folder / "c.csv", SEVEN, Path(recording) if recording else None)
    return found, [f"{problem.where} {problem.what}" for problem in problems]


def test_words_speakers_and_boundaries_are_those_of_the_file(tmp_path: Path) -> None:
    found, problems = read(tmp_path, "train,talk,1,Bo,'=Hello,1.1,1.5,Happy,talk.mp4\n")
    (dialogue,), unused = found.apply([make_dialogue()])
    first, second = dialogue.utterances
    assert (problems, unused) == ([], []) and first == make_dialogue().utterances[0]
    assert (second.speaker, second.text, second.start, second.end) == ("Bo", "=Hello", 1.1, 1.5)
    assert second.clip == Clip(Path("talk.mp4"), 1.1, 1.5)
    rows = [make_prediction("Hi", 0.0, 1.0, utterance=number) for number in range(2)]
    labelled = found.label(rows)
    assert [each.corrected for each in labelled] == [None, "joy"]
    assert labelled[1].probabilities == rows[1].probabilities and labelled[1].emotion == rows[1].emotion


def test_a_file_without_some_columns_changes_only_the_others(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("dialogue;utterance;Emotion\ntalk;0;fear\n")
    found, problems = read_corrections(tmp_path / "c.csv", SEVEN)
    assert found.apply([make_dialogue()]) == ([make_dialogue()], []) and problems == []
    assert found.rows[make_key("input", "talk", 0)].label == "fear"


def test_an_empty_cell_takes_the_words_away(tmp_path: Path) -> None:
    (dialogue,), _ = read(tmp_path, "train,talk,0,,,0,0.9,,\n")[0].apply([make_dialogue()])
    assert (dialogue.utterances[0].text, dialogue.utterances[0].speaker) == (None, "")


def test_what_cannot_be_used_is_a_problem_and_the_rest_is_used(tmp_path: Path) -> None:
    found, problems = read(
        tmp_path,
        "train,talk,0,Bo,Hi,0,0.9,proud,\ntrain,talk,7,,,,,joy,\ntrain,talk,1,Bo,Hi,50,51,joy,\ntrain,talk,1,Cleo,Hi,60,61,joy,\n",
    )
    assert problems == [
        'c.csv row 2 the label "proud" is not one of anger, disgust, fear, joy, neutral, sadness, surprise: the row has no label',
        "c.csv row 5 is about the same utterance as an earlier row; the later one is used",
    ]
    (dialogue,), unused = found.apply([make_dialogue()])
    assert [each.speaker for each in dialogue.utterances] == ["Bo", "Cleo"] and dialogue.utterances[1].start == 1.0
    assert [problem.where for problem in unused] == ["c.csv row 3", "c.csv row 5"]
    assert (
        "is about no utterance of the input" in unused[0].what
        and "Check that the transcript is the same" in unused[1].what
    )


def test_clips_of_their_own_and_utterances_without_times_keep_their_boundaries(tmp_path: Path) -> None:
    found, _ = read(tmp_path, "train,talk,0,Ann,Hi,0.1,0.8,,\n")
    utterance = make_dialogue().utterances[0]
    for changed, why in (
        (replace(utterance, clip=Clip(Path("dia0_utt0.mp4"))), "a file of its own"),
        (replace(utterance, start=None, end=None), "the utterance has none"),
    ):
        (dialogue,), (problem,) = found.apply([Dialogue("input", "talk", (changed,))])
        assert dialogue.utterances == (changed,) and why in problem.what
    without = replace(utterance, clip=None)
    (dialogue,), problems = found.apply([Dialogue("input", "talk", (without,))])
    assert dialogue.utterances[0].start == 0.1 and problems == []


def test_corrections_of_another_recording_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has corrections of walk.mp4, and the recording is talk.mp4: give the file"):
        read(tmp_path, "train,walk,0,Ann,Hi,0,1,joy,films/walk.mp4\n")
    found, _ = read(tmp_path, "train,walk,0,Ann,Hi,0,1,joy,\n", recording=None)
    with pytest.raises(CorpusError, match="no row of c.csv is about an utterance of the input"):
        found.apply([make_dialogue()])
    with pytest.raises(CorpusError, match="has a header but no rows"):
        read(tmp_path, "")


def test_an_end_before_the_start_changes_no_boundary() -> None:
    rows = {make_key("input", "talk", 0): Correction("row 1", start=0.5, end=0.25)}
    (dialogue,), (problem,) = Corrections("c.csv", rows).apply([make_dialogue()])
    assert dialogue.utterances[0] == make_dialogue().utterances[0]
    assert problem.what == "is at 0.5 to 0.25 s, so it ends before it starts: the boundaries stay"


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.builds(
            Correction, st.just("row"), st.sampled_from([None, "joy"]), st.none() | st.text(max_size=3), st.none() | st.text(max_size=3),
            st.none() | st.floats(0, 9), st.none() | st.floats(0, 9),
        ),
        min_size=3, max_size=3,
    )
)  # fmt: skip
def test_no_utterance_is_lost(corrections: list[Correction]) -> None:
    rows = {make_key("input", "talk", number): each for number, each in enumerate(corrections)}
    (dialogue,), _ = Corrections("c.csv", rows).apply([make_dialogue(3)])
    assert [each.utterance for each in dialogue.utterances] == [0, 1, 2]
    assert all(
        each.start is not None and each.end is not None and each.start <= each.end for each in dialogue.utterances
    )
