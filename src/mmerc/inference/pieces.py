"""Predictions of pieces of utterances: of a listener's face, or of a second."""

from collections.abc import Callable, Iterable, Sequence

from mmerc.corpora import Dialogue, Utterance
from mmerc.model.prediction import Prediction

PIECES_AT_ONCE = 256  # pieces whose inputs may be in memory together; a network that reads the dialogue reads these


def predict_pieces(
    predict: Callable[..., Iterable[Prediction]],
    pieces: Sequence[tuple[Utterance, Utterance]],
    *,
    on_progress: Callable[[], None] = lambda: None,
) -> list[Prediction]:
    """The predictions of the pieces of one dialogue, in order.

    Each piece comes after the utterance that it belongs to, whose ID its prediction has. The pieces have IDs of their own, so that the
    model can tell them apart. `predict` and `on_progress`: see `EmotionModel.predict`.
    """
    dialogues = [
        Dialogue(
            pieces[first][1].split,
            pieces[first][1].dialogue,
            tuple(piece for _, piece in pieces[first : first + PIECES_AT_ONCE]),
        )
        for first in range(0, len(pieces), PIECES_AT_ONCE)
    ]
    predictions = predict(dialogues, on_progress=on_progress)
    return [
        prediction.model_copy(update={"utterance": utterance.utterance})
        for (utterance, _), prediction in zip(pieces, predictions, strict=True)
    ]
