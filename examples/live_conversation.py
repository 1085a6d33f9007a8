"""Predict the expressed emotion of each utterance while a conversation is going on.

    python examples/live_conversation.py RUN/model < conversation.txt

Each line of the input is one utterance, `Ann: We won!`. A program with a microphone and a camera passes their data
to `LiveSegmenter` (see docs/robot.md), which returns the utterances to push.
"""

import argparse
import sys
from pathlib import Path

from mmerc import Predictor
from mmerc.inference import make_utterance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model folder, such as RUN/model")
    arguments = parser.parse_args()

    predictor = Predictor.load(arguments.model)
    conversation = predictor.stream()  # keeps the last utterances; one per conversation
    for line in sys.stdin:
        speaker, _, text = line.strip().rpartition(": ")
        prediction = conversation.push(make_utterance(text, speaker=speaker))
        print(f"{speaker or '?':10}  {prediction.emotion:10} {prediction.confidence:.2f}  {text}", flush=True)
        for modality, reason in prediction.missing.items():
            print(f"{'':10}  without {modality}: {reason}", flush=True)


if __name__ == "__main__":
    main()
