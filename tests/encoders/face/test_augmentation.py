import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.encoders.face.augmentation import augment_faces, blur, change_light_and_focus, hide_square
from mmerc.encoders.face.config import FaceConfig

STILL = {"max_rotation": 0, "max_translation": 0, "max_zoom": 0}


def augment(face: np.ndarray, seed: int, **settings: float) -> np.ndarray:
    config = FaceConfig(encoder="face", **(STILL | settings))  # type: ignore[arg-type]
    (changed,) = augment_faces([face], config, random.Random(seed))
    return changed


def make_face(frames: int = 2) -> np.ndarray:
    face = np.zeros((frames, 21, 21, 3), np.uint8)
    face[:, 8:13, 14:19] = 200  # right of the centre
    return face


def find_columns(image: np.ndarray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(image[..., 0].mean(0) > 20).tolist())


def test_a_face_is_mirrored_in_half_of_the_cases() -> None:
    columns = {find_columns(image) for seed in (0, 1) for image in augment(make_face(), seed)}
    assert columns == {(14, 15, 16, 17, 18), (2, 3, 4, 5, 6)}  # as it is, and mirrored


def test_all_frames_of_a_face_are_changed_in_the_same_way_and_faces_differently() -> None:
    config = FaceConfig(encoder="face", max_rotation=20, max_translation=0.1, max_zoom=0.1)
    first, second = augment_faces([make_face(3), make_face(1)], config, random.Random(3))
    assert first.shape == (3, 21, 21, 3) and second.shape == (1, 21, 21, 3) and first.dtype == np.uint8
    assert (first == first[:1]).all() and (first[0] != second[0]).any()
    assert 0.5 < first.mean() / make_face().mean() < 1.6


def test_a_stretch_changes_the_ratio_of_width_to_height() -> None:
    face = np.zeros((1, 40, 40, 3), np.uint8)
    face[:, 10:30, 10:30] = 200
    ratios = []
    for seed in range(24):
        is_bright = augment(face, seed, max_stretch=0.5)[0, ..., 0] > 100
        ratios.append(is_bright.any(0).sum() / is_bright.any(1).sum())
    assert min(ratios) < 0.85 and max(ratios) > 1.15


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_one_seed_gives_one_result(seed: int, frames: int) -> None:
    face = make_face(frames)
    first, second = (augment(face, seed, augmentation_probability=0.5, max_rotation=15) for _ in range(2))
    assert (first == second).all()
    assert (face == make_face(frames)).all()  # the input is as before


def test_light_and_focus_change_with_their_probability() -> None:
    pixels = torch.full((200, 3, 8, 8), 100.0)
    lengths = torch.ones(200, dtype=torch.long)
    assert torch.allclose(change_light_and_focus(pixels, lengths, 0.0, random.Random(0)), pixels)
    changed = change_light_and_focus(pixels, lengths, 0.2, random.Random(0))
    share = float(((changed - pixels).abs().amax((1, 2, 3)) > 0.5).float().mean())
    assert 0.2 < share < 0.5  # an even image shows exposure and noise only: 1 - 0.8 ** 2 = 0.36
    assert float(changed.min()) >= 0 and float(changed.max()) <= 255


def test_a_blur_keeps_the_mean_and_spreads_a_point() -> None:
    point = torch.zeros(2, 3, 11, 11)
    point[:, :, 5, 5] = 100
    blurred = blur(point, torch.tensor([0.0, 1.0])[:, None, None, None])
    assert torch.equal(blurred[0], point[0])
    assert float(blurred[1].sum()) == pytest.approx(300, rel=1e-3)
    assert float(blurred[1, 0, 5, 5]) == pytest.approx(100 / (2 * torch.pi), rel=0.02)
    assert torch.allclose(blurred[1, 0], blurred[1, 0].T)


def test_a_hidden_square_has_the_mean_of_the_image() -> None:
    pixels = torch.arange(100.0).view(1, 1, 10, 10).expand(2, 3, 10, 10)
    size, x, y = (torch.tensor(values)[:, None, None, None] for values in ([0.0, 0.2], [0.5, 0.2], [0.5, 0.9]))
    hidden = hide_square(pixels, size, x, y)
    assert torch.equal(hidden[0], pixels[0])
    expected = torch.zeros(10, 10, dtype=torch.bool)
    expected[8:, 1:3] = True
    assert torch.equal(hidden[1, 0] == 49.5, expected)
