"""YuNet against mmerc's MTCNN on the same frames in the same run, as JSON.

    python benchmarks/face_detection.py [--clips FILE ...] [--frames 1000] [--min-face-size 20] [--onnx FILE] [--draw FILE.png]
                                        [--threads 2] [--out FILE]

All frames of the clips (the last ones that do not fill a turn are left out), scaled to a longer side of 1280 pixels, are searched
completely by both detectors. They take turns, eight frames at a time, so that other programs slow both down. `CPU` is the processor time of all threads, which other programs change less.

A confident box is one of MTCNN with a score of at least 0.95; YuNet finds it if a box overlaps it by at least half. `precision` is the share
of YuNet's boxes that overlap any of MTCNN's. `size` and `shift` compare the boxes of a pair: the quotient of their widths and heights, and the
distance of their centres divided by MTCNN's width and height, as medians. `landmarks` is the mean distance of the five points, in heights.

The floor is the floating-point operations of the networks that see every pixel: YuNet, and the first network of MTCNN on all levels.
`--onnx`: the network alone in torch and in onnxruntime, from OpenCV's file.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from result import show
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.corpora import Clip
from mmerc.encoders.face.boxes import compute_iou
from mmerc.encoders.face.detector import Faces
from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.encoders.face.proposals import iterate_levels
from mmerc.encoders.face.yunet import SMALLEST_FACE, YuNet, resize_pixels
from mmerc.hardware import keep_memory
from mmerc.media import read_frames

CLIPS = [Path("../shared/data/clips/facenet_video.mp4"), Path("../shared/data/clips/pyfeat_face_noface.mov")]
LONGER_SIDE = 1280
FRAMES_AT_ONCE = 8
CONFIDENT, MIN_IOU = 0.95, 0.5
THRESHOLDS = 0.3, 0.4, 0.5, 0.6, 0.7, 0.9


def read_scaled(clip: Path, count: int) -> Tensor:
    """The frames [F, H, W, 3] of a clip, as bytes, with a longer side of 1280 pixels."""
    images = torch.from_numpy(read_frames(Clip(clip), count, max_side=LONGER_SIDE).images)
    scale = LONGER_SIDE / max(images.shape[1:3])
    if scale == 1:
        return images
    size = [round(side * scale) for side in images.shape[1:3]]
    return F.interpolate(images.permute(0, 3, 1, 2), size, mode="bilinear", antialias=True).permute(0, 2, 3, 1)


class Timer:
    """Keeps the wall time and the processor time of several calls."""

    def __init__(self) -> None:
        self.walls: list[float] = []
        self.processors: list[float] = []

    def run(self, work: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        self.walls.append(time.perf_counter() - wall)
        self.processors.append(time.process_time() - processor)
        return result


def count_operations(network: nn.Module, height: int, width: int) -> int:
    """Floating-point operations of the convolutions for one image: two for each multiplication."""
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d)
        total += 2 * layer.weight[0].numel() * output.numel()

    handles = [each.register_forward_hook(count) for each in network.modules() if isinstance(each, nn.Conv2d)]
    network(torch.zeros(1, 3, height, width))
    for handle in handles:
        handle.remove()
    return total


def count_floors(mtcnn: MTCNN, yunet: YuNet, height: int, width: int) -> dict[str, float]:
    levels = iterate_levels(height, width, min_face_size=mtcnn.min_face_size, factor=mtcnn.factor)
    first = sum(count_operations(mtcnn.pnet, rows, columns) for _, rows, columns in levels)
    scale = SMALLEST_FACE / yunet.min_face_size
    padded = resize_pixels(torch.zeros(1, 1, 1, 3, dtype=torch.uint8), (round(height * scale), round(width * scale)))
    return {
        "GFLOP, MTCNN's first network": round(first / 1e9, 2),
        "GFLOP, YuNet": round(count_operations(yunet.network, *padded.shape[2:]) / 1e9, 2),
    }


def compare_faces(found: Sequence[Faces], expected: Sequence[Faces]) -> dict[str, Any]:
    """Recall and precision, and how the boxes of a pair differ."""
    hits, precise, boxes, landmarks = [], [], [], []
    for own, wanted in zip(found, expected, strict=True):
        iou = compute_iou(wanted.boxes, own.boxes)
        if len(own):
            precise.append(iou.max(0).values >= MIN_IOU if len(wanted) else torch.zeros(len(own), dtype=torch.bool))
        for index in (wanted.scores >= CONFIDENT).nonzero()[:, 0].tolist():
            best = int(iou[index].argmax()) if len(own) else -1
            hits.append(best >= 0 and float(iou[index, best]) >= MIN_IOU)
            if hits[-1]:
                ours, theirs = own.boxes[best], wanted.boxes[index]
                size = theirs[2:] - theirs[:2]
                shift = ((ours[:2] + ours[2:]) - (theirs[:2] + theirs[2:])) / 2 / size
                boxes.append(torch.cat([(ours[2:] - ours[:2]) / size, shift]))
                landmarks.append((own.landmarks[best] - wanted.landmarks[index]).norm(dim=1).mean() / size[1])
    width, height, right, down = torch.stack(boxes).median(0).values.tolist() if boxes else [0.0] * 4
    return {
        "confident boxes": len(hits),
        "recall": round(sum(hits) / max(1, len(hits)), 4),
        "precision": round(float(torch.cat(precise).float().mean()), 4) if precise else 0.0,
        "size": [round(width, 3), round(height, 3)],
        "shift": [round(right, 3), round(down, 3)],
        "landmarks": round(float(torch.stack(landmarks).mean()), 3) if landmarks else 0.0,
    }


def keep_confident(faces: Faces, threshold: float) -> Faces:
    kept = faces.scores > threshold
    return Faces(faces.boxes[kept], faces.scores[kept], faces.landmarks[kept], faces.candidates[kept])


def draw(image: Tensor, faces: dict[str, Faces], file: Path) -> None:
    """The boxes of both detectors on a frame: MTCNN's in green, YuNet's in red with its landmarks in yellow."""
    picture = Image.fromarray(image.numpy())
    pen = ImageDraw.Draw(picture)
    for (name, found), colour in zip(faces.items(), ("lime", "red"), strict=True):
        for box, score, points in zip(
            found.boxes.tolist(), found.scores.tolist(), found.landmarks.tolist(), strict=True
        ):
            pen.rectangle(box, outline=colour)
            pen.text((box[0], box[1] - 11 if name == "mtcnn" else box[3]), f"{score:.2f}", fill=colour)
            for x, y in points if name == "yunet" else []:
                pen.ellipse([x - 1, y - 1, x + 1, y + 1], fill="yellow")
    picture.save(file)


def measure_onnx(yunet: YuNet, file: Path, pixels: Tensor, repeats: int = 20) -> dict[str, Any]:
    """Milliseconds of the network alone for one frame, the smallest of some turns, and the largest difference of its values."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    array = pixels.numpy()
    work = {"torch": lambda: yunet.network(pixels), "onnxruntime": lambda: session.run(None, {"input": array})}
    best: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, call in work.items():
            timer = Timer()
            timer.run(call)
            best[name] += timer.walls
    loc, _, iou = work["onnxruntime"]()
    values = yunet.network(pixels)[0].numpy()
    difference = max(np.abs(values[:, :14] - loc.reshape(-1, 14)).max(), np.abs(values[:, 16] - iou.reshape(-1)).max())
    return {
        **{f"ms, {name}": round(1000 * min(times), 2) for name, times in best.items()},
        "difference": float(difference),
        "pixels": list(pixels.shape[2:]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, nargs="+", default=CLIPS)
    parser.add_argument("--frames", type=int, default=1000, help="largest number of frames of each clip")
    parser.add_argument("--min-face-size", type=int, default=20)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--onnx", type=Path, help="face_detection_yunet_2021sep.onnx")
    parser.add_argument("--draw", type=Path, help="write the frame with most faces as PNG")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_memory()  # as `mmerc predict` does
    mtcnn = MTCNN.pretrained(min_face_size=options.min_face_size)
    yunet = YuNet.pretrained(min_face_size=options.min_face_size)
    low = YuNet.pretrained(min_face_size=options.min_face_size)
    low.threshold = min(THRESHOLDS)
    timers = {"mtcnn": Timer(), "yunet": Timer()}
    found: dict[str, list[Faces]] = {"mtcnn": [], "yunet": [], "low": []}
    best: tuple[Tensor, dict[str, Faces]] | None = None
    images = torch.zeros(0)
    for clip in options.clips:
        images = read_scaled(clip, options.frames)
        mtcnn(images[:2]), yunet(images[:2])  # warm up
        for part in torch.split(images[: len(images) // FRAMES_AT_ONCE * FRAMES_AT_ONCE], FRAMES_AT_ONCE):
            for name, detector in (("mtcnn", mtcnn), ("yunet", yunet)):
                found[name] += timers[name].run(partial(detector, part))
            found["low"] += low(part)
            last = {name: found[name][-1] for name in timers}
            if best is None or len(last["mtcnn"]) > len(best[1]["mtcnn"]):
                best = part[-1], last
    count = len(found["mtcnn"])
    result: dict[str, Any] = {"threads": torch.get_num_threads(), "frames": count}
    for name, timer in timers.items():
        result[f"frames/s, {name}"] = round(count / sum(timer.walls), 2)
        result[f"frames/s, {name}, best turn"] = round(FRAMES_AT_ONCE / min(timer.walls), 2)
        result[f"CPU ms per frame, {name}"] = round(1000 * sum(timer.processors) / count, 1)
    slow, fast = timers["mtcnn"], timers["yunet"]
    result["times as fast"] = round(sum(slow.walls) / sum(fast.walls), 2)
    result["times as fast, median of turns"] = round(float(np.median(np.divide(slow.walls, fast.walls))), 2)
    result["times as fast, best turns"] = round(min(slow.walls) / min(fast.walls), 2)
    result["times as fast, CPU"] = round(sum(slow.processors) / sum(fast.processors), 2)
    result |= compare_faces(found["yunet"], found["mtcnn"])
    for threshold in THRESHOLDS:
        each = compare_faces([keep_confident(faces, threshold) for faces in found["low"]], found["mtcnn"])
        result[f"recall and precision, threshold {threshold}"] = [each["recall"], each["precision"]]
    with torch.inference_mode():
        result |= count_floors(mtcnn, yunet, *images.shape[1:3])
        if options.onnx:
            size = [round(side * SMALLEST_FACE / yunet.min_face_size) for side in images.shape[1:3]]
            result["network alone"] = measure_onnx(yunet, options.onnx, resize_pixels(images[:1], (size[0], size[1])))
    if options.draw and best:
        draw(*best, options.draw)
    show(result, options.out)


if __name__ == "__main__":
    main()
