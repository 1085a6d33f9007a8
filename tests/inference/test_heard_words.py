"""Recognised words by their time."""

from mmerc.inference.heard_words import MAX_WORDS, HeardWords
from mmerc.inference.live_text import Words


def find(heard: HeardWords, start: float, end: float) -> list[str]:
    return [each.text for each in heard.find(start, end)]


def test_a_later_recognition_replaces_what_was_heard_of_its_time() -> None:
    heard = HeardWords()
    heard.add([Words("Kids", 0.1, 0.5), Words("are", 0.5, 0.7), Words("walking", 0.7, 1.0)], 0.0, 1.0)
    heard.add([Words("Later", 2.1, 2.4)], 2.0, 3.0)
    heard.add([Words("Kids", 0.1, 0.5), Words("are", 0.5, 0.7), Words("talking", 0.7, 1.2)], 0.0, 1.2)
    assert find(heard, 0.0, 1.2) == ["Kids", "are", "talking"]
    assert find(heard, 0.0, 9.0) == ["Kids", "are", "talking", "Later"] and find(heard, 2.0, 3.0) == ["Later"]
    heard.add([], 0.0, 1.2)
    assert find(heard, 0.0, 9.0) == ["Later"]


def test_words_of_a_longer_sound_are_those_of_the_utterance_in_which_they_begin() -> None:
    heard = HeardWords()
    heard.add([Words("By", 0.2, 0.5), Words("the", 0.9, 1.1), Words("door", 1.1, 1.5)], 0.0, 1.6)
    heard.add([Words("By", 0.2, 0.5), Words("the", 0.9, 1.1)], 0.0, 1.0)  # its first part has ended
    assert find(heard, 0.0, 1.0) == ["By", "the"] and find(heard, 1.0, 1.6) == ["door"]


def test_a_word_at_the_boundary_is_in_one_of_the_two_utterances() -> None:
    heard = HeardWords()
    heard.add([Words("the", 0.8, 1.1)], 0.0, 1.0)
    heard.add([Words("the", 0.85, 1.15), Words("door", 1.15, 1.5)], 1.0, 2.0)
    assert find(heard, 0.0, 1.0) == ["the"] and find(heard, 1.0, 2.0) == ["door"]
    heard.add([Words("door", 0.99, 1.5)], 1.0, 2.0)  # another word, whose time is not precise
    assert find(heard, 1.0, 2.0) == ["door"]


def test_words_without_times_are_those_of_the_utterance_that_was_heard() -> None:
    heard = HeardWords()
    heard.add([Words("You came")], 0.0, 1.0)
    heard.add([Words("You came back!")], 0.0, 2.0)
    assert find(heard, 0.0, 1.5) == ["You came back!"] and find(heard, 1.5, 3.0) == []


def test_the_last_words_are_kept() -> None:
    heard = HeardWords()
    for second in range(MAX_WORDS + 10):
        heard.add([Words(str(second), second, second + 0.5)], second, second + 1)
    assert find(heard, 0.0, 1e9) == [str(second) for second in range(10, MAX_WORDS + 10)]
