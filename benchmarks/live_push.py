"""What is computed at the end of a live utterance, as JSON: milliseconds of one thread, median and least.

    python benchmarks/live_push.py --model demo-run/run/model --voice ../shared/data/ravdess/Actor_01/03-01-01-01-01-01-01.flac

Utterances of three seconds have 15 images, whose faces are read as they come, and words, which come at the end. `push` is measured after nothing else,
and after the utterance was prepared in its pause, when only the words are new. The parts are those of the first case.
"""

import argparse
import io
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from result import show
from skimage import data as sample_images

from mmerc import Predictor
from mmerc.corpora import Clip
from mmerc.inference import streaming
from mmerc.inference.live_segmenter import LiveSegmenter
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.model import model as model_module

SECONDS, IMAGES, WARM_UP = 3, 15, 3
TEXTS = ("You came back!", "I never left.", "That is not what you said.", "Oh, come on.", "Fine.")


class Clock:
    """The CPU time of functions that are called while it `is_running`."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.is_running = False

    def watch(self, module: Any, function: str, name: Callable[..., str]) -> None:
        """Measure a function of a module; `name` makes the name of a part from its arguments."""
        original = getattr(module, function)

        def measured(*arguments: Any, **options: Any) -> Any:
            started = time.process_time()
            result = original(*arguments, **options)
            if self.is_running:
                self.times[name(*arguments)].append(time.process_time() - started)
            return result

        setattr(module, function, measured)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--voice", type=Path, required=True, help="a recording of a voice")
    parser.add_argument("--utterances", type=int, default=10)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    predictor, clock = Predictor.load(options.model), Clock()
    clock.watch(streaming, "prepare_row", lambda encoder, *_: f"prepare {type(encoder).__name__}")
    clock.watch(model_module, "encode_rows", lambda encoder, *_: f"encode {type(encoder).__name__}")
    clock.watch(model_module, "predict_fused", lambda *_: "fusion")
    buffer = io.BytesIO()
    Image.fromarray(sample_images.astronaut()).resize((640, 480)).save(buffer, "JPEG")
    sound = np.resize(read_waveform(Clip(options.voice)), SECONDS * SAMPLE_RATE)
    cases = {name: (predictor.stream(), LiveSegmenter(detect_pauses=False)) for name in ("push", "push, prepared")}
    for number in range(WARM_UP + options.utterances):
        for name, (conversation, segmenter) in cases.items():
            for part in np.split(sound, IMAGES):
                segmenter.add_image(buffer.getvalue(), 0.0)
                conversation.look_ahead(segmenter.peek_images())
                segmenter.add_audio(part)
            if name == "push, prepared" and (running := segmenter.peek()) is not None:
                conversation.prepare(running)
            segmenter.add_text(TEXTS[number % len(TEXTS)])
            (utterance,) = segmenter.finish()
            clock.is_running = name == "push" and number >= WARM_UP
            started = time.process_time()
            conversation.push(utterance)
            if number >= WARM_UP:
                clock.times[name].append(time.process_time() - started)
            clock.is_running = False
    show(
        {
            name: [round(1000 * float(each(times)), 1) for each in (np.median, min)]
            for name, times in clock.times.items()
        },
        options.out,
    )


if __name__ == "__main__":
    main()
