"""Utterances cut into steps."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora import ChosenFace, Clip, Utterance
from mmerc.inference.series import cut_utterance, list_steps

TALK = Path("talk.mp4")
TIMES = st.floats(0, 1000).map(lambda time: round(time, 3))


@given(TIMES, st.floats(0.05, 60), st.sampled_from([0.25, 0.5, 1.0, 3.0]))
def test_the_rows_cover_the_utterance_and_meet(start: float, length: float, every: float) -> None:
    steps = list_steps(start, start + length, every)
    assert steps[0][0] == start and steps[-1][1] == start + length
    assert all(end == begin for (_, end), (begin, _) in pairwise(steps))
    assert all(0 < end - begin < 2 * every + 1e-6 for begin, end in steps)


def test_a_row_has_a_window_of_two_seconds_inside_the_utterance() -> None:
    utterance = Utterance("input", "talk", 7, "Ann", "You came back!", 10.2, 14.0, clip=Clip(TALK, 10.2, 14.0))
    rows = list(cut_utterance(utterance, 1.0))
    assert [(row.start, row.end) for row in rows] == [(10.2, 11.0), (11.0, 12.0), (12.0, 13.0), (13.0, 14.0)]
    windows = [(row.clip.start, row.clip.end) for row in rows if row.clip]
    assert windows == [(10.2, 12.2), (10.5, 12.5), (11.5, 13.5), (12.0, 14.0)]
    assert {row.text for row in rows} == {None} and len({row.key for row in rows}) == 4


def test_a_short_utterance_is_one_row() -> None:
    (row,) = cut_utterance(Utterance("input", "talk", 0, clip=Clip(TALK, 3.1, 3.6)), 1.0)
    assert row.clip == Clip(TALK, 3.1, 3.6) and (row.start, row.end) == (3.1, 3.6)


@pytest.mark.parametrize("is_listener", [False, True])
def test_the_face_is_cut_too(is_listener: bool) -> None:
    clip, box = Clip(TALK, 0.0, 4.0), (0.0, 0.0, 1.0, 1.0)
    face = ChosenFace("listener" if is_listener else "speaker", clip, (0.5, 1.5), (box, box))
    rows = list(cut_utterance(Utterance("input", "talk", 0, clip=None if is_listener else clip, face=face), 1.0))
    assert [row.clip is None for row in rows] == [is_listener] * 4
    assert [row.face.times for row in rows if row.face] == [(0.5, 1.5), (0.5, 1.5), (1.5,), ()]
    assert rows[3].face is not None and rows[3].face.reason == "the face is not seen at this time"


def test_what_has_no_clip_or_a_clip_that_cannot_be_read_has_no_rows() -> None:
    assert list(cut_utterance(Utterance("input", "talk", 0, text="Hello"), 1.0)) == []
    assert list(cut_utterance(Utterance("input", "talk", 0, clip=Clip(Path("no.mp4"))), 1.0)) == []
