import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.encoders.base import Example
from mmerc.encoders.text.packing import (
    MAX_JOINED,
    MAX_SPEAKERS,
    PADDING,
    build_rows,
    count_tokens,
    find_visible_blocks,
    group_windows,
    join_singles,
    pack,
)

A = [([11, 12], 700), ([13], 0), ([14], 900)]
B = [([15], 900)]


def make_windows(*dialogues: list[tuple[list[int], int]]) -> list[list[Example]]:
    return [
        [Example(("", str(number), ""), np.asarray([(token, speaker) for token in tokens])) for tokens, speaker in each]
        for number, each in enumerate(dialogues)
    ]


def test_short_dialogues_share_a_row() -> None:
    rows = build_rows(make_windows(A, B), [0, 0], 1, 2, protocol="offline", max_tokens=12)
    assert rows["tokens"].tolist() == [[1, 11, 12, 2, 13, 2, 14, 2, 1, 15, 2, 2]]
    assert rows["speakers"].tolist() == [[0, 1, 1, 1, 0, 0, 2, 2, 0, 1, 1, 0]]
    assert rows["places"].tolist() == [[0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 0]]
    assert rows["blocks"].tolist() == [[0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 5, PADDING]]
    assert rows["first_visible"].tolist() == [[0] * 8 + [4] * 3 + [0]]
    assert rows["last_visible"].tolist() == [[3] * 8 + [5] * 4]
    assert rows["positions"].tolist() == [[1, 2], [4, 0], [6, 0], [9, 0]]
    assert rows["steps"].tolist() == [[True, True], [True, False], [True, False], [True, False]]
    assert rows["ends"].tolist() == [3, 5, 7, 10]


def test_dialogues_that_do_not_fit_into_a_row_get_one_each() -> None:
    rows = build_rows(make_windows(A, B), [2, 0], 1, 2, protocol="online", max_tokens=8)
    assert rows["tokens"].tolist() == [[1, 11, 12, 2, 13, 2, 14, 2], [1, 15, 2, 2, 2, 2, 2, 2]]
    assert rows["blocks"].tolist() == [[0, 1, 1, 1, 2, 2, 3, 3], [0, 1, 1, *[PADDING] * 5]]
    assert rows["first_visible"].tolist() == [[0, 0, 0, 0, 2, 2, 2, 2], [0] * 8]
    assert rows["last_visible"].tolist() == [[0, 1, 1, 1, 2, 2, 3, 3], [0, 1, 1, 1, 1, 1, 1, 1]]
    assert rows["ends"].tolist() == [3, 5, 7, 10]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 512), min_size=1, max_size=60))
def test_packed_windows_do_not_overlap(lengths: list[int]) -> None:
    spots, (count, length) = pack(lengths, 512)
    taken = np.zeros((count, length), int)
    for (row, first), size in zip(spots, lengths, strict=True):
        assert first + size <= length <= 512
        taken[row, first : first + size] += 1
    assert taken.max() == 1 and taken.sum() == sum(lengths) and taken.any(1).all()


def test_the_ninth_speaker_has_the_number_of_the_first() -> None:
    windows = make_windows([([11], 100 + number) for number in range(MAX_SPEAKERS + 1)])
    speakers = build_rows(windows, [0], 1, 2, protocol="offline", max_tokens=64)["speakers"][0, 1:19:2]
    assert speakers.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 1]


def test_examples_of_another_window_or_dialogue_are_not_read_together() -> None:
    keys = [("dev", 1, 0, 0), ("dev", 1, 1, 0), ("dev", 1, 1, 1), ("dev", 2, 0, 1)]
    examples = [
        Example((split, str(number), str(index)), np.zeros((1, 2)), window) for split, number, index, window in keys
    ]
    assert [len(window) for window in group_windows(examples)] == [2, 1, 1]


@pytest.mark.parametrize(
    ("cut", "protocol", "first", "last"),
    [
        (0, "offline", [0, 0, 0, 0, 0], [3, 3, 3, 3, 3]),
        (0, "online", [0, 0, 0, 0, 0], [0, 1, 1, 2, 3]),
        (2, "offline", [0, 0, 0, 2, 2], [1, 1, 1, 3, 3]),
        (2, "online", [0, 0, 0, 2, 2], [0, 1, 1, 2, 3]),
    ],
)
def test_what_a_token_sees(cut: int, protocol: str, first: list[int], last: list[int]) -> None:
    visible = find_visible_blocks(np.asarray([0, 1, 1, 2, 3]), 3, cut, protocol)  # type: ignore[arg-type]
    assert visible.tolist() == [first, last]


def test_single_utterances_are_joined_and_dialogues_stay_as_they_are() -> None:
    windows = make_windows(B, B, A, B, B)
    joined = join_singles(windows, 1.0, 512, random.Random(0))
    assert [len(window) for window in joined] == [2, 3, 2]
    assert [example for window in joined for example in window] == [each for window in windows for each in window]
    rng = random.Random(0)
    assert join_singles(windows, 0.0, 512, rng) == windows and rng.random() == random.Random(0).random()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.floats(0, 1), st.integers(0, 99))
def test_joined_utterances_fit_and_none_is_lost(lengths: list[int], probability: float, seed: int) -> None:
    windows = make_windows(*([([7] * length, 0)] for length in lengths))
    joined = join_singles(windows, probability, 64, random.Random(seed))
    assert [len(each.values) for window in joined for each in window] == lengths
    assert max(map(len, joined)) <= MAX_JOINED and max(map(count_tokens, joined)) <= 64
