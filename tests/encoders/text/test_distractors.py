import random

import numpy as np

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Example
from mmerc.encoders.text.distractors import DistractorPool
from mmerc.encoders.text.input import CURRENT, REPLY, SPECIAL

ROW = np.asarray(
    [(1, 0, SPECIAL), (3, 1, CURRENT), (97, 1, CURRENT), (4, 2, REPLY), (98, 2, REPLY), (2, 2, REPLY)], np.int32
)
EXAMPLE = Example(("train", "0", "0"), ROW)
POOL = DistractorPool((("0", np.asarray([98], np.int32)), ("1", np.asarray([120, 121, 122], np.int32))))


def encode(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def make_dialogue(number: int, *texts: str | None) -> Dialogue:
    return Dialogue("train", number, tuple(Utterance("train", number, n, text=text) for n, text in enumerate(texts)))


def test_the_pool_has_all_utterances_with_text() -> None:
    pool = DistractorPool.collect([make_dialogue(0, "ab", None, ""), make_dialogue(1, "c")], encode)
    assert [(dialogue, tokens.tolist()) for dialogue, tokens in pool.utterances] == [("0", [97, 98]), ("1", [99])]


def test_a_pool_of_one_dialogue_is_empty() -> None:
    assert len(DistractorPool.collect([make_dialogue(0, "ab", "cd")], encode)) == 0


def test_the_reply_is_replaced_by_words_of_another_dialogue() -> None:
    for seed in range(10):
        wrong = POOL.replace_candidate(EXAMPLE, REPLY, 20, random.Random(seed))
        assert wrong.tolist() == [
            [1, 0, SPECIAL], [3, 1, CURRENT], [97, 1, CURRENT],
            [4, 2, REPLY], [120, 2, REPLY], [121, 2, REPLY], [122, 2, REPLY], [2, 2, REPLY],
        ]  # fmt: skip


def test_without_a_reply_the_input_is_unchanged_and_nothing_is_drawn() -> None:
    rng = random.Random(0)
    state = rng.getstate()
    example = Example(EXAMPLE.key, ROW[:3])
    assert POOL.replace_candidate(example, REPLY, 20, rng) is example.values
    assert rng.getstate() == state


def test_a_long_distractor_is_cut() -> None:
    lengths = {room: len(POOL.replace_candidate(EXAMPLE, REPLY, room, random.Random(0))) for room in (9, 8, 7, 6, 5)}
    assert lengths == {9: 8, 8: 7, 7: 6, 6: 5, 5: 5}  # the context and the turn token always stay
