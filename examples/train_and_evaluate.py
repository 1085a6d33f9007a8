"""Train a text model on a table of conversations, and evaluate it.

    python examples/train_and_evaluate.py FOLDER

The table is made here, and the network is tiny, so that this takes seconds. For your own corpus, replace the table (its columns are
in docs/corpora.md) and use the preset `compact`.
"""

import argparse
import csv
from pathlib import Path

from mmerc import evaluate, load_config, open_corpus, train

LINES = [
    ("Ann", "We won the prize!", "joy"),
    ("Bo", "Leave me alone.", "anger"),
    ("Ann", "I miss her so much.", "sadness"),
    ("Bo", "I see.", "neutral"),
]


def write_table(file: Path) -> None:
    """30 conversations of four utterances. Each row is one utterance."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["dialogue", "utterance", "speaker", "text", "emotion", "split"])
        for dialogue in range(30):
            split = "train" if dialogue < 20 else "dev" if dialogue < 25 else "test"
            for utterance, (speaker, text, emotion) in enumerate(LINES):
                writer.writerow([dialogue, utterance, speaker, text, emotion, split])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the table and the run folder are written here")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)

    table = folder / "conversations.csv"
    write_table(table)
    overrides = ["text.epochs=4", "text.learning_rate=0.003"]
    config = load_config("smoke", overrides=overrides, modalities=["text"])
    train(open_corpus(f"table:{table}"), folder / "run", config)
    result = evaluate(folder / "run", "test")
    for system, scores in result["systems"].items():  # the majority class, and the trained network
        print(f"{system:10} weighted F1 on test: {scores['mean']['f1_weighted']:.3f}")
    print(f"the model is in {folder / 'run' / 'model'}")


if __name__ == "__main__":
    main()
