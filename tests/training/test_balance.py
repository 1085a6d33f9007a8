import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.training import balance
from mmerc.training.balance import cut_windows, draw_rounds


def test_one_corpus_is_one_round_and_draws_no_number() -> None:
    rng = random.Random(0)
    assert draw_rounds([3, 3, 3], [1, 5, 2], rng) == [[0, 1, 2]]
    assert rng.random() == random.Random(0).random()


def test_a_small_corpus_repeats_and_a_large_one_takes_turns() -> None:
    corpora = [0] * 90 + [1] * 10
    rounds = draw_rounds(corpora, [1] * 100, random.Random(1))
    seen = Counter(unit for units in rounds for unit in units)
    assert [sum(seen[unit] for unit in units) for units in (range(90), range(90, 100))] == [50, 50]
    assert {seen[unit] for unit in range(90)} == {0, 1} and {seen[unit] for unit in range(90, 100)} == {5}
    assert all(Counter(corpora[unit] for unit in units) == {0: 10, 1: 10} for units in rounds)
    others = {
        unit for epoch in range(20) for units in draw_rounds(corpora, [1] * 100, random.Random(epoch)) for unit in units
    }
    assert others == set(range(100))  # over some epochs, every utterance is seen


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), min_size=1, max_size=60),
    st.integers(0, 9),
)
def test_no_round_has_a_unit_twice_and_the_corpora_are_equal_up_to_a_unit(
    units: list[tuple[int, int]], seed: int
) -> None:
    corpora, counts = [corpus for corpus, _ in units], [count for _, count in units]
    rounds = draw_rounds(corpora, counts, random.Random(seed))
    assert all(len(set(each)) == len(each) > 0 for each in rounds)
    drawn = Counter(corpora[unit] for each in rounds for unit in each)
    for corpus in set(corpora):
        own = [count for number, count in units if number == corpus]
        mean = sum(own) / len(own)
        share = sum(counts) / len(set(corpora))
        assert abs(drawn[corpus] * mean - share) <= mean
    assert rounds == draw_rounds(corpora, counts, random.Random(seed))


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "BLOCK", 10)
    monkeypatch.setattr(balance, "WINDOW", 40)
    monkeypatch.setattr(balance, "BLOCKS_PER_LANE", 2)


@pytest.mark.usefixtures("small_windows")
def test_a_large_corpus_is_cut_into_windows_of_neighbours() -> None:
    units, counts = list(range(100)), [1] * 100
    windows = [lane for (lane,) in cut_windows(units, counts, random.Random(0))]
    assert [len(window) for window in windows] == [40, 40, 20]
    assert sorted(unit for window in windows for unit in window) == units == list(range(100))
    for window in windows:
        assert len({unit // 10 for unit in window}) == len(window) // 10  # complete blocks
    assert windows[0] != units[:40] and windows != [lane for (lane,) in cut_windows(units, counts, random.Random(1))]
    assert cut_windows(units, counts, None) == [[units[:40]], [units[40:80]], [units[80:]]]
    assert cut_windows(units[:40], counts, random.Random(0)) == [[units[:40]]]


@pytest.mark.usefixtures("small_windows")
def test_each_process_has_blocks_of_its_own() -> None:
    windows = cut_windows(list(range(100)), [1] * 100, random.Random(0), lanes=3)
    blocks = [{unit // 10 for window in windows for unit in window[lane]} for lane in range(3)]
    assert sorted(map(len, blocks)) == [3, 3, 4] and set.union(*blocks) == set(range(10))
    assert len(cut_windows(list(range(100)), [1] * 100, None, lanes=6)[0]) == 1  # too few blocks


@pytest.mark.usefixtures("small_windows")
def test_windows_count_utterances_and_not_dialogues() -> None:
    counts = [1 + number % 5 for number in range(100)]
    windows = [lane for (lane,) in cut_windows(list(range(100)), counts, random.Random(0))]
    assert sorted(unit for window in windows for unit in window) == list(range(100))
    assert all(sum(counts[unit] for unit in window) <= 40 for window in windows)
