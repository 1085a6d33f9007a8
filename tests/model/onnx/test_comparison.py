from pathlib import Path

from mmerc import Predictor, open_corpus
from mmerc.model.onnx.comparison import compare_backends


def test_graphs_predict_as_torch_does(exported: Path, small_corpus: Path) -> None:
    dialogues = open_corpus(f"meld:{small_corpus}").dialogues("test")
    found = compare_backends(exported, dialogues)
    assert found["utterances"] == 8 and found["same_emotion"] == 1.0
    assert found["largest_difference_of_a_probability"] < 1e-4
    assert found["f1_weighted_torch"] == found["f1_weighted_onnx"]
    assert Predictor.load(exported, backend="onnx").predict_text("You came back!").modalities == ("text",)


def test_without_labels_there_is_no_score(exported: Path, small_corpus: Path) -> None:
    assert compare_backends(exported, []) == {
        "utterances": 0,
        "largest_difference_of_a_probability": 0.0,
        "same_emotion": 0.0,
    }
