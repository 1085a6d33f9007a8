import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.transcripts.clock import is_damaged_timing, parse_clock, parse_timing, split_lines


@pytest.mark.parametrize(
    ("line", "times"),
    [
        ("00:00:01,000 --> 00:00:02,500", (1.0, 2.5)),
        ("00:00:01.000 --> 00:00:02.500", (1.0, 2.5)),
        ("00:00:01:000 --> 00:00:02:500", (1.0, 2.5)),
        ("0:00:02 --> 0:00:06,500", (2.0, 6.5)),
        ("0:0:2,5 --> 0:0:6,25", (2.0 + 0.5, 6.25)),
        ("00:01.000 --> 00:02.000 align:start position:0%", (1.0, 2.0)),
        ("100:00:00.000 --> 100:00:01.000", (360000.0, 360001.0)),
        ("01:02 --> 01:03", (62.0, 63.0)),
        ("00:01:500 --> 00:02:500", (1.5, 2.5)),
        ("1.5 --> 2.5", (1.5, 2.5)),
        ("00: 00: 01, 000 --> 00: 00: 02, 000", (1.0, 2.0)),
        ("00:00:01,000-->00:00:02,000", (1.0, 2.0)),
        ("00:00:01,000 -> 00:00:02,000", (1.0, 2.0)),
        ("00:00:01,000 – 00:00:02,000", (1.0, 2.0)),
        ("00:00:01,000 --> 00:00:02,000 X1:100 X2:200", (1.0, 2.0)),
        ("-00:00:01,000 --> 00:00:02,000", (-1.0, 2.0)),
        ("00:00:-1,000 --> 00:00:02,000", (-1.0, 2.0)),
        ("00:00:10,000 -->", (10.0, None)),
    ],
)
def test_timing_lines(line: str, times: tuple[float, float | None]) -> None:
    assert parse_timing(line) == times
    assert not is_damaged_timing(line)


@pytest.mark.parametrize(
    "line",
    [
        "Hello",
        "At 10:30 --> go",
        "<v ->At 10:30 ok",
        ">> ANN: at 10:30",
        "1:2:3:4:5 --> 1:2",
        "a -> b",
        "",
        "10:30 to 11:00",
    ],
)
def test_text_is_no_timing_line(line: str) -> None:
    assert parse_timing(line) is None


@pytest.mark.parametrize(
    ("line", "is_damaged"),
    [
        ("00:00:0x,000 --> 00:00:02,000", True),
        ("00:00:03,000 --> 00:00:0b", True),
        ("--> 00:00:02,000", True),
        ("At 10:30 --> go", False),
        ("<v ->At 10:30 ok", False),
        (">> ANN: at 10:30", False),
        ("look --> there", False),
    ],
)
def test_damaged_timing_lines(line: str, is_damaged: bool) -> None:
    assert is_damaged_timing(line) == is_damaged


@pytest.mark.parametrize("stamp", ["", "x", "1:2:3:4:5", "1:x", "9" * 5000, "nan", "1::2"])
def test_what_is_no_time(stamp: str) -> None:
    with pytest.raises(ValueError):
        parse_clock(stamp)


@given(st.text(alphabet="0123456789:.,;-> \tabc→", max_size=60))
def test_any_line_is_a_timing_line_or_none(line: str) -> None:
    assert parse_timing(line) is None or isinstance(parse_timing(line), tuple)
    assert is_damaged_timing(line) in (True, False)


def test_lines_of_every_system() -> None:
    assert split_lines("a\nb") == split_lines("a\r\nb") == split_lines("a\rb") == split_lines("a\r\r\nb") == ["a", "b"]
    assert split_lines("a\r\r\n\r\r\nb") == ["a", "", "b"]
