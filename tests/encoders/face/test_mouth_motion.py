"""The movement of a mouth, with and without a movement of the head."""

import numpy as np
import pytest
import torch

from mmerc.encoders.face.mouth_motion import measure_mouth_motion
from mmerc.encoders.face.tracks import Track

LANDMARKS = torch.tensor([[24.0, 30], [40, 30], [32, 38], [26, 48], [38, 48]])


def draw_faces(openings: list[int], shifts: list[int]) -> torch.Tensor:
    """A textured head whose dark mouth is open by some pixels, shifted to the right."""
    head = np.random.default_rng(0).integers(80, 200, (16, 16, 3)).repeat(5, 0).repeat(5, 1).astype(np.uint8)
    frames = []
    for opening, shift in zip(openings, shifts, strict=True):
        image = head.copy()
        image[48 : 48 + opening, 27:38] = 0
        frames.append(np.roll(image, shift, 1))
    return torch.from_numpy(np.stack(frames))


def track_faces(count: int) -> Track:
    boxes = torch.tensor([[12.0, 12, 52, 60]]).expand(count, 4)
    return Track(list(range(count)), boxes, torch.ones(count), LANDMARKS.expand(count, 5, 2))


def test_a_mouth_that_opens_moves_and_a_still_one_does_not() -> None:
    motion = measure_mouth_motion(track_faces(3), draw_faces([0, 0, 6], [0, 0, 0]))
    assert motion[0] == 0 and motion[1] > 0.3


def test_the_movement_of_the_head_is_removed() -> None:
    moved, spoke = (
        measure_mouth_motion(track_faces(2), draw_faces([4, 4], [0, 2])),
        measure_mouth_motion(track_faces(2), draw_faces([0, 6], [0, 2])),
    )
    assert moved.item() < 0.2 < 0.4 < spoke.item()


@pytest.mark.parametrize("count", [1, 2, 12])
def test_one_value_for_each_pair_of_frames(count: int) -> None:
    assert measure_mouth_motion(track_faces(count), draw_faces([0] * count, [0] * count)).shape == (count - 1,)
