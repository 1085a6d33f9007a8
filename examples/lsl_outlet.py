"""Predictions of a live conversation as a stream of the Lab Streaming Layer, beside EEG and other signals.

    pip install 'mmerc[client]' pylsl
    python examples/lsl_outlet.py --url http://127.0.0.1:8000 --sound talk.wav

The outlet has one channel for the probability of each label. `--sound`: a WAV file with 16-bit mono samples at 16 kHz, sent in real time; in your own
program, send the blocks of the microphone instead.
"""

import argparse
import threading
import time
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pylsl

from mmerc.client import Client, Stream

BLOCK = 1600  # samples that are sent together: 0.1 s
RATE = 16_000


def make_outlet(labels: Sequence[str]) -> Any:
    """An outlet of irregular rate with a channel for each label."""
    info = pylsl.StreamInfo("mmerc", "Emotion", len(labels), pylsl.IRREGULAR_RATE, "float32", "mmerc-live")
    channels = info.desc().append_child("channels")
    for label in labels:
        channels.append_child("channel").append_child_value("label", label)
    return pylsl.StreamOutlet(info)


def read_blocks(file: Path) -> Iterator[np.ndarray]:
    """Blocks of a WAV file, each when a microphone would give it."""
    with wave.open(str(file)) as sound:
        while content := sound.readframes(BLOCK):
            yield np.frombuffer(content, "<i2")
            time.sleep(BLOCK / RATE)


def send_sound(stream: Stream, file: Path) -> None:
    """Send a sound and end the conversation."""
    for block in read_blocks(file):
        stream.send_sound(block)
    stream.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--token")
    parser.add_argument("--sound", type=Path, required=True)
    arguments = parser.parse_args()
    with Client(arguments.url, token=arguments.token) as client:
        labels = client.get_model().labels
        outlet = make_outlet(labels)
        with client.stream() as stream:
            begun = pylsl.local_clock()
            sender = threading.Thread(target=send_sound, args=(stream, arguments.sound))
            sender.start()
            for message in stream:
                if message["type"] == "prediction":
                    end = begun + (message["end"] or 0.0)  # when it was said, on the clock of LSL
                    outlet.push_sample([message["probabilities"][label] for label in labels], end)
                    print(f"{message['emotion']} {message['confidence']:.2f}")
            sender.join()


if __name__ == "__main__":
    main()
