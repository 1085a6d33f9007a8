"""Compare the predictions of the ONNX graphs of an exported model with those of torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.metrics import f1_score

from mmerc.config import Backend
from mmerc.corpora import Dialogue
from mmerc.model.folder import load_model
from mmerc.model.onnx.runtime import in_float32
from mmerc.model.prediction import Prediction

BACKENDS: tuple[Backend, ...] = ("torch", "onnx")


def compare_backends(folder: Path, dialogues: Sequence[Dialogue]) -> dict[str, Any]:
    """Predict with torch in float32 and with the graphs of an exported folder, and compare.

    The result has the largest difference of a probability, the share of utterances with the same emotion, and, where there
    are labels, the weighted F1 of both (a share).
    """
    predictions: dict[Backend, list[Prediction]] = {}
    for backend in BACKENDS:
        model = load_model(folder, backend=backend)
        with in_float32(*model.encoders.values(), model.fusion):
            predictions[backend] = list(model.predict(dialogues))
    pairs = list(zip(predictions["torch"], predictions["onnx"], strict=True))
    differences = (abs(p - b.probabilities[label]) for a, b in pairs for label, p in a.probabilities.items())
    found: dict[str, Any] = {
        "utterances": len(pairs),
        "largest_difference_of_a_probability": max(differences, default=0.0),
        "same_emotion": sum(a.emotion == b.emotion for a, b in pairs) / max(1, len(pairs)),
    }
    labels = [utterance.emotion for dialogue in dialogues for utterance in dialogue.utterances]
    labelled = [index for index, label in enumerate(labels) if label is not None]
    for backend, rows in predictions.items() if labelled else ():
        predicted = [rows[index].emotion for index in labelled]
        score = f1_score([labels[index] for index in labelled], predicted, average="weighted", zero_division=0)
        found[f"f1_weighted_{backend}"] = round(float(score), 4)
    return found
