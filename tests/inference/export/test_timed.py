"""Rows with times: lanes, missing times, and characters that no format holds."""

import pytest

from mmerc.errors import ConfigError
from mmerc.inference.export.timed import group_rows, list_timed_rows
from tests.inference.export.predictions import make_document, make_prediction


def test_what_one_speaker_says_at_once_is_on_several_lanes() -> None:
    times = [(0.0, 2.0, "Ann"), (1.0, 3.0, "Ann"), (1.5, 1.5, "Bo"), (2.0, 2.5, "Ann"), (2.1, 4.0, "Ann")]
    rows = list_timed_rows(make_document(*(make_prediction("x", a, b, speaker=name) for a, b, name in times)))
    assert [(row.start, row.end, row.speaker, row.lane) for row in rows] == [
        (0, 2000, "Ann", 1), (1000, 3000, "Ann", 2), (1500, 1500, "Bo", 1), (2000, 2500, "Ann", 1), (2100, 4000, "Ann", 3),
    ]  # fmt: skip
    assert [(key, len(group)) for key, group in group_rows(rows).items()] == [
        (("Ann", 1), 2), (("Ann", 2), 1), (("Ann", 3), 1), (("Bo", 1), 1),
    ]  # fmt: skip


def test_an_utterance_without_times_and_recording_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"talk/0 has no end in a recording"):
        list_timed_rows(make_document(make_prediction("x", None, None)))


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    (row,) = list_timed_rows(make_document(make_prediction("a\0b\x1fc\uffffd\te", 0.0, 0.5)))
    assert row.text == "a\ufffdb\ufffdc\ufffdd\te"
