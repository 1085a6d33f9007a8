from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from mmerc.encoders.face.boxes import compute_iou
from mmerc.encoders.face.mtcnn import MTCNN


@pytest.fixture(scope="module")
def detector() -> MTCNN:
    return MTCNN.pretrained()


@pytest.mark.weights
def test_boxes_and_landmarks_are_those_of_facenet_pytorch(detector: MTCNN) -> None:
    portrait = data.astronaut()[:300, 60:400]
    both = np.stack([portrait, portrait[:, ::-1]])
    first, mirrored = detector(torch.from_numpy(both))
    # From facenet-pytorch 2.5.3 on the same images.
    assert first.boxes.numpy() == pytest.approx(np.array([[120.03, 61.7, 208.16, 173.47]]), abs=0.05)
    points = [[[144.98, 101.28], [186.98, 103.1], [165.12, 130.19], [141.03, 139.79], [185.56, 142.25]]]
    assert first.landmarks.numpy() == pytest.approx(np.array(points), abs=0.05)
    assert mirrored.boxes.numpy() == pytest.approx(np.array([[469.56 - 340, 64.72, 558.48 - 340, 172.12]]), abs=3)


@pytest.mark.weights
def test_two_faces_in_one_image(detector: MTCNN) -> None:
    portrait = data.astronaut()[:300, 60:400]
    (faces,) = detector(torch.from_numpy(np.concatenate([portrait, portrait[:, ::-1]], 1)[None].copy()))
    found = faces.boxes[faces.boxes[:, 0].argsort()].numpy()
    assert found == pytest.approx(np.array([[120.03, 61.7, 208.16, 173.47], [469.56, 64.72, 558.48, 172.12]]), abs=0.05)


@pytest.mark.weights
@pytest.mark.parametrize("size", [(1, 1), (5, 300), (12, 12), (40, 40)])
def test_small_or_empty_images_have_no_face(detector: MTCNN, size: tuple[int, int]) -> None:
    (faces,) = detector(torch.full((1, *size, 3), 128, dtype=torch.uint8))
    assert len(faces) == 0 and faces.landmarks.shape == (0, 5, 2)


@pytest.mark.weights
@pytest.mark.realdata
def test_a_face_that_leaves_the_image_is_no_longer_found(detector: MTCNN, real_data: Path) -> None:
    from mmerc.corpora import Clip
    from mmerc.media import read_frames

    frames = read_frames(Clip(real_data / "clips" / "pyfeat_face_noface.mov"), 8, max_side=640)
    assert [len(faces) for faces in detector(torch.from_numpy(frames.images))] == [1, 1, 1, 0, 0, 0, 0, 0]


@pytest.mark.weights
def test_a_search_near_a_face_finds_only_its_box(detector: MTCNN) -> None:
    portrait = data.astronaut()[:300, 60:400]
    between = np.full((300, 900, 3), 127, np.uint8)
    image = torch.from_numpy(np.concatenate([portrait, between, portrait[:, ::-1]], 1)[None].copy())
    (full,) = detector(image)
    left = full.boxes[full.boxes[:, 0].argmin()][None]
    shifted = left + torch.tensor([12.0, -9.0, 12.0, -9.0])
    (near,) = detector.detect_near(image, [shifted])
    assert len(full) == 2 and len(near) == 1
    assert compute_iou(near.boxes, left).item() > 0.97
    both, nothing = detector.detect_near(image.expand(2, -1, -1, -1), [full.candidates, torch.zeros(0, 4)])
    assert compute_iou(both.boxes, full.boxes).max(1).values.min() > 0.9
    assert len(nothing) == 0 and len(nothing.candidates) == 0


@pytest.mark.weights
def test_a_search_near_candidates_works_in_an_image_smaller_than_a_crop(detector: MTCNN) -> None:
    small = torch.from_numpy(data.astronaut()[:300:7, 60:400:7][None].copy())  # 43x49
    (faces,) = detector.detect_near(small, [torch.tensor([[5.0, 5.0, 35.0, 35.0], [-50.0, -50.0, 90.0, 90.0]])])
    assert len(faces) <= 1


@pytest.mark.weights
def test_the_large_face_is_found_without_the_small_one(detector: MTCNN) -> None:
    portrait = data.astronaut()[:300, 60:400]
    image = np.zeros((300, 420, 3), np.uint8)
    image[:, :340], image[:75, 340:] = portrait, portrait[::4, ::4][:75, :80]
    images = torch.from_numpy(image[None])
    (large,) = detector.detect_large_first(images)
    (every,) = detector(images)
    assert len(large) == 1 and large.heights[0] > 100
    assert compute_iou(large.boxes, every.boxes).max() > 0.9
    (small,) = detector.detect_large_first(
        torch.from_numpy(np.pad(portrait[::4, ::4], ((0, 225), (0, 215), (0, 0)))[None])
    )
    assert len(small) == 1 and small.heights[0] < 50  # found because no face is large
