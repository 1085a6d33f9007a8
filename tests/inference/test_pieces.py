"""Pieces are predicted in groups and get the ID of their utterance."""

from collections.abc import Iterable, Iterator
from typing import Any

from mmerc.corpora import Dialogue, Utterance
from mmerc.inference import pieces
from mmerc.model.prediction import Prediction


class Model:
    """Says which dialogues it got."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def predict(self, dialogues: Iterable[Dialogue], **options: Any) -> Iterator[Prediction]:
        for dialogue in dialogues:
            self.sizes.append(len(dialogue))
            for each in dialogue.utterances:
                yield Prediction(
                    split="input", dialogue="talk", utterance=each.utterance, speaker=each.speaker, emotion="joy",
                    confidence=1.0, probabilities={"joy": 1.0}, modalities=(),
                )  # fmt: skip


def test_pieces_have_the_id_of_their_utterance(monkeypatch: Any) -> None:
    monkeypatch.setattr(pieces, "PIECES_AT_ONCE", 2)
    model = Model()
    whole = Utterance("input", "talk", 4)
    parts = [(whole, Utterance("input", "talk", f"4/{number}", speaker=str(number))) for number in range(3)]
    found = pieces.predict_pieces(model.predict, parts)
    assert [(each.utterance, each.speaker) for each in found] == [(4, "0"), (4, "1"), (4, "2")]
    assert model.sizes == [2, 1]
    assert pieces.predict_pieces(model.predict, []) == []
