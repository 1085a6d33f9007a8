"""Predictions for the tests of files, with all that makes a format fail."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from mmerc.inference.export.document import Document, Provenance
from mmerc.model.prediction import Prediction

MADE = datetime(2026, 11, 26, 17, 45, 30, tzinfo=UTC)
PROVENANCE = Provenance("meld-3f9a01bc", "MELD", "0.1.0", MADE)
LABELS = ("joy", "très content", "neutral/calm", "a & b")
ODD = [
    *("", " ", "\n", "\n\n", "a\n\nb", "\r\n", "\ttab", " leading", "trailing ", "=1+1", "'=1", "''-x", "a,b;c\td", '"quoted"', '""'),
    *("<b>&amp;</b>", "]]>", "<v Bob>", "</v>", "<!-- x -->", "00:00:01.000 --> 00:00:02.000", "NOTE x", "WEBVTT", "[joy 0.80] x"),
    *("[Music]", "ANN: hi", "- no", "item [1]:", "intervals [2]:", '"IntervalTier"', "! no", "xmin = 0", "100% <NA> %20", ";; x"),
    *("שלום עולם", "\u200fمرحبا", "👩‍👩‍👧 🎉", "e\u0301 é", "a\u00a0b", "\u2028", "\x85", "words@x", "emotion2@Ann", "Ann - words"),
]  # fmt: skip
TEXTS = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=12)


def make_prediction(
    text: str | None, start: float | None, end: float | None, *, speaker: str = "Ann", emotion: str = "joy", confidence: float = 0.8,
    utterance: int = 0, dialogue: str = "talk", **fields: Any,
) -> Prediction:  # fmt: skip
    rest = (1 - confidence) / (len(LABELS) - 1)
    probabilities = {label: confidence if label == emotion else rest for label in LABELS}
    return Prediction(
        split="input", dialogue=dialogue, utterance=utterance, speaker=speaker, text=text, start=start, end=end, emotion=emotion,
        confidence=confidence, probabilities=probabilities, modalities=("text", "face"), model="meld-3f9a01bc", **fields,
    )  # fmt: skip


def make_document(*predictions: Prediction, recording: Path | None = None, file: Path | None = None) -> Document:
    return Document(predictions, PROVENANCE, {"probabilities": LABELS}, recording, file)


Said = tuple[str, float, float, str, str, float]  # text, start, end, speaker, emotion, confidence


@st.composite
def conversations(draw: st.DrawFn) -> list[Said]:
    """Odd names and words; utterances overlap, also those of one speaker, and some have no length or no words.

    beartype draws random numbers, which a strategy may not, so this makes no document.
    """
    names = draw(st.lists(TEXTS, min_size=1, max_size=3, unique=True))
    times = st.integers(0, 4000)
    said = []
    for _ in range(draw(st.integers(1, 5))):
        start = draw(times)
        end = start + draw(st.sampled_from([0, 1, 700]) | times)
        emotion, confidence = draw(st.sampled_from(LABELS)), draw(st.integers(25, 100)) / 100
        said.append((draw(TEXTS), start / 1000, end / 1000, draw(st.sampled_from(names)), emotion, confidence))
    return said


def make_conversation(said: list[Said]) -> Document:
    predictions = [
        make_prediction(text, start, end, speaker=speaker, emotion=emotion, confidence=confidence, utterance=number)
        for number, (text, start, end, speaker, emotion, confidence) in enumerate(said)
    ]
    return make_document(*predictions)
