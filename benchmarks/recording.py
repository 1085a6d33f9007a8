"""CPU seconds of each part of the way from a 720p film with a transcript to predictions, per second of film, as JSON.

    taskset -c 0 python benchmarks/recording.py [--preset compact] [--clip ../shared/data/clips/facenet_video.mp4]
        [--voice ../shared/data/ravdess/Actor_01/03-01-01-01-01-01-01.flac] [--seconds 12] [--faces utterance] [--speakers]
        [--threads 1] [--out FILE]

The film has the frames of a real clip, forward and backward, in H.264 with the defaults of x264 (a key frame every ten seconds), a voice, and
utterances of three seconds of two speakers. Networks have random weights, which changes no time. A part is without the parts
inside of it. On one CPU (`taskset`) the decoder has one thread, so that its time belongs to the part that waits for it. CPU time is compared and
not the clock, because it depends less on what else runs; on a busy machine it is up to twice that of an idle one.

With `--speakers` the transcript names nobody, and the speakers are found by their voices. Without `taskset` and with `--threads 2`, `wall` is the time
that a user of two CPUs waits.

`floor`: ffmpeg alone decodes the film once, with every picture and without those that no other picture needs.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial, wraps
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from result import show

from mmerc import Predictor
from mmerc.config import read_settings
from mmerc.corpora import Clip
from mmerc.emotions import LabelSet
from mmerc.encoders import ENCODERS, check_encoder_config
from mmerc.encoders.audio import base as audio_base
from mmerc.encoders.face import encoder as face_encoder
from mmerc.encoders.face import sightings
from mmerc.fusion import CrossmodalEmbraceNet, FusionConfig
from mmerc.hardware import keep_memory
from mmerc.inference import recording
from mmerc.media import SAMPLE_RATE, audio, container, read_waveform, video
from mmerc.model.model import EmotionModel
from mmerc.speakers.diarization import load_diarizer

UTTERANCE, RATE = 3, 25  # seconds; frames per second
TEXTS = ("You came back!", "I never left, and you know that.", "That is not what you said.", "Oh, come on.", "Fine.")


class Clock:
    """CPU seconds by part; time in an inner part does not count for the outer one."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}
        self.stack = ["rest"]
        self.last = time.process_time()

    def switch(self) -> None:
        now = time.process_time()
        self.times[self.stack[-1]] = self.times.get(self.stack[-1], 0.0) + now - self.last
        self.last = now

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Measure a function, a method or a generator of `owner` from now on."""
        work: Callable[..., Any] = getattr(owner, name)

        def step(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            self.switch()
            self.stack.append(part)
            try:
                return function(*arguments, **options)
            finally:
                self.switch()
                self.stack.pop()

        def iterate(values: Iterator[Any]) -> Iterator[Any]:
            end = object()
            while (value := step(next, values, end)) is not end:
                yield value

        @wraps(work)
        def run(*arguments: Any, **options: Any) -> Any:
            result = step(work, *arguments, **options)
            return iterate(result) if isinstance(result, Iterator) else result

        setattr(owner, name, run)


def write_film(file: Path, clip: Path, voice: np.ndarray, seconds: int, *, named: bool) -> None:
    """Write the film, and its transcript beside it, which may name the speakers."""
    with av.open(str(clip)) as source:
        frames = [frame.reformat(1280, 720, format="yuv420p").to_ndarray() for frame in source.decode(video=0)]
    period = 2 * len(frames) - 2
    with av.open(str(file), "w") as target:
        pictures = target.add_stream("libx264", rate=RATE)
        pictures.width, pictures.height, pictures.pix_fmt = 1280, 720, "yuv420p"
        sound = target.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for number in range(seconds * RATE):
            index = min(number % period, period - number % period)
            target.mux(pictures.encode(av.VideoFrame.from_ndarray(frames[index], format="yuv420p")))
        target.mux(pictures.encode(None))
        wave = np.resize(voice, seconds * SAMPLE_RATE)[None].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        target.mux(sound.encode(frame))
        target.mux(sound.encode(None))
    starts = range(0, seconds, UTTERANCE)
    rows = [
        {"start": start, "end": start + UTTERANCE, "text": TEXTS[number % 5]}
        | ({"speaker": "AB"[number % 2]} if named else {})
        for number, start in enumerate(starts)
    ]
    file.with_suffix(".json").write_text(json.dumps(rows))


def make_model(preset: str) -> EmotionModel:
    """A model of the preset with random weights where they are trained."""
    torch.manual_seed(0)
    settings = read_settings(preset, None)
    encoders = {}
    for name in ("text", "audio", "face"):
        config = check_encoder_config(name, settings["modalities"][name])
        encoders[name] = ENCODERS[config.encoder](config, 7).eval()
        encoders[name].optimize_for_inference()
    widths = {name: encoder.width for name, encoder in encoders.items()}
    fusion = CrossmodalEmbraceNet(FusionConfig.model_validate(settings["fusion"]), widths, 7).eval()
    return EmotionModel(LabelSet(tuple("abcdefg")), encoders, fusion, [1 / 7] * 7)


def watch_parts(clock: Clock, model: EmotionModel) -> None:
    """Measure the parts of a prediction from now on."""
    face: Any = model.encoders["face"]
    for owner, name, part in (
        (recording, "_name_lines", "speakers"),
        (container, "_open", "open files"),
        (video, "decode_frames", "decode pictures"),
        (video._Renderer, "render", "scale and convert pictures"),
        (audio, "decode_frames", "decode sound"),
        (audio._Converter, "_convert", "resample sound"),
        (audio_base, "find_speech", "voice activity"),
        (face.detector, "forward", "find faces"),
        (face.detector, "detect_large_first", "find faces"),
        (face_encoder, "crop_face", "crop faces"),
        (sightings, "find_shots", "find shots"),
        (sightings, "measure_mouth_motion", "mouth motion"),
        (model.fusion, "forward", "fusion"),
        *((encoder, "forward", f"{name} network") for name, encoder in model.encoders.items()),
    ):
        clock.watch(owner, name, part)
    if hasattr(model.encoders["audio"], "run_frozen"):
        clock.watch(model.encoders["audio"], "run_frozen", "audio network")


def measure_floor(film: Path, skip: str) -> float:
    """CPU seconds in which ffmpeg decodes the film once."""
    start = time.process_time()
    with av.open(str(film)) as source:
        context = source.streams.video[0].codec_context
        context.thread_count, context.skip_frame = 1, skip  # type: ignore[assignment]
        for _ in source.decode(video=0):
            pass
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--clip", type=Path, default=Path("../shared/data/clips/facenet_video.mp4"))
    parser.add_argument("--voice", type=Path, default=Path("../shared/data/ravdess/Actor_01/03-01-01-01-01-01-01.flac"))
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--faces", choices=["utterance", "recording"], default="utterance")
    parser.add_argument("--speakers", action="store_true")
    parser.add_argument("--threads", type=int, default=1, help="of the networks")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_memory()  # as `mmerc predict` does
    clock, model = Clock(), make_model(options.preset)
    predictor = Predictor(model)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        write_film(film, options.clip, read_waveform(Clip(options.voice)), options.seconds, named=not options.speakers)
        diarizer = load_diarizer(2) if options.speakers else None
        read = partial(recording.read_recording, film, film.with_suffix(".json"), diarizer=diarizer)
        dialogue, _ = read()
        list(predictor.predict([dialogue]))  # warm up
        watch_parts(clock, model)
        clock.times.clear()
        clock.last = time.process_time()
        started = time.perf_counter()
        dialogue, _ = read()
        rows = list(predictor.predict([predictor.choose_faces(dialogue, options.faces)[0]]))
        clock.switch()
        wall = time.perf_counter() - started
        floor = {"every picture": measure_floor(film, "DEFAULT"), "references": measure_floor(film, "NONREF")}
    parts = dict(sorted(clock.times.items(), key=lambda item: -item[1]))
    result: dict[str, Any] = {
        "preset": options.preset,
        "faces": options.faces,
        "utterances with a face": sum("face" in row.modalities for row in rows),
        "CPU s per s": {name: round(value / options.seconds, 4) for name, value in parts.items()},
        "all, CPU s per s": round(sum(parts.values()) / options.seconds, 4),
        "all, wall s per s": round(wall / options.seconds, 4),
        "floor of decoding, CPU s per s": {name: round(value / options.seconds, 4) for name, value in floor.items()},
    }
    show(result, options.out)


if __name__ == "__main__":
    main()
