"""Seconds of compute per second of clip for every stage, `compact` and `paper`, as JSON.

    python benchmarks/pipeline.py [--clips FOLDER_OR_FILE ...] [--seconds 10] [--out FILE]

Each stage is timed alone on the same clips, after a warm-up on the first of them, with torch's own number of threads.
The plain reference, measured in the same run, is facenet-pytorch's algorithm as it is used (every frame by itself, at
full size, through the whole cascade), which took 5.5 of the paper's 9.3 seconds. The networks have random weights
where their public ones are absent: that changes no time, except in the detector, whose weights are needed.

What bounds each stage: decoding reads each compressed byte once; MTCNN's first network at 720p is about 2.6 GFLOP a
frame over the whole pyramid; InceptionResnetV1 is 2.8 GFLOP a face; a window of WaveRNN (2.95 s) is 47,200 steps of
two GRUs of 512, 3.2 MFLOP a step, which cannot run side by side in time.
"""

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from result import show

from mmerc.config import read_settings
from mmerc.corpora import Clip, Dialogue, Utterance, open_corpus
from mmerc.encoders import ENCODERS, Encoder, Example, check_encoder_config
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.face.facenet import IMAGE_SIZE, normalize_pixels
from mmerc.encoders.face.mtcnn import FaceDetector
from mmerc.encoders.face.selection import select_largest_faces
from mmerc.errors import MissingModality, WeightsError
from mmerc.fusion import CrossmodalEmbraceNet, FusionConfig
from mmerc.media import read_frames, read_waveform

CLASSES = 7
WORDS = "also I was the point person on my company's transition from the KL-5 to GR-6 system."


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def dialogue_of(clips: Sequence[Clip]) -> Dialogue:
    turns = (Utterance("bench", 0, n, "AB"[n % 2], WORDS, clip=clip) for n, clip in enumerate(clips))
    return Dialogue("bench", 0, tuple(turns))


def encoder_of(preset: str, modality: str) -> Encoder:
    settings = read_settings(preset, None)["modalities"][modality] | (
        {"pretrained": False} if preset == "paper" else {}
    )
    if settings.get("backbone") == "openai-gpt":  # the same size without its weights, which may not be here
        settings |= {
            "backbone": "scratch",
            "scratch_num_layers": 12,
            "scratch_hidden_size": 768,
            "scratch_vocab_size": 40_478,
        }
    checked = check_encoder_config(modality, settings)
    return ENCODERS[checked.encoder](checked, CLASSES).eval()


def attempt(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except MissingModality:
        return None


@torch.inference_mode()
def measure(preset: str, clips: Sequence[Clip], seconds: float) -> dict[str, float]:
    """Seconds of compute per second of clip, by stage."""
    said = dialogue_of(clips)
    places = range(len(clips))
    spent: dict[str, float] = {}
    features: dict[str, list[torch.Tensor]] = {}
    encoders = {name: encoder_of(preset, name) for name in ("text", "audio", "face")}
    face = encoders["face"]
    assert isinstance(face, Face)

    def frames() -> list[Any]:
        reader = face.config
        return [
            attempt(lambda clip=clip: read_frames(clip, reader.num_frames, max_side=reader.max_frame_side))
            for clip in clips
        ]

    def sound() -> list[Any]:
        return [attempt(lambda clip=clip: read_waveform(clip)) for clip in clips]

    attempt(lambda: read_frames(clips[0], 2))
    spent["decode"] = timed(frames) + timed(sound)
    shown = [found for found in frames() if found is not None]

    def detect(images: Any) -> Any:
        small = face.config.skip_small_faces
        return select_largest_faces(face.detector, torch.from_numpy(images), skip_small_faces=small)

    detect(shown[0].images)
    spent["detect"] = timed(lambda: [detect(found.images) for found in shown])
    if face.is_frozen:
        face.backbone(torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE))
        crops = [attempt(lambda clip=clip: face.find_faces(Utterance("bench", 0, 0, clip=clip))) for clip in clips]
        pictures = [torch.from_numpy(part) for part, _ in filter(None, crops)]
        spent["embed faces"] = timed(lambda: [face.backbone(normalize_pixels(part)) for part in pictures])
    for name, encoder in encoders.items():
        rows = [attempt(lambda encoder=encoder, place=place: encoder.prepare(said, place)) for place in places]
        examples = [Example(("bench", "0", str(n)), row) for n, row in enumerate(rows) if row is not None]
        encoder(encoder.collate(examples[:1]))
        outputs: list[Any] = []
        spent[f"{name} network"] = timed(
            lambda encoder=encoder, examples=examples, outputs=outputs: outputs.extend(
                encoder(encoder.collate([example])) for example in examples
            )
        )
        features[name] = [output.sequence[0][output.mask[0]] for output in outputs]
    spent["fusion"] = fusion_time(preset, {name: encoder.width for name, encoder in encoders.items()}, features)
    return {name: round(value / seconds, 4) for name, value in spent.items()}


def fusion_time(preset: str, widths: dict[str, int], features: dict[str, list[torch.Tensor]]) -> float:
    settings = FusionConfig.model_validate(read_settings(preset, None)["fusion"])
    fusion = CrossmodalEmbraceNet(settings, widths, CLASSES).eval()
    count = max(map(len, features.values()))
    batches = []
    for place in range(count):
        found = {
            name: rows[place][None] if place < len(rows) else torch.zeros(1, 1, widths[name])
            for name, rows in features.items()
        }
        masks = {name: torch.full(value.shape[:2], place < len(features[name])) for name, value in found.items()}
        batches.append((found, masks))
    fusion(*batches[0])
    return timed(lambda: [fusion(*batch) for batch in batches])


@torch.inference_mode()
def plain_detection(clips: Sequence[Clip], seconds: float) -> float:
    """The reference: every one of 50 frames by itself, at full size, smallest face 20 pixels."""
    detector = FaceDetector.pretrained(min_face_size=20)
    total = 0.0
    for clip in clips:
        found = attempt(lambda clip=clip: read_frames(clip, 50))
        if found is None:
            continue
        detector(torch.from_numpy(found.images[:1]))
        total += timed(lambda found=found: [detector(torch.from_numpy(image[None])) for image in found.images])
    return round(total / seconds, 4)


def length(clip: Clip) -> float:
    found = attempt(lambda: read_frames(clip, 1_000_000 // 1000))
    return 0.0 if found is None else float(found.times[-1] - found.times[0]) + 1 / 24


def gathered(places: Sequence[str], seconds: float) -> list[Clip]:
    clips = []
    for place in map(Path, places):
        if place.is_dir() and any(place.glob("*_sent_emo.csv")):
            clips += [turn.clip for turn in open_corpus(f"meld:{place}").utterances("test") if turn.clip]
        else:
            clips += [Clip(file) for file in (sorted(place.iterdir()) if place.is_dir() else [place])]
    chosen, total = [], 0.0
    for clip in clips:
        if total >= seconds:
            break
        lasts = length(clip)
        if lasts:
            chosen.append(clip)
            total += lasts
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", nargs="+", default=["demo-run/corpus", "../shared/data/clips"])
    parser.add_argument("--seconds", type=float, default=10.0, help="about how much of each set of clips is used")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    result: dict[str, Any] = {
        "unit": "seconds of compute per second of clip",
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "paper, run plainly on two cores": {
            "total": 9.3,
            "mtcnn": 5.5,
            "wavernn": 3.4,
            "facenet": 0.3,
            "decode": 0.2,
            "gpt": 0.04,
        },
        "sets": {},
    }
    for place in chosen.clips:
        clips = gathered([place], chosen.seconds)
        if not clips:
            print(f"no clips at {place}: it is left out", flush=True)
            continue
        seconds = sum(map(length, clips))
        row: dict[str, Any] = {"clips": len(clips), "seconds": round(seconds, 1)}
        try:
            for preset in ("compact", "paper"):
                stages = measure(preset, clips, seconds)
                row[preset] = stages | {"total": round(sum(stages.values()), 4)}
            row["plain MTCNN"] = plain_detection(clips, seconds)
            row["plain MTCNN / compact detection"] = round(row["plain MTCNN"] / row["compact"]["detect"], 1)
        except WeightsError as error:
            raise SystemExit(f"error: {error}") from error
        result["sets"][place] = row
    show(result, chosen.out)


if __name__ == "__main__":
    main()
