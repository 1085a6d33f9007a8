"""Words of a live utterance."""

from hypothesis import given
from hypothesis import strategies as st

from mmerc.inference.live_text import LiveText, Words, make_words

TIMES = st.none() | st.floats(0, 20)
WORDS = st.builds(make_words, st.text("ab ", max_size=4), TIMES, TIMES, is_final=st.booleans())


def test_words_are_in_the_order_of_their_times() -> None:
    text = LiveText().add(Words("b", 2.0, 3.0)).add(Words("a", 1.0, 2.0)).add(Words("c", 3.0, 4.0)).add(Words("d"))
    assert str(text) == "a b c d"


def test_a_guess_is_replaced_by_the_next_one_of_its_time() -> None:
    text = LiveText().add(Words("a", 0.0, 1.0)).add(Words("wi", 1.0, 1.5, is_final=False))
    assert str(text.add(Words("will", 1.0, 2.0, is_final=False)).add(Words("we'll", 1.1, 2.0))) == "a we'll"
    assert str(text.add(Words("b", 3.0, 4.0))) == "a wi b"
    assert str(text.add(Words("", is_final=False))) == "a"


def test_words_after_the_end_of_an_utterance_are_those_of_the_next() -> None:
    text = LiveText((Words("a", 0.0, 2.0), Words("b", 1.5, 3.0), Words("c")))
    assert [str(part) for part in text.split(2.0)] == ["a c", "b"]


@given(st.lists(WORDS, max_size=12), st.floats(0, 20))
def test_no_final_word_is_lost(words: list[Words], time: float) -> None:
    text = LiveText()
    for each in words:
        text = text.add(each)
    before, after = text.split(time)
    final = sorted("".join(each.text for each in words if each.is_final).replace(" ", ""))
    kept = [each for part in (before, after) for each in part.words if each.is_final]
    assert sorted("".join(each.text for each in kept).replace(" ", "")) == final
    assert sorted(str(text).split()) == sorted(f"{before} {after}".split())
