from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.media.voice_activity import MAX_UTTERANCE, MIN_PAUSE, MIN_UTTERANCE
from mmerc.speakers.turns import Turn, find_main_speakers, join_turns


def test_a_long_utterance_is_cut_at_its_longest_pause() -> None:
    turns = [Turn(0, 6, "A"), Turn(6.1, 9, "A"), Turn(9.4, 14, "A"), Turn(14.2, 18, "A")]
    assert [turn[:2] for turn in join_turns(turns)] == [(0, 9), (9.4, 18)]


def test_a_cut_leaves_no_short_part_where_there_is_another_place() -> None:
    turns = [Turn(0, 1, "A"), Turn(1.45, 8, "A"), Turn(8.2, 16, "A")]
    assert [turn[:2] for turn in join_turns(turns)] == [(0, 8), (8.2, 16)]


def test_a_change_of_the_speaker_ends_an_utterance_and_a_short_one_is_left_out() -> None:
    turns = [Turn(0, 2, "A"), Turn(2.1, 2.3, "B"), Turn(2.4, 4, "A")]
    assert join_turns(turns) == [Turn(0, 2, "A"), Turn(2.4, 4, "A")]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(0.05, 15.0), st.sampled_from("AB")), max_size=12))
def test_utterances_are_in_order_and_neither_long_nor_mixed(parts: list[tuple[float, float, str]]) -> None:
    turns, now = [], 0.0
    for pause, length, speaker in parts:
        turns.append(Turn(now + pause, now + pause + length, speaker))
        now += pause + length
    utterances = join_turns(turns)
    for turn in utterances:
        inside = [each for each in turns if turn.start <= each.start and each.end <= turn.end]
        assert {each.speaker for each in inside} == {turn.speaker}
        assert MIN_UTTERANCE <= turn.end - turn.start <= MAX_UTTERANCE + 1e-9
        pauses = [after.start - before.end for before, after in pairwise(inside)]
        assert all(pause < MIN_PAUSE for pause in pauses)
    assert all(before.end <= after.start for before, after in pairwise(utterances))


def test_a_line_gets_the_speaker_who_speaks_most_in_it() -> None:
    turns = [Turn(0, 1, "A"), Turn(1, 3, "B"), Turn(3, 3.8, "A"), Turn(6, 7, "C")]
    lines = [(0, 4), (0, 1.5), (4, 5.5), (6.5, 9), (0.2, 3.8)]
    assert find_main_speakers(lines, turns) == ["B", "A", "", "C", "B"]
    assert find_main_speakers([(0, 1)], []) == [""]
    assert find_main_speakers([], turns) == []
