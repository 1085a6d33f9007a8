import pytest

from mmerc.emotions import SEVEN, LabelSet
from mmerc.errors import CorpusError


def test_order_is_fixed_and_aliases_join() -> None:
    assert SEVEN.names == ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
    assert [SEVEN.index(label) for label in ("angry", "CALM", " Happy ", "surprised")] == [0, 4, 3, 6]


def test_a_set_keeps_its_own_words_before_aliases() -> None:
    assert LabelSet(("calm", "neutral")).normalise("calm") == "calm"


def test_what_a_set_contains() -> None:
    assert "Happy" in SEVEN and "bored" not in SEVEN and "calm" not in LabelSet(("joy",))


def test_unknown_label() -> None:
    with pytest.raises(CorpusError, match='"bored" is not one of the emotions anger'):
        SEVEN.index("bored")


def test_colours_differ() -> None:
    assert len(set(SEVEN.colours().values())) == 7
