"""A conversation that goes on: each utterance is answered as it ends, from itself and what was said before it."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Any

from mmerc.corpora import Dialogue, Live, Utterance
from mmerc.corpora.dialogue import replace_surrogates

REMEMBERED = 50  # utterances; no text network reads further back


class Conversation:
    """Made by `Predictor.stream`. Keeps the words that were said, and neither sound nor pictures; for a fusion that reads the
    dialogue (`fusion.dialogue_context`) `Predictor` keeps the fused vectors beside it.

    Safe to use from several threads: utterances are answered in the order in which they are pushed.
    """

    def __init__(self, answer: Callable[[Dialogue], dict[str, Any]], name: str) -> None:
        self.name = name
        self._answer = answer
        self._before: deque[Utterance] = deque(maxlen=REMEMBERED)
        self._count = 0
        self._order = Lock()

    def push(self, utterance: Utterance) -> dict[str, Any]:
        """The answer: the columns of `mmerc predict`, and under `missing` why each absent modality is.

        Its own numbers in the conversation are given to it; `speaker`, `text`, `clip`, `live`, `start` and `end` count.
        """
        with self._order:
            said = None if utterance.text is None else replace_surrogates(utterance.text)
            speaker, number = replace_surrogates(utterance.speaker), self._count
            turn = replace(utterance, split="live", dialogue=self.name, utterance=number, speaker=speaker, text=said)
            answer = self._answer(Dialogue("live", self.name, (*self._before, turn)))
            self._before.append(replace(turn, clip=None, live=None, signals={}))
            self._count += 1
            return answer


def spoken(text: str | None = None, *, speaker: str = "", live: Live | None = None) -> Utterance:
    """An utterance to push that is in no file."""
    return Utterance("live", "", 0, speaker=speaker, text=text or None, live=live)
