"""Faces over time: detection in the frames of a video, and one track for each person.

Detection dominates the cost, and most of it is the first network's search over all positions and sizes. So only every fourth
frame and the first frame of each shot are searched in full. A frame between them is searched near the candidates of the frame
before it, at sizes like theirs. The boxes are almost those of a full search.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.face.boxes import compute_iou
from mmerc.encoders.face.detector import FaceDetector, Faces

SEARCH_INTERVAL = 4  # frames between two full searches: a new face is found after three frames at the latest
SHOT_CHANGE = 28.0  # a mean change of the thumbnail's grey values (0-255) above this is a new shot
THUMBNAIL_SIZE = 16
MIN_IOU = 0.3  # two boxes in successive frames belong to one person if their overlap is above this
MAX_GAP = 12  # frames without the face after which its track ends


@dataclass(frozen=True)
class Track:
    """The face of one person: the frames that show it, and its boxes, scores and landmarks in these frames."""

    frames: list[int]
    boxes: Float[Tensor, "N 4"]
    scores: Float[Tensor, " N"]
    landmarks: Float[Tensor, "N 5 2"]

    def __len__(self) -> int:
        return len(self.frames)


def find_shots(images: UInt8[Tensor, "F H W 3"]) -> list[int]:
    """The index of the first frame of each shot; the first one is 0."""
    thumbnails = make_thumbnails(images)
    change = (thumbnails[1:] - thumbnails[:-1]).abs().mean((1, 2))
    return [0, *((change > SHOT_CHANGE).nonzero()[:, 0] + 1).tolist()]


def make_thumbnails(images: UInt8[Tensor, "F H W 3"]) -> Float[Tensor, "F S S"]:
    """Grey thumbnails by area means, as `interpolate(mode="area")` makes them.

    The rows of bytes are summed first: to convert every pixel to a float takes ten times as long.
    """
    height = images.shape[1]
    dtype = np.uint16 if 255 * (height // THUMBNAIL_SIZE + 2) < 2**16 else np.uint32
    rows = []
    for index in range(THUMBNAIL_SIZE):
        first, end = index * height // THUMBNAIL_SIZE, -(-(index + 1) * height // THUMBNAIL_SIZE)
        rows.append(
            images[:, first:end].numpy().sum(1, dtype=dtype).mean(2, dtype=np.float32) / (end - first)
        )  # [F, W]
    return F.interpolate(torch.from_numpy(np.stack(rows, 1))[:, None], (THUMBNAIL_SIZE, THUMBNAIL_SIZE), mode="area")[
        :, 0
    ]


@torch.inference_mode()
def detect_over_time(
    detector: FaceDetector,
    images: UInt8[Tensor, "F H W 3"],
    shots: Sequence[int],
    *,
    search_interval: int = SEARCH_INTERVAL,
) -> list[Faces]:
    """The faces of each frame; `shots` is what `find_shots` returns.

    The fully searched frames go through the networks together, then all frames that follow one of them, and so on.
    """
    searched: list[int] = []
    for start, end in zip(shots, [*shots[1:], len(images)], strict=True):
        searched += range(start, end, search_interval)
    found: list[Faces | None] = [None] * len(images)
    for frame, faces in zip(searched, detector(images[searched]), strict=True):
        found[frame] = faces
    ends = dict(zip(searched, [*searched[1:], len(images)], strict=True))
    for step in range(1, search_interval):
        frames = [start + step for start in searched if start + step < ends[start]]
        candidates = [before.candidates for frame in frames if (before := found[frame - 1]) is not None]
        for frame, faces in zip(frames, detector.detect_near(images[frames], candidates), strict=True):
            found[frame] = faces
    return [faces for faces in found if faces is not None]


def link_tracks(found: list[Faces], shots: Sequence[int] = (), *, max_gap: int = MAX_GAP) -> list[Track]:
    """Link the faces of all frames to tracks, in the order of their first frames.

    Each face joins the track whose last box it overlaps most, if that overlap is above MIN_IOU. All tracks end where a new
    shot begins, because the same position may then show another person, and where a face is missing in `max_gap` frames.
    """
    open_tracks: list[list[tuple[int, int]]] = []  # (frame, index among the frame's faces)
    ended: list[list[tuple[int, int]]] = []
    for frame, faces in enumerate(found):
        oldest = frame if frame in shots else frame - max_gap
        ended += [track for track in open_tracks if track[-1][0] < oldest]
        open_tracks = [track for track in open_tracks if track[-1][0] >= oldest]
        last = [found[track[-1][0]].boxes[track[-1][1]] for track in open_tracks]
        iou = compute_iou(faces.boxes, torch.stack(last)) if last and len(faces) else torch.zeros(len(faces), 0)
        taken: set[int] = set()
        new: list[list[tuple[int, int]]] = []
        for index in iou.max(1).values.argsort(descending=True).tolist() if iou.numel() else range(len(faces)):
            best = max(
                (n for n in range(len(last)) if n not in taken), key=lambda n: float(iou[index, n]), default=None
            )
            if best is not None and iou[index, best] > MIN_IOU:
                taken.add(best)
                open_tracks[best].append((frame, index))
            else:
                new.append([(frame, index)])
        open_tracks += new
    tracks = sorted(ended + open_tracks, key=lambda track: track[0])
    return [
        Track(
            [frame for frame, _ in track],
            torch.stack([found[frame].boxes[index] for frame, index in track]),
            torch.stack([found[frame].scores[index] for frame, index in track]),
            torch.stack([found[frame].landmarks[index] for frame, index in track]),
        )
        for track in tracks
    ]
