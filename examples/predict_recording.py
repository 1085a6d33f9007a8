"""Predict the expressed emotion of each utterance in a recording.

    python examples/predict_recording.py RUN/model talk.mp4 [talk.srt]

The transcript may be SRT, WebVTT, CSV, or JSON of a speech recogniser. Without one, mmerc splits the recording at pauses and reads audio
and face only.
"""

import argparse
from pathlib import Path

from mmerc import Predictor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model folder, such as RUN/model")
    parser.add_argument("recording", type=Path, help="a video or audio file")
    parser.add_argument("transcript", type=Path, nargs="?", help="when each utterance is spoken, and its words")
    arguments = parser.parse_args()

    predictor = Predictor.load(arguments.model)
    for each in predictor.predict_recording(arguments.recording, arguments.transcript):
        start = 0.0 if each.start is None else each.start  # a short recording without a transcript is one utterance
        used = ", ".join(each.modalities) or "nothing: no modality could be read"
        print(f"{start:7.2f} s  {each.speaker or '?':10}  {each.emotion:10} {each.confidence:.2f}  from {used}")


if __name__ == "__main__":
    main()
