"""Faces in a part of a recording: where each one is, how its mouth moves, and what it looks like, without the pictures.

Faces are searched in every fourth frame. In the frames between, boxes and landmarks are interpolated, so the analysis searches
about three frames a second, and the mouth is seen 12.5 times a second.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.face.active_speaker import compute_loudness, smooth
from mmerc.encoders.face.detector import FaceDetector
from mmerc.encoders.face.mouth_motion import measure_mouth_motion
from mmerc.encoders.face.tracks import SEARCH_INTERVAL, Track, find_shots, link_tracks
from mmerc.media import Frames, space_evenly

MAX_MISSED = 2  # searches that may miss a face before its track ends
LOOKS_PER_TRACK = 3  # frames of a track from which its appearance is taken
# From the frames of a face, and its boxes as shares of the frame [N, 4], to crops by time.
CropFaces = Callable[[Frames, Float[np.ndarray, "N 4"]], Mapping[float, UInt8[np.ndarray, "S S 3"]]]
FACE_GRID, BODY_GRID, SCENE_GRID = 6, 4, 8  # fields on each side of a thumbnail


@dataclass(frozen=True)
class Sighting:
    """One face through successive frames of an utterance.

    Attributes:
        utterance: index of the utterance in its dialogue.
        times: seconds from the start of the file.
        boxes: shares of the frame's width and height.
        motion: movement of the mouth from each frame to the next.
        loudness: of the sound at the same times.
        appearance: colours of the face and of what is below it, from 0 to 1.
        scene: colours of the frame, from 0 to 1.
        crops: of evenly spaced frames, by their times, where they were asked for.
    """

    utterance: int
    times: Float[np.ndarray, " N"]
    boxes: Float[np.ndarray, "N 4"]
    motion: Float[np.ndarray, " M"]  # M = N - 1
    loudness: Float[np.ndarray, " M"]
    appearance: Float[np.ndarray, " a"]
    scene: Float[np.ndarray, " s"]
    crops: Mapping[float, np.ndarray] = field(default_factory=dict)

    @property
    def box(self) -> Float[np.ndarray, " 4"]:
        """The median box."""
        box: np.ndarray = np.median(self.boxes, 0)
        return box


def find_sightings(
    detector: FaceDetector,
    frames: Frames,
    waveform: Float[np.ndarray, " S"],
    *,
    start: float,
    utterance: int,
    search_interval: int = SEARCH_INTERVAL,
    crop: CropFaces | None = None,
) -> list[Sighting]:
    """The faces in successive frames. `waveform`: the sound from `start` (seconds) on; empty without sound.

    `search_interval`: frames from one search for faces to the next one. `crop`: cuts the face out of some frames.
    """
    images = torch.from_numpy(frames.images)
    size = np.asarray([images.shape[2], images.shape[1]] * 2, np.float32)
    found = []
    for track in follow_faces(detector, images, search_interval):
        times, boxes = frames.times[track.frames], track.boxes.numpy() / size
        found.append(
            Sighting(
                utterance,
                times,
                boxes,
                smooth(measure_mouth_motion(track, images).numpy()),
                smooth(compute_loudness(waveform, times - start)[1:]),
                describe_appearance(track, images),
                make_thumbnail(images[track.frames[0]], SCENE_GRID),
                {}
                if crop is None
                else crop(Frames(frames.images[track.frames[0] : track.frames[-1] + 1], times), boxes),
            )
        )
    return found


def follow_faces(
    detector: FaceDetector, images: UInt8[Tensor, "F H W 3"], search_interval: int = SEARCH_INTERVAL
) -> list[Track]:
    """The tracks of all faces that two searches have found, or one where there is one search, with a box in every frame."""
    shots = find_shots(images)
    searched: list[int] = []
    for first, end in zip(shots, [*shots[1:], len(images)], strict=True):
        searched += sorted({*range(first, end, search_interval), end - 1})
    tracks = link_tracks(detector(images[searched]), [searched.index(shot) for shot in shots], max_gap=MAX_MISSED)
    return [fill_track(track, searched) for track in tracks if len(track) > 1 or len(searched) == 1]


def fill_track(track: Track, searched: Sequence[int]) -> Track:
    """A track over searched frames as one over all frames between its first and its last one.

    >>> track = Track([0, 1], torch.tensor([[0.0, 0, 4, 4], [8, 0, 12, 4]]), torch.ones(2), torch.zeros(2, 5, 2))
    >>> filled = fill_track(track, [10, 12])
    >>> filled.frames, filled.boxes[1].tolist()
    ([10, 11, 12], [4.0, 0.0, 8.0, 4.0])
    """
    known = np.asarray(searched)[track.frames]
    frames = np.arange(known[0], known[-1] + 1)

    def fill(values: Tensor) -> Tensor:
        flat = values.reshape(len(known), -1).numpy()
        columns = [np.interp(frames, known, column) for column in flat.T]
        return torch.from_numpy(np.stack(columns, 1)).float().reshape(len(frames), *values.shape[1:])

    return Track(frames.tolist(), fill(track.boxes), fill(track.scores[:, None])[:, 0], fill(track.landmarks))


def describe_appearance(track: Track, images: UInt8[Tensor, "F H W 3"]) -> Float[np.ndarray, " a"]:
    """The mean colours of the face's fields and of the fields below it, which show hair, neck and clothes."""
    height, width = images.shape[1:3]
    looks = []
    for index in space_evenly(len(track), LOOKS_PER_TRACK):
        image = images[track.frames[index]]
        left, top, right, bottom = track.boxes[index].tolist()
        wide, high = right - left, bottom - top
        body = (left - 0.5 * wide, top - 0.3 * high, right + 0.5 * wide, bottom + 0.8 * high)
        parts = []
        for (x1, y1, x2, y2), grid in (((left, top, right, bottom), FACE_GRID), (body, BODY_GRID)):
            a, b = min(max(0, round(x1)), width - 1), min(max(0, round(y1)), height - 1)
            crop = image[b : max(b + 1, round(y2)), a : max(a + 1, round(x2))]
            parts.append(make_thumbnail(crop, grid))
        looks.append(np.concatenate(parts))
    mean: np.ndarray = np.mean(looks, 0)
    return mean


def make_thumbnail(image: UInt8[Tensor, "H W 3"], grid: int) -> Float[np.ndarray, " t"]:
    """The mean colour of each of grid x grid fields, from 0 to 1; t = 3 * grid * grid."""
    pixels = image.permute(2, 0, 1)[None].float() / 255
    fields: np.ndarray = F.interpolate(pixels, (grid, grid), mode="area").flatten().numpy()
    return fields
