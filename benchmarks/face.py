"""Finding faces, beside MTCNN computed plainly in the same run, as JSON.

    python benchmarks/face.py [--clip ../shared/data/clips/facenet_video.mp4] [--frames 100] [--side 1280] [--out FILE]

`plainly`: every frame by itself, float32, its pyramid and crops by torch's area interpolation, boxes compared one after the
other (`tests/encoders/plain_mtcnn.py`). `all frames`: the same search of every frame as mmerc computes it. `over time`: that of
every fourth frame, in between only near what the frame before had. Recall and overlap are of the plain boxes, precision of
ours; the floor of a search is the
first network's 1.2 billion multiplications on a 720p frame with faces from 20 pixels on.
`face sequence`: the whole way of a clip of 20 s to crops, decoding included, seconds a second.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from result import show

from mmerc import config
from mmerc.corpora import Clip, Utterance
from mmerc.encoders import check_config
from mmerc.encoders.face.boxes import overlaps
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.face.mtcnn import FaceDetector, Faces
from mmerc.encoders.face.tracks import cuts, faces_over_time
from mmerc.hardware import keep_memory
from mmerc.media import read_frames

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.encoders.face.plain_mtcnn import PlainDetector

SECONDS = 20


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def agreement(found: list[Faces], plain: list[Faces]) -> tuple[float, float]:
    """The share of the `plain` boxes that one of `found` covers by more than half, and the mean overlap of those."""
    best = [
        overlaps(theirs.boxes, ours.boxes).max(1).values if len(ours) else torch.zeros(len(theirs))
        for ours, theirs in zip(found, plain, strict=True)
        if len(theirs)
    ]
    shared = torch.cat(best) if best else torch.ones(1)
    return float((shared > 0.5).float().mean()), float(shared[shared > 0.5].mean())


def detection(clip: Path, count: int, side: int) -> dict[str, float]:
    images = torch.from_numpy(read_frames(Clip(clip), count, max_side=side).images)
    fast, plainly = FaceDetector.pretrained(), PlainDetector.pretrained()
    fast(images[:2]), plainly(images[:2])
    slow, expected = timed(lambda: plainly(images))
    result: dict[str, float] = {
        "frames": len(images),
        "height": images.shape[1],
        "faces": sum(map(len, expected)),
        "frames/s, plainly": round(len(images) / slow, 2),
    }
    for name, work in (
        ("all frames", lambda: fast(images)),
        ("over time", lambda: faces_over_time(fast, images, cuts(images))),
    ):
        took, found = timed(work)
        recall, overlap = agreement(found, expected)
        result |= {
            f"frames/s, {name}": round(len(images) / took, 2),
            f"times plainly, {name}": round(slow / took, 2),
            f"recall, {name}": round(recall, 3),
            f"overlap, {name}": round(overlap, 3),
            f"precision, {name}": round(agreement(expected, found)[0], 3),
        }
    return result


def sequence(clip: Path) -> dict[str, float]:
    """Twenty seconds of 1080p, made of the clip's own frames, to crops under each way of choosing the face."""
    frames = read_frames(Clip(clip), 200, max_side=1920).images
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "long.mp4"
        with av.open(str(file), "w") as container:
            stream = container.add_stream("libx264", rate=25, width=1920, height=1080, pix_fmt="yuv420p")
            for number in range(SECONDS * 25):
                place = number % (2 * len(frames) - 1)  # to its end and back, so that there is no cut
                picture = frames[place if place < len(frames) else 2 * len(frames) - 1 - place]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                container.mux(stream.encode(frame.reformat(1920, 1080)))
            container.mux(stream.encode())
        section = config.load("compact", None, [])["face"]
        for track in ("largest", "longest"):
            encoder = Face(check_config("face", section | {"track": track}), 7)
            took, _ = timed(lambda encoder=encoder: encoder.found(Utterance("bench", 0, 0, clip=Clip(file))))
            result[f"face sequence, {track}"] = round(took / SECONDS, 3)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=Path("../shared/data/clips/facenet_video.mp4"))
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--side", type=int, default=1280)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    keep_memory()  # both forms, as `mmerc predict` does
    result: dict[str, Any] = {"threads": torch.get_num_threads()}
    result |= detection(chosen.clip, chosen.frames, chosen.side) | sequence(chosen.clip)
    show(result, chosen.out)


if __name__ == "__main__":
    main()
