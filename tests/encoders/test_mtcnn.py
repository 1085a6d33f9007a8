from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from mmerc.encoders.mtcnn import FaceDetector, suppressed


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector.pretrained()


@pytest.mark.weights
def test_boxes_and_landmarks_of_facenet_pytorch(detector: FaceDetector) -> None:
    portrait = data.astronaut()[:300, 60:400]
    both = np.stack([portrait, portrait[:, ::-1]])
    first, mirrored = detector(torch.from_numpy(both))
    # From facenet-pytorch 2.5.3 on the same pictures.
    assert first.boxes.numpy() == pytest.approx(np.array([[120.03, 61.7, 208.16, 173.47]]), abs=0.05)
    points = [[[144.98, 101.28], [186.98, 103.1], [165.12, 130.19], [141.03, 139.79], [185.56, 142.25]]]
    assert first.landmarks.numpy() == pytest.approx(np.array(points), abs=0.05)
    assert mirrored.boxes.numpy() == pytest.approx(np.array([[469.56 - 340, 64.72, 558.48 - 340, 172.12]]), abs=3)


@pytest.mark.weights
def test_two_faces_one_picture(detector: FaceDetector) -> None:
    portrait = data.astronaut()[:300, 60:400]
    (faces,) = detector(torch.from_numpy(np.concatenate([portrait, portrait[:, ::-1]], 1)[None].copy()))
    found = faces.boxes[faces.boxes[:, 0].argsort()].numpy()
    assert found == pytest.approx(np.array([[120.03, 61.7, 208.16, 173.47], [469.56, 64.72, 558.48, 172.12]]), abs=0.05)


@pytest.mark.weights
@pytest.mark.parametrize("size", [(1, 1), (5, 300), (12, 12), (40, 40)])
def test_pictures_too_small_or_empty_have_no_face(detector: FaceDetector, size: tuple[int, int]) -> None:
    (faces,) = detector(torch.full((1, *size, 3), 128, dtype=torch.uint8))
    assert len(faces) == 0 and faces.landmarks.shape == (0, 5, 2)


def test_suppression_keeps_the_best_of_each_image() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [0, 0, 10, 10], [20, 20, 30, 30]])
    scores = torch.tensor([0.8, 0.9, 0.7, 0.6])
    owner = torch.tensor([0, 0, 1, 0])
    assert suppressed(boxes, scores, owner, 0.5).tolist() == [1, 2, 3]
    assert suppressed(boxes[:0], scores[:0], owner[:0], 0.5).tolist() == []


def test_suppression_over_the_smaller_box() -> None:
    boxes = torch.tensor(
        [[0.0, 0, 100, 100], [10, 10, 20, 20]]
    )  # one inside the other: little union, all of the smaller
    scores, owner = torch.tensor([0.9, 0.8]), torch.tensor([0, 0])
    assert suppressed(boxes, scores, owner, 0.7).tolist() == [0, 1]
    assert suppressed(boxes, scores, owner, 0.7, smaller=True).tolist() == [0]


@pytest.mark.weights
@pytest.mark.realdata
def test_the_face_leaves_the_picture(detector: FaceDetector, real_data: Path) -> None:
    from mmerc.corpora import Clip
    from mmerc.media import read_frames

    frames = read_frames(Clip(real_data / "clips" / "pyfeat_face_noface.mov"), 8, largest_side=640)
    assert [len(faces) for faces in detector(torch.from_numpy(frames.images))] == [1, 1, 1, 0, 0, 0, 0, 0]
