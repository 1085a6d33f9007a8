"""Predictions of a live conversation as a stream of the Lab Streaming Layer, beside EEG and other signals.

    pip install 'mmerc[client]' pylsl
    python examples/lsl_outlet.py --url http://127.0.0.1:8000 --sound talk.wav

A channel for the probability of each label. `--sound`: a WAV file, 16-bit mono at 16 kHz; in your own program, send the microphone's blocks.
"""

import argparse
import threading
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pylsl

from mmerc.client import Client, Stream

BLOCK = 1600  # samples that are sent together: 0.1 s


def make_outlet(labels: Sequence[str]) -> Any:
    """An outlet of irregular rate with a channel for each label."""
    info = pylsl.StreamInfo("mmerc", "Emotion", len(labels), pylsl.IRREGULAR_RATE, "float32", "mmerc-live")
    channels = info.desc().append_child("channels")
    for label in labels:
        channels.append_child("channel").append_child_value("label", label)
    return pylsl.StreamOutlet(info)


def send_sound(stream: Stream, file: Path) -> None:
    """Send a WAV file as a microphone would, and end the conversation."""
    with wave.open(str(file)) as sound:
        while content := sound.readframes(BLOCK):
            stream.send_sound(np.frombuffer(content, "<i2"))
            time.sleep(BLOCK / sound.getframerate())
    stream.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--sound", type=Path, required=True)
    arguments = parser.parse_args()
    with Client(arguments.url) as client:
        labels = client.get_model().labels
        outlet, begun = make_outlet(labels), pylsl.local_clock()
        with client.stream() as stream:
            threading.Thread(target=send_sound, args=(stream, arguments.sound)).start()
            for message in stream:
                if message["type"] == "prediction":
                    end = begun + (message["end"] or 0.0)  # when it was said, on the clock of LSL
                    outlet.push_sample([message["probabilities"][label] for label in labels], end)


if __name__ == "__main__":
    main()
