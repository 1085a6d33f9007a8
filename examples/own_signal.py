"""Add a modality of your own: here a heart rate and a skin conductance, in addition to the text.

    python examples/own_signal.py FOLDER

Any array [T, columns] for an utterance can be a modality. docs/fourth-modality.md has the same with an encoder of your own.
"""

import argparse
from pathlib import Path

import numpy as np

from mmerc import Predictor, open_corpus, train
from mmerc.training.run_config import check_config

STAGE = {"epochs": 8, "batch_size": 8, "learning_rate": 0.01}
TEXT = {"encoder": "bert", "backbone": "scratch", "scratch_num_layers": 1, "scratch_hidden_size": 32}
SETTINGS = {
    "modalities": {"text": {**TEXT, **STAGE}, "body": {"encoder": "signal", "signal": "body", **STAGE}},
    "fusion": {"d_model": 16, "fused_size": 16, "modality_dropout": 0.3, **STAGE},
    "trainer": {"num_threads": 1},
}


def write_corpus(folder: Path) -> None:
    """A folder with `utterances.csv`, and `body.npz` with an array for each `DIALOGUE/UTTERANCE`. The pulse is faster in fear."""
    rng = np.random.default_rng(0)
    rows, arrays = ["dialogue,utterance,speaker,text,emotion,split"], {}
    for number in range(90):
        dialogue, utterance = divmod(number, 3)
        is_fear = number % 2
        split = "train" if number < 60 else "dev" if number < 75 else "test"
        rows.append(f"{dialogue},{utterance},Ann,I see.,{'fear' if is_fear else 'neutral'},{split}")
        arrays[f"{dialogue}/{utterance}"] = rng.normal([70 + 30 * is_fear, 2 + is_fear], [8, 0.5], (20, 2))
    (folder / "utterances.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    np.savez(folder / "body.npz", **arrays)  # type: ignore[arg-type]  # its stub takes no dictionary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the corpus and the run folder are written here")
    folder = parser.parse_args().folder
    (folder / "lab").mkdir(parents=True, exist_ok=True)

    write_corpus(folder / "lab")
    corpus = open_corpus(f"pack:{folder / 'lab'}")
    train(corpus, folder / "run", check_config(SETTINGS))
    predictor = Predictor.load(folder / "run" / "model")
    for prediction in predictor.predict(corpus.dialogues("test")):
        print(prediction.dialogue, prediction.utterance, prediction.emotion, prediction.modalities)


if __name__ == "__main__":
    main()
