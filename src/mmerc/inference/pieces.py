"""Predictions of pieces of utterances: of a listener's face, or of a second."""

from collections.abc import Sequence

from mmerc.corpora import Dialogue, Utterance
from mmerc.model.model import EmotionModel
from mmerc.model.prediction import Prediction


def predict_pieces(model: EmotionModel, pieces: Sequence[tuple[Utterance, Utterance]]) -> list[Prediction]:
    """The predictions of the pieces of one dialogue, in order.

    Each piece comes after the utterance that it belongs to, whose ID its prediction has. The pieces have IDs of their own, so that the
    model can tell them apart.
    """
    if not pieces:
        return []
    whole, first = pieces[0]
    dialogue = Dialogue(whole.split, first.dialogue, tuple(piece for _, piece in pieces))
    return [
        prediction.model_copy(update={"utterance": utterance.utterance})
        for (utterance, _), prediction in zip(pieces, model.predict([dialogue]), strict=True)
    ]
