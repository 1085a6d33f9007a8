"""What a conversation that goes on remembers, and what it gives to the model."""

import threading
from typing import Any

import numpy as np

from mmerc.corpora import Dialogue, Live
from mmerc.inference.streaming import REMEMBERED, Conversation, spoken


def test_each_utterance_is_asked_with_those_before_it_and_without_their_sound() -> None:
    asked: list[Dialogue] = []

    def answer(dialogue: Dialogue) -> dict[str, Any]:
        asked.append(dialogue)
        return {"emotion": "joy"}

    talk = Conversation(answer, "kitchen")
    sound = Live(np.zeros(1600, np.float32), (), ())
    assert talk.push(spoken("Hello", speaker="Ann", live=sound)) == {"emotion": "joy"}
    talk.push(spoken("You came!\ud800", speaker="Bo", live=sound))
    first, second = asked
    assert [turn.text for turn in second.utterances] == ["Hello", "You came!?"]
    assert [turn.utterance for turn in second.utterances] == [0, 1] and second.dialogue == "kitchen"
    assert first.utterances[0].live is sound and second.utterances[0].live is None
    assert second.utterances[1].live is sound


def test_memory_is_bounded_and_numbers_go_on() -> None:
    lengths: list[tuple[int, object]] = []
    talk = Conversation(
        lambda dialogue: lengths.append((len(dialogue), dialogue.utterances[-1].utterance)) or {}, "long"
    )
    for _ in range(REMEMBERED + 5):
        talk.push(spoken("again"))
    assert lengths[-1] == (REMEMBERED + 1, REMEMBERED + 4)


def test_from_many_threads_no_utterance_is_lost_or_numbered_twice() -> None:
    numbers: list[object] = []
    talk = Conversation(lambda dialogue: numbers.append(dialogue.utterances[-1].utterance) or {}, "crowd")
    threads = [threading.Thread(target=lambda: [talk.push(spoken("me")) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers == list(range(80))
