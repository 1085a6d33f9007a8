"""Speed and accuracy of face detection, compared with a reference MTCNN in the same run, as JSON.

    python benchmarks/face.py [--clip ../shared/data/clips/facenet_video.mp4] [--frames 100] [--side 1280] [--out FILE]

`reference`: `reference/plain_mtcnn.py`, one frame at a time in float32. `all frames`: mmerc's full search of every frame.
`over time`: a full search of every fourth frame, and a search near the candidates in the frames between. Recall and overlap
are those of the reference's boxes, precision is that of mmerc's. The lower bound of a full search is the first network: 1.2
billion multiplications for a 720p frame and faces from 20 pixels.
`face sequence`: from a video of 20 s in 1080p to crops, decoding included, in seconds for each second of video.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from reference.plain_mtcnn import detect_faces
from result import show

from mmerc.config import read_settings
from mmerc.corpora import Clip, Utterance
from mmerc.encoders import check_encoder_config
from mmerc.encoders.face.boxes import compute_iou
from mmerc.encoders.face.detector import Faces
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.encoders.face.tracks import detect_over_time, find_shots
from mmerc.hardware import keep_memory
from mmerc.media import read_frames

SECONDS, FPS = 20, 25


def measure_time(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def compare_boxes(found: list[Faces], expected: list[Faces]) -> tuple[float, float]:
    """The share of the expected boxes that a found box overlaps by more than half, and the mean overlap of these."""
    best = [
        compute_iou(wanted.boxes, own.boxes).max(1).values if len(own) else torch.zeros(len(wanted))
        for own, wanted in zip(found, expected, strict=True)
        if len(wanted)
    ]
    iou = torch.cat(best) if best else torch.ones(1)
    return float((iou > 0.5).float().mean()), float(iou[iou > 0.5].mean())


def measure_detection(clip: Path, count: int, side: int) -> dict[str, float]:
    images = torch.from_numpy(read_frames(Clip(clip), count, max_side=side).images)
    detector = MTCNN.pretrained()
    detector(images[:2]), detect_faces(detector, images[:2])  # warm up
    reference_time, expected = measure_time(lambda: detect_faces(detector, images))
    result: dict[str, float] = {
        "frames": len(images),
        "height": images.shape[1],
        "faces": sum(map(len, expected)),
        "frames/s, reference": round(len(images) / reference_time, 2),
    }
    for name, work in (
        ("all frames", lambda: detector(images)),
        ("over time", lambda: detect_over_time(detector, images, find_shots(images))),
    ):
        seconds, found = measure_time(work)
        recall, overlap = compare_boxes(found, expected)
        result |= {
            f"frames/s, {name}": round(len(images) / seconds, 2),
            f"times the reference, {name}": round(reference_time / seconds, 2),
            f"recall, {name}": round(recall, 3),
            f"overlap, {name}": round(overlap, 3),
            f"precision, {name}": round(compare_boxes(expected, found)[0], 3),
        }
    return result


def write_long_video(clip: Path, file: Path) -> None:
    """Twenty seconds of 1080p from the clip's frames, forward and backward, so that the video has no cut."""
    frames = read_frames(Clip(clip), 200, max_side=1920).images
    period = 2 * len(frames) - 1
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, width=1920, height=1080, pix_fmt="yuv420p")
        for number in range(SECONDS * FPS):
            index = number % period
            image = frames[index if index < len(frames) else period - 1 - index]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            container.mux(stream.encode(frame.reformat(1920, 1080)))
        container.mux(stream.encode())


def measure_sequence(clip: Path) -> dict[str, float]:
    """From a video to crops, with and without tracking."""
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "long.mp4"
        write_long_video(clip, file)
        section = read_settings("compact", None)["modalities"]["face"]
        for track in ("largest", "longest"):
            encoder = Face(check_encoder_config("face", section | {"track": track}), 7)
            seconds, _ = measure_time(partial(encoder.find_faces, Utterance("bench", 0, 0, clip=Clip(file))))
            result[f"face sequence, {track}"] = round(seconds / SECONDS, 3)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=Path("../shared/data/clips/facenet_video.mp4"))
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--side", type=int, default=1280, help="pixels of a frame's longer side")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    keep_memory()  # as `mmerc predict` does
    result: dict[str, Any] = {"threads": torch.get_num_threads()}
    result |= measure_detection(options.clip, options.frames, options.side) | measure_sequence(options.clip)
    show(result, options.out)


if __name__ == "__main__":
    main()
