"""Distractors of the next-sentence loss: wrong replies from other dialogues (Wolf et al. 2019, TransferTransfo)."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from mmerc.corpora import Dialogue
from mmerc.encoders.base import Example
from mmerc.encoders.text.input import SEGMENT, TOKEN


@dataclass(frozen=True)
class DistractorPool:
    """The utterances from which distractors are drawn: (dialogue ID, token IDs) of each."""

    utterances: tuple[tuple[str, Int[np.ndarray, " _"]], ...] = ()

    @classmethod
    def collect(cls, dialogues: Sequence[Dialogue], tokenize: Callable[[str], list[int]]) -> "DistractorPool":
        """Collect all utterances with text. The pool is empty if they come from one dialogue only."""
        found = tuple(
            (str(dialogue.dialogue), np.asarray(tokens, np.int32))
            for dialogue in dialogues
            for utterance in dialogue.utterances
            if utterance.text and (tokens := tokenize(utterance.text))
        )
        return cls(found if len({dialogue for dialogue, _ in found}) > 1 else ())

    def __len__(self) -> int:
        return len(self.utterances)

    def replace_candidate(
        self, example: Example, segment: int, max_tokens: int, rng: random.Random
    ) -> Int[np.ndarray, "L 3"]:
        """Return the input of an example with the words of its `segment` exchanged for those of another dialogue.

        The result has at most `max_tokens` - 1 tokens. An input without this segment is returned unchanged.
        """
        row: np.ndarray = example.values
        is_candidate = row[:, SEGMENT] == segment
        is_candidate[-1] = False  # the end token stays
        if not is_candidate.any():
            return row
        dialogue, tokens = rng.choice(self.utterances)
        while dialogue == example.key[1]:
            dialogue, tokens = rng.choice(self.utterances)
        start, end = int(is_candidate.argmax()), len(row) - int(is_candidate[::-1].argmax())
        kept = len(row) - (end - start)
        room = max(max_tokens - 1 - kept - 1, 0)  # one token for [CLS], one for the turn token
        wrong = np.repeat(row[start : start + 1], min(len(tokens), room) + 1, axis=0)  # the first one is the turn token
        wrong[1:, TOKEN] = tokens[: len(wrong) - 1]
        return np.concatenate([row[:start], wrong, row[end:]])
