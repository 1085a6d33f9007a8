import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.readers.times import parse_seconds, read_times


@given(st.integers(0, 9), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_both_of_melds_forms_of_a_time(hours: int, minutes: int, secs: int, millis: int) -> None:
    expected = pytest.approx(hours * 3600 + minutes * 60 + secs + millis / 1000)
    assert parse_seconds(f"{hours}:{minutes:02}:{secs:02},{millis:03}") == expected
    assert parse_seconds(f"{hours:02}:{minutes:02}:{secs:02}.{millis:03}") == expected


@given(st.text())
def test_any_text_is_a_time_or_a_problem(text: str) -> None:
    start, end, problems = read_times(text, "5.0", "here")
    assert problems or start is None or 0 <= start <= 5.0


@pytest.mark.parametrize("stamp", ["1:2:3:4", "s", "2 min", "nan", "-1", "1:-2", "noon", "inf"])
def test_what_is_not_a_time(stamp: str) -> None:
    with pytest.raises(ValueError):
        parse_seconds(stamp)


def test_impossible_times() -> None:
    assert read_times("5", "3", "x")[:2] == (None, None)
    assert [problem.what for problem in read_times("5", "3", "x", "left out")[2]] == [
        "ends 2.000 s before it starts; left out"
    ]
    assert [problem.what for problem in read_times("5", "5", "x")[2]] == ["has zero length"]
    assert [problem.what for problem in read_times("0", "304.94", "x")[2]] == ["lasts 304.9 s, longer than 30 s"]
