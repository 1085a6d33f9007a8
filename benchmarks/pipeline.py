"""Seconds of computation per second of clip for every stage, with the presets `compact` and `paper`, as JSON.

    python benchmarks/pipeline.py [--clips FOLDER_OR_FILE ...] [--seconds 10] [--out FILE]

Each stage is timed alone on the same clips, after a warm-up on the first of them. `plain MTCNN` is the reference in the same run:
facenet-pytorch's algorithm as it is used, each of 50 frames alone, at full size, through the whole cascade. It took 5.5 of
the paper's 9.3 seconds. Networks whose public weights are absent have random weights, which changes no time; the detector
needs its weights.

Lower bounds: decoding reads each compressed byte once. MTCNN's first network takes about 2.6 GFLOP for a 720p frame, over the whole
pyramid. InceptionResnetV1 takes 2.8 GFLOP a face. A window of WaveRNN (2.95 s) is 47,200 steps of two GRUs of 512 units, 3.2
MFLOP a step, one after the other.
"""

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from result import show

from mmerc.config import read_settings
from mmerc.corpora import Clip, Dialogue, Utterance, open_corpus
from mmerc.encoders import ENCODERS, Encoder, Encoding, Example, check_encoder_config
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.face.facenet import IMAGE_SIZE, normalize_pixels
from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.encoders.face.selection import select_largest_faces
from mmerc.errors import MissingModality, WeightsError
from mmerc.fusion import CrossmodalEmbraceNet, FusionConfig
from mmerc.media import read_frames, read_waveform

NUM_CLASSES = 7
TEXT = "also I was the point person on my company's transition from the KL-5 to GR-6 system."
PAPER_PLAIN = {"total": 9.3, "mtcnn": 5.5, "wavernn": 3.4, "facenet": 0.3, "decode": 0.2, "gpt": 0.04}
# The paper's GPT in size; its public weights may be absent.
SCRATCH_GPT = {
    "backbone": "scratch",
    "scratch_num_layers": 12,
    "scratch_hidden_size": 768,
    "scratch_vocab_size": 40_478,
}
Result = TypeVar("Result")


def measure_time(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def read_or_none(read: Callable[[], Result]) -> Result | None:
    try:
        return read()
    except MissingModality:
        return None


def make_encoder(preset: str, modality: str) -> Encoder:
    settings = read_settings(preset, None)["modalities"][modality]
    if preset == "paper":
        settings = settings | {"pretrained": False}
    if settings.get("backbone") == "openai-gpt":
        settings = settings | SCRATCH_GPT
    checked = check_encoder_config(modality, settings)
    return ENCODERS[checked.encoder](checked, NUM_CLASSES).eval()


@torch.inference_mode()
def measure_stages(preset: str, clips: Sequence[Clip], seconds: float) -> dict[str, float]:
    """Seconds of computation per second of clip, by stage."""
    utterances = (Utterance("bench", 0, n, "AB"[n % 2], TEXT, clip=clip) for n, clip in enumerate(clips))
    dialogue = Dialogue("bench", 0, tuple(utterances))
    encoders = {name: make_encoder(preset, name) for name in ("text", "audio", "face")}
    face = encoders["face"]
    assert isinstance(face, Face)
    times = measure_images(face, clips)
    outputs: dict[str, list[Encoding]] = {name: [] for name in encoders}
    for name, encoder in encoders.items():
        rows = [read_or_none(partial(encoder.prepare, dialogue, index)) for index in range(len(clips))]
        examples = [Example(("bench", "0", str(n)), row) for n, row in enumerate(rows) if row is not None]
        encoder(encoder.collate(examples[:1]))  # warm up
        start = time.perf_counter()
        outputs[name] = [encoder(encoder.collate([example])) for example in examples]
        times[f"{name} network"] = time.perf_counter() - start
    features = {name: [out.sequence[0][out.mask[0]] for out in found] for name, found in outputs.items()}
    times["fusion"] = measure_fusion(preset, {name: encoder.width for name, encoder in encoders.items()}, features)
    return {name: round(value / seconds, 4) for name, value in times.items()}


def measure_images(face: Face, clips: Sequence[Clip]) -> dict[str, float]:
    """Seconds for decoding (frames and sound), for detection and, where the backbone is frozen, for the face vectors."""
    num_frames, max_side = face.config.num_frames, face.config.max_frame_side
    read = partial(read_frames, max_side=max_side)
    read_or_none(lambda: read_frames(clips[0], 2))  # warm up
    start = time.perf_counter()
    frames = [read_or_none(partial(read, clip, num_frames)) for clip in clips]
    times = {"decode": time.perf_counter() - start}
    times["decode"] += measure_time(lambda: [read_or_none(partial(read_waveform, clip)) for clip in clips])
    images = [torch.from_numpy(found.images) for found in frames if found is not None]

    def detect(batch: torch.Tensor) -> Any:
        return select_largest_faces(face.detector, batch, skip_small_faces=face.config.skip_small_faces)

    detect(images[0])
    times["detect"] = measure_time(lambda: [detect(batch) for batch in images])
    if face.is_frozen:
        face.backbone(torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE))
        faces = [read_or_none(partial(face.find_faces, Utterance("bench", 0, 0, clip=clip))) for clip in clips]
        crops = [torch.from_numpy(found[0]) for found in faces if found is not None]
        times["embed faces"] = measure_time(lambda: [face.backbone(normalize_pixels(batch)) for batch in crops])
    return times


def measure_fusion(preset: str, widths: dict[str, int], features: dict[str, list[torch.Tensor]]) -> float:
    settings = FusionConfig.model_validate(read_settings(preset, None)["fusion"])
    fusion = CrossmodalEmbraceNet(settings, widths, NUM_CLASSES).eval()
    batches = []
    for index in range(max(map(len, features.values()))):
        sequences = {
            name: rows[index][None] if index < len(rows) else torch.zeros(1, 1, widths[name])
            for name, rows in features.items()
        }
        masks = {name: torch.full(value.shape[:2], index < len(features[name])) for name, value in sequences.items()}
        batches.append((sequences, masks))
    fusion(*batches[0])
    return measure_time(lambda: [fusion(*batch) for batch in batches])


@torch.inference_mode()
def measure_plain_detection(clips: Sequence[Clip], seconds: float) -> float:
    """The reference: each of 50 frames alone, at full size, with faces from 20 pixels."""
    detector = MTCNN.pretrained(min_face_size=20)
    total = 0.0
    for clip in clips:
        frames = read_or_none(partial(read_frames, clip, 50))
        if frames is None:
            continue
        images = [torch.from_numpy(image[None]) for image in frames.images]
        detector(images[0])
        start = time.perf_counter()
        for image in images:
            detector(image)
        total += time.perf_counter() - start
    return round(total / seconds, 4)


def measure_duration(clip: Clip) -> float:
    """Seconds of video; 0 where there is none."""
    frames = read_or_none(partial(read_frames, clip, 1000))
    return 0.0 if frames is None else float(frames.times[-1] - frames.times[0]) + 1 / 24


def find_clips(path: Path, seconds: float) -> list[Clip]:
    """The first clips of a MELD corpus, a folder or a file, until they last `seconds`."""
    if path.is_dir() and any(path.glob("*_sent_emo.csv")):
        clips = [utterance.clip for utterance in open_corpus(f"meld:{path}").utterances("test") if utterance.clip]
    else:
        clips = [Clip(file) for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    chosen, total = [], 0.0
    for clip in clips:
        if total >= seconds:
            break
        duration = measure_duration(clip)
        if duration:
            chosen.append(clip)
            total += duration
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--clips", nargs="+", type=Path, default=[Path("demo-run/corpus"), Path("../shared/data/clips")]
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="about how many seconds of each set are used")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = {
        "unit": "seconds of computation per second of clip",
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "paper, run plainly on two cores": PAPER_PLAIN,
        "sets": {},
    }
    for path in options.clips:
        clips = find_clips(path, options.seconds)
        if not clips:
            print(f"no clips at {path}: it is left out", flush=True)
            continue
        seconds = sum(map(measure_duration, clips))
        row: dict[str, Any] = {"clips": len(clips), "seconds": round(seconds, 1)}
        try:
            for preset in ("compact", "paper"):
                stages = measure_stages(preset, clips, seconds)
                row[preset] = stages | {"total": round(sum(stages.values()), 4)}
            row["plain MTCNN"] = measure_plain_detection(clips, seconds)
            row["plain MTCNN / compact detection"] = round(row["plain MTCNN"] / row["compact"]["detect"], 1)
        except WeightsError as error:
            raise SystemExit(f"error: {error}") from error
        result["sets"][str(path)] = row
    show(result, options.out)


if __name__ == "__main__":
    main()
