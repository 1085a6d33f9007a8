"""Which face of a clip is read: the largest one of each frame, or one person's track through the clip."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.face.active_speaker import score_speakers
from mmerc.encoders.face.detector import FaceDetector
from mmerc.encoders.face.tracks import Track, detect_over_time, find_shots, link_tracks
from mmerc.media import Frames, space_evenly

FaceBox = tuple[int, Float[Tensor, " 4"]]  # index of the frame, box in pixels
TrackChoice = Literal["largest", "longest", "speaking"]


def select_largest_faces(
    detector: FaceDetector, images: UInt8[Tensor, "F H W 3"], *, skip_small_faces: bool = False
) -> list[FaceBox]:
    """The largest face of each frame that shows one. `skip_small_faces`: see `FaceDetector.detect_large_first`."""
    found = []
    detect = detector.detect_large_first if skip_small_faces else detector
    for index, faces in enumerate(detect(images)):
        if len(faces):
            areas = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1)
            found.append((index, faces.boxes[int(areas.argmax())]))
    return found


def find_tracks(detector: FaceDetector, images: UInt8[Tensor, "F H W 3"]) -> list[Track]:
    """The tracks of all people in the frames of a video."""
    shots = find_shots(images)
    return link_tracks(detect_over_time(detector, images, shots), shots)


def score_tracks(
    tracks: Sequence[Track], frames: Frames, waveform: Float[np.ndarray, " S"] | None, *, start: float = 0.0
) -> list[float]:
    """How likely each track is the speaker's or, without a waveform, the number of frames that show it.

    `start`: time of the waveform's first sample, in seconds from the start of the recording.
    """
    if waveform is None:
        return [float(len(track)) for track in tracks]
    return score_speakers(tracks, torch.from_numpy(frames.images), frames.times, waveform, start=start)


def select_track(
    tracks: Sequence[Track], scores: Sequence[float], num_frames: int
) -> tuple[list[FaceBox], list[float]]:
    """At most `num_frames` faces, evenly spaced, of the track with the highest score, and all scores, highest first.

    Tracks with the same score are ordered by their length.
    """
    order = sorted(range(len(tracks)), key=lambda index: (scores[index], len(tracks[index])), reverse=True)
    track = tracks[order[0]]
    chosen = space_evenly(len(track), num_frames)
    return [(track.frames[index], track.boxes[index]) for index in chosen], [scores[index] for index in order]


def crop_face(
    image: UInt8[np.ndarray, "H W 3"], box: Float[Tensor, " 4"], size: int, *, is_square: bool = False
) -> UInt8[np.ndarray, "S S 3"]:
    """Crop the box, as far as it is inside of the image, and resize it to a square of `size` pixels.

    With `is_square`, crop a square around the box's centre with the side of its longer side, so that the face keeps its shape.
    Beyond the image its edge is repeated, so that the face keeps its place.
    """
    height, width = image.shape[:2]
    if is_square:
        left, top, right, bottom = box.tolist()
        half = max(right - left, bottom - top, 2) / 2
        columns, rows = (
            np.arange(round(centre - half), round(centre + half)).clip(0, limit - 1)
            for centre, limit in (((left + right) / 2, width), ((top + bottom) / 2, height))
        )
        return resize_face(image[rows[:, None], columns], size)
    left, top = min(max(int(box[0]), 0), width - 1), min(max(int(box[1]), 0), height - 1)
    right, bottom = max(min(int(box[2]), width), left + 1), max(min(int(box[3]), height), top + 1)
    return resize_face(image[top:bottom, left:right], size)


def resize_face(image: UInt8[np.ndarray, "H W 3"], size: int) -> UInt8[np.ndarray, "S S 3"]:
    """Resize an image to a square of `size` pixels by area means."""
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    return F.interpolate(pixels, (size, size), mode="area").byte()[0].permute(1, 2, 0).numpy()
