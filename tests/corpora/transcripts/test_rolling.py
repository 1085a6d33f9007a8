import pytest

from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.rolling import unroll


def make_cues(*cues: tuple[float, float, str]) -> list[Cue]:
    return [Cue(start, end, tuple(map(Line, text.split("|")))) for start, end, text in cues]


def test_youtubes_two_lines() -> None:
    cues = make_cues((0.16, 2.55, "a"), (2.55, 2.56, "a"), (2.56, 5.11, "a|b"), (5.11, 5.12, "b"), (9.0, 11.0, "b|c"))
    assert unroll(cues) == make_cues((0.16, 2.55, "a"), (2.56, 5.11, "b"), (9.0, 11.0, "c"))


def test_three_lines_of_live_television() -> None:
    cues = make_cues((1, 2, "a"), (2, 3, "a|b"), (3, 4, "a|b|c"), (4, 5, "b|c|d"))
    assert unroll(cues) == make_cues((1, 2, "a"), (2, 3, "b"), (3, 4, "c"), (4, 5, "d"))


def test_a_line_that_grows() -> None:
    cues = make_cues((1, 2, "hello"), (2, 3, "hello all"), (3, 4, "hello all|good"), (4, 5, "hello all|good day"))
    assert unroll(cues) == make_cues((1, 3, "hello all"), (3, 5, "good day"))


@pytest.mark.parametrize(
    "cues",
    [(), ((1, 2, "No!"), (2, 3, "No!"), (3, 4, "No!")), ((1, 2, "a|b"), (2, 3, "c|d"), (3, 4, "d|e"), (4, 5, "f"))],
)
def test_what_does_not_roll_stays(cues: tuple[tuple[float, float, str], ...]) -> None:
    assert unroll(make_cues(*cues)) == make_cues(*cues)
