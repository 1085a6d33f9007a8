"""Faces of a few frames, from a detector that finds what it is told."""

import numpy as np
import torch

from mmerc.encoders.face.detector import FaceDetector, Faces
from mmerc.encoders.face.sightings import find_sightings, follow_faces, make_thumbnail
from mmerc.media import Frames

BOX = torch.tensor([[20.0, 10, 60, 60]])
LANDMARKS = torch.tensor([[[30.0, 25], [50, 25], [40, 35], [33, 48], [47, 48]]])


class FixedDetector(FaceDetector):
    """Finds one face in each frame that is not black."""

    name = "fixed"

    def forward(self, images: torch.Tensor) -> list[Faces]:
        return [
            Faces(BOX[:count], torch.ones(count), LANDMARKS[:count], BOX[:count])
            for count in (images.float().mean((1, 2, 3)) > 1).int().tolist()
        ]


def test_a_face_is_followed_through_the_frames_between_the_searches() -> None:
    images = torch.full((11, 80, 80, 3), 90, dtype=torch.uint8)
    (track,) = follow_faces(FixedDetector(), images)
    assert track.frames == list(range(11)) and track.boxes.tolist() == BOX.tolist() * 11


def test_a_cut_ends_a_track() -> None:
    images = torch.full((20, 80, 80, 3), 90, dtype=torch.uint8)
    images[10:] = 200
    assert [track.frames for track in follow_faces(FixedDetector(), images)] == [list(range(10)), list(range(10, 20))]


def test_a_sighting_has_shares_of_the_frame_and_the_loudness_at_its_times() -> None:
    images = np.full((9, 80, 160, 3), 90, np.uint8)
    frames = Frames(images, 5 + np.arange(9) / 12.5)
    (seen,) = find_sightings(FixedDetector(), frames, np.full(16_000, 0.5, np.float32), start=5.0, utterance=3)
    assert seen.utterance == 3 and np.allclose(seen.box, [0.125, 0.125, 0.375, 0.75])
    assert seen.motion.tolist() == [0.0] * 8 and np.allclose(seen.loudness[1:-1], 0.5)
    assert find_sightings(FixedDetector(), Frames(images * 0, frames.times), np.zeros(0), start=5.0, utterance=0) == []


def test_a_thumbnail_has_the_mean_colours() -> None:
    image = torch.zeros(4, 4, 3, dtype=torch.uint8)
    image[:2] = 255
    assert make_thumbnail(image, 2).reshape(3, 2, 2)[0].tolist() == [[1, 1], [0, 0]]
