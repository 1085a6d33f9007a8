import math

import pytest

from mmerc.corpora.transcripts.fields import END, SPEAKER, START, TEXT, find_field, to_name, to_seconds, to_text


@pytest.mark.parametrize(
    "name", ["start", "Start", "START TIME", "start_time", "startTime", "begin", "onset", "from", "t0"]
)
def test_names_of_the_start(name: str) -> None:
    assert find_field({name: 1, "x": 2}, START) == (name, 1.0)


@pytest.mark.parametrize("name", ["start_ms", "startMs", "Start (ms)", "start [ms]", "start milliseconds"])
def test_names_with_a_unit(name: str) -> None:
    assert find_field({name: 1}, START) == (name, 0.001)
    assert find_field({"end_seconds": 1}, END) == ("end_seconds", 1.0)


def test_what_has_no_such_name() -> None:
    assert find_field({"x": 1}, TEXT) is None
    assert find_field({"speakerTag": 1, "speaker": 2}, SPEAKER) == ("speaker", 1.0)


@pytest.mark.parametrize(
    ("value", "scale", "seconds"),
    [
        (1, 1.0, 1.0),
        (1200, 0.001, 1.2),
        ("1200", 0.001, 1.2),
        ("1.200s", 1.0, 1.2),
        ("1200ms", 1.0, 1.2),
        ("PT1.2S", 1.0, 1.2),
        ("1,5", 1.0, 1.5),
        ("00:00:01,200", 0.001, 1.2),
        ({"seconds": "1", "nanos": 200000000}, 1.0, 1.2),
        (None, 1.0, None),
        ("", 1.0, None),
    ],
)
def test_seconds(value: object, scale: float, seconds: float | None) -> None:
    assert to_seconds(value, scale) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["x", math.nan, math.inf, "nan", True, [], "1 min", 10**400])
def test_what_is_no_time(value: object) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        to_seconds(value)


def test_names_and_texts() -> None:
    assert [to_name(value) for value in (0, 1.0, "A", " a  b ", None, False, "-", [], {"id": 3})] == [
        "0", "1", "A", "a b", "", "", "", "", "3",
    ]  # fmt: skip
    assert (to_text(None), to_text(" a "), to_text("a\ud800")) == ("", "a", "a?")
