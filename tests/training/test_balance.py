import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mmerc.training.balance import draw_rounds


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
