"""Predict the expressed emotion of each utterance in a recording.

    python examples/predict_recording.py RUN/model talk.mp4 [talk.srt]

The transcript may be SRT, WebVTT, CSV or Whisper's JSON. Without one, mmerc splits the recording at pauses and uses audio and face alone.
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
    rows = predictor.predict_recording(arguments.recording, arguments.transcript)
    for row in rows:
        confidence = row["probabilities"][row["emotion"]]
        used = ", ".join(row["modalities"]) or "nothing: no modality could be read"
        print(f"{row['start']:7.2f} s  {row['speaker'] or '?':10}  {row['emotion']:10} {confidence:.2f}  from {used}")


if __name__ == "__main__":
    main()
