import torch
from torch import Tensor

from mmerc.encoders.face.detector import FaceDetector, Faces, group_by_image


class OneFace(FaceDetector):
    """Sees a face of the smallest size in each image."""

    name = "one"

    def forward(self, images: Tensor) -> list[Faces]:
        size = float(self.min_face_size)
        boxes, points = torch.tensor([[0.0, 0.0, size, size + 1]]), torch.zeros(1, 5, 2)
        return [Faces(boxes, torch.ones(1), points, boxes) for _ in images]


def test_a_detector_without_a_shorter_way_searches_each_image_completely() -> None:
    images = torch.zeros(3, 4, 4, 3, dtype=torch.uint8)
    detector = OneFace(min_face_size=7)
    for faces in (detector.detect_large_first(images), detector.detect_near(images, [torch.zeros(0, 4)] * 3)):
        assert [each.heights.tolist() for each in faces] == [[8]] * 3


def test_faces_are_grouped_by_image_with_the_highest_score_first() -> None:
    boxes = torch.arange(12.0).reshape(3, 4)
    scores, images = torch.tensor([0.5, 0.9, 0.7]), torch.tensor([0, 0, 2])
    first, second, third = group_by_image(boxes, scores, torch.zeros(3, 5, 2), images, boxes[:1], images[2:], 3)
    assert first.boxes.tolist() == boxes[[1, 0]].tolist() and len(first.candidates) == 0
    assert len(second) == 0 and second.landmarks.shape == (0, 5, 2)
    assert abs(float(third.scores) - 0.7) < 1e-6 and len(third.candidates) == 1
