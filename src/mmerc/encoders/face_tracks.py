"""Faces over time: found on some frames, followed in between, linked to one track a person.

Finding is the dear part, and nearly all of it is the first network's look at every place in every size. On the frames between
two finds the face of the frame before is where the last network looks; it corrects the box and says whether a face is still
there. Only a frame in which one was lost is searched again. Key frames and, step by step, the frames behind all of them go
through the networks together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.mtcnn import FaceDetector, Faces

EVERY = 8  # frames from one search to the next, and so until somebody who comes in is seen at the latest
CUT = 28.0  # mean change of a thumbnail's grey values from one frame to the next that only another shot makes
THUMBNAIL = 16
SURE = 0.95  # a face of this score that is lost is searched for; a weaker one comes and goes
SAME = 0.3  # overlap (intersection over union) above which two boxes are one person's
FORGOTTEN = 12  # frames after which a face that was not seen ends its track


@dataclass(frozen=True)
class Track:
    """One person: the frames in which the face was seen, its boxes there, scores and landmarks."""

    frames: list[int]
    boxes: Float[Tensor, "N 4"]
    scores: Float[Tensor, " N"]
    landmarks: Float[Tensor, "N 5 2"]

    def __len__(self) -> int:
        return len(self.frames)


def cuts(images: UInt8[Tensor, "F H W 3"]) -> list[int]:
    """The frames with which another shot begins, the first frame among them."""
    small = torch.cat(
        [
            F.interpolate(part.permute(0, 3, 1, 2).float(), (THUMBNAIL, THUMBNAIL), mode="area").mean(1)
            for part in images.split(32)
        ]
    )  # [F, S, S]
    change = (small[1:] - small[:-1]).abs().mean((1, 2))
    return [0, *((change > CUT).nonzero()[:, 0] + 1).tolist()]


@torch.inference_mode()
def faces_over_time(
    detector: FaceDetector, images: UInt8[Tensor, "F H W 3"], shots: Sequence[int], *, every: int = EVERY
) -> list[Faces]:
    """The faces of each frame of one stretch of video, in order; `shots` are the frames that `cuts` gives."""
    keys: list[int] = []
    for start, end in zip(shots, [*shots[1:], len(images)], strict=True):
        keys += range(start, end, every)
    found: list[Faces | None] = [None] * len(images)
    for key, faces in zip(keys, detector(images[keys]), strict=True):
        found[key] = faces
    ends = dict(zip(keys, [*keys[1:], len(images)], strict=True))
    for step in range(1, every):
        now = [key + step for key in keys if key + step < ends[key]]
        before = [faces for frame in now if (faces := found[frame - 1]) is not None]
        followed = detector.follow(images[now], before)
        lost = [
            frame
            for frame, old, new in zip(now, before, followed, strict=True)
            if len(new) < int((old.scores > SURE).sum())
        ]
        found_now = dict(zip(now, followed, strict=True))
        if lost:
            found_now |= zip(lost, detector(images[lost]), strict=True)
        for frame, faces in found_now.items():
            found[frame] = faces
    return [faces for faces in found if faces is not None]


def linked(found: list[Faces], shots: Sequence[int] = ()) -> list[Track]:
    """One track a person, in the order in which they appear: each face goes to the last box that it overlaps most.

    No track goes on where one of the `shots` begins: whoever stands in the same place there may be somebody else.
    """
    open_tracks: list[list[tuple[int, int]]] = []  # (frame, place among its faces)
    done: list[list[tuple[int, int]]] = []
    for frame, faces in enumerate(found):
        oldest = frame if frame in shots else frame - FORGOTTEN
        done += [track for track in open_tracks if track[-1][0] < oldest]
        open_tracks = [track for track in open_tracks if track[-1][0] >= oldest]
        last = [found[track[-1][0]].boxes[track[-1][1]] for track in open_tracks]
        shared = overlaps(faces.boxes, torch.stack(last)) if last and len(faces) else torch.zeros(len(faces), 0)
        taken: set[int] = set()
        begun: list[list[tuple[int, int]]] = []
        for place in shared.max(1).values.argsort(descending=True).tolist() if shared.numel() else range(len(faces)):
            best = max(
                (n for n in range(len(last)) if n not in taken), key=lambda n: float(shared[place, n]), default=None
            )
            if best is not None and shared[place, best] > SAME:
                taken.add(best)
                open_tracks[best].append((frame, place))
            else:
                begun.append([(frame, place)])
        open_tracks += begun
    tracks = sorted(done + open_tracks, key=lambda track: track[0])
    return [
        Track(
            [frame for frame, _ in track],
            torch.stack([found[frame].boxes[place] for frame, place in track]),
            torch.stack([found[frame].scores[place] for frame, place in track]),
            torch.stack([found[frame].landmarks[place] for frame, place in track]),
        )
        for track in tracks
    ]


def overlaps(boxes: Float[Tensor, "N 4"], others: Float[Tensor, "M 4"]) -> Float[Tensor, "N M"]:
    """Intersection over union of every pair.

    >>> overlaps(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).tolist()
    [[1.0, 0.3333333432674408, 0.0]]
    """
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)  # [N, M]
    areas = [(each[:, 2:] - each[:, :2]).prod(-1) for each in (boxes, others)]
    return shared / (areas[0][:, None] + areas[1][None] - shared).clamp(min=1e-6)
