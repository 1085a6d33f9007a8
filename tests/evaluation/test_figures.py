import io

import numpy as np
from PIL import Image

from mmerc.emotions import SEVEN
from mmerc.evaluation import figures
from mmerc.evaluation.confidence import measure_confidence


def drawn(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_every_figure_is_a_picture_with_something_on_it() -> None:
    statistics = {"labels": ["a", "b"], "splits": {"train": {"emotions": {"a": 3, "b": 1}}, "test": {"emotions": None}}}
    rng = np.random.default_rng(0)
    pictures = [
        figures.plot_labels(statistics),
        figures.plot_confusions([[3, 1], [0, 2]], ["a", "b"]),
        figures.plot_embedding(rng.normal(size=(12, 4)), ["joy", "fear", "anger"] * 4, SEVEN),
        figures.plot_learning_curves(
            {"text": [{"epoch": 1, "dev_f1_weighted": 0.3}, {"epoch": 2, "dev_f1_weighted": 0.4}]}
        ),
    ]
    measured = {"mean": {"f1_weighted": 0.5}, "std": {"f1_weighted": 0.1}}
    system = {"clean": measured, "telephone": measured}
    found = {"modalities": {"_voice": system}, "fusions": {"late": system}}
    pictures.append(figures.plot_signal_robustness(found))
    confident = {"_text": measure_confidence([0, 1, 0], [np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]])])}
    pictures += [figures.plot_selective(confident), figures.plot_reliability(confident)]
    for picture in map(drawn, pictures):
        assert picture.shape[0] > 200 and picture.shape[1] > 300 and picture.std() > 10


def test_labels_are_text_and_splits_any_number() -> None:
    names = ["$\\a b$", "[/x]", "_c"]
    emotions = dict.fromkeys(names, 2)
    statistics = {"labels": names, "splits": {f"fold {n}": {"emotions": emotions} for n in range(12)}}
    for picture in (figures.plot_labels(statistics), figures.plot_confusions([[1, 0, 0]] * 3, names)):
        assert drawn(picture).std() > 10


def test_the_embedding_is_the_same_every_time() -> None:
    vectors = np.random.default_rng(0).normal(size=(10, 3))
    emotions = ["joy"] * 10
    assert figures.plot_embedding(vectors, emotions, SEVEN) == figures.plot_embedding(vectors, emotions, SEVEN)
