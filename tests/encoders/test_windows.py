from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.config import Protocol
from mmerc.encoders.windows import Window, cut_windows

LENGTHS = st.lists(st.integers(1, 10), max_size=60)


@pytest.mark.parametrize("protocol", get_args(Protocol))
def test_what_fits_is_one_window(protocol: Protocol) -> None:
    assert cut_windows([3, 3, 3], 9, protocol=protocol) == [Window(0, 3, 0, 3)]
    assert cut_windows([], 9, protocol=protocol) == []


def test_offline_an_utterance_is_read_where_it_has_context_on_both_sides() -> None:
    windows = cut_windows([1] * 8, 4, protocol="offline")
    assert windows == [Window(0, 4, 0, 3), Window(2, 6, 3, 5), Window(4, 8, 5, 8)]


def test_online_an_utterance_is_read_in_the_first_window_that_has_it() -> None:
    assert cut_windows([1] * 6, 4, protocol="online") == [Window(0, 4, 0, 4), Window(2, 6, 4, 6)]


@given(LENGTHS, st.sampled_from(get_args(Protocol)))
def test_each_utterance_is_read_once_in_a_window_that_fits(lengths: list[int], protocol: Protocol) -> None:
    windows = cut_windows(lengths, 20, protocol=protocol)
    assert [index for window in windows for index in range(window.start, window.stop)] == list(range(len(lengths)))
    for window in windows:
        assert window.first <= window.start < window.stop <= window.last
        assert sum(lengths[window.first : window.last]) <= 20


@given(LENGTHS.filter(bool), st.data())
def test_online_the_window_of_an_utterance_does_not_depend_on_later_ones(
    lengths: list[int], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(lengths) - 1))
    (read,) = (w for w in cut_windows(lengths, 20, protocol="online") if w.start <= index < w.stop)
    until_then = cut_windows(lengths[: index + 1], 20, protocol="online")[-1]
    assert until_then.first == read.first


@given(LENGTHS.filter(bool))
def test_the_last_window_begins_where_it_did_after_earlier_utterances_are_forgotten(lengths: list[int]) -> None:
    first = cut_windows(lengths, 20, protocol="online")[-1].first
    kept = lengths[first:]
    assert (
        cut_windows([*kept, 5], 20, protocol="online")[-1].first + first
        == cut_windows([*lengths, 5], 20, protocol="online")[-1].first
    )
