"""Faces over time: found on some frames, followed in between, linked to one track a person.

Finding is the dear part, and nearly all of it is the first network's look at every place in every size. Between two such
searches it looks only about the places that came as far as the last network in the frame before, faces and doubtful ones, at
sizes like theirs: what is there gets the box that the whole search would give it, or nearly. Key frames and, step by step, the frames
behind all of them go through the networks together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.face.boxes import overlaps
from mmerc.encoders.face.mtcnn import FaceDetector, Faces

EVERY = 4  # frames from one search to the next, and so until somebody who comes in is seen at the latest
CUT = 28.0  # mean change of a thumbnail's grey values from one frame to the next that only another shot makes
THUMBNAIL = 16
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
        before = [faces.likely for frame in now if (faces := found[frame - 1]) is not None]
        for frame, faces in zip(now, detector.near(images[now], before), strict=True):
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
