import torch
from benchmarks.reference import plain_mtcnn

from mmerc.encoders.face.boxes import apply_nms, apply_regression, compute_iou, make_square


def test_no_box_overlaps_nothing() -> None:
    assert compute_iou(torch.zeros(0, 4), torch.zeros(2, 4)).shape == (0, 2)


def test_a_square_keeps_the_centre_and_the_longer_side() -> None:
    assert make_square(torch.tensor([[0.0, 10.0, 20.0, 14.0]])).tolist() == [[0.0, 2.0, 20.0, 22.0]]


def test_offsets_are_in_units_of_the_box_with_its_last_pixel() -> None:
    found = apply_regression(torch.tensor([[0.0, 0.0, 9.0, 19.0]]), torch.tensor([[0.1, 0.1, -0.1, 0.0]]))
    assert found.tolist() == [[1.0, 2.0, 8.0, 19.0]]


def test_nms_keeps_the_best_box_of_each_image() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [0, 0, 10, 10], [20, 20, 30, 30]])
    scores = torch.tensor([0.8, 0.9, 0.7, 0.6])
    image_index = torch.tensor([0, 0, 1, 0])
    assert apply_nms(boxes, scores, image_index, 0.5).tolist() == [1, 2, 3]
    assert apply_nms(boxes[:0], scores[:0], image_index[:0], 0.5).tolist() == []


def test_nms_over_the_smaller_box_drops_a_box_inside_another() -> None:
    boxes = torch.tensor([[0.0, 0, 100, 100], [10, 10, 20, 20]])
    scores, image_index = torch.tensor([0.9, 0.8]), torch.tensor([0, 0])
    assert apply_nms(boxes, scores, image_index, 0.7).tolist() == [0, 1]
    assert apply_nms(boxes, scores, image_index, 0.7, over_smaller=True).tolist() == [0]


def test_nms_in_blocks_gives_the_result_of_the_reference() -> None:
    rng = torch.Generator().manual_seed(0)
    corner = torch.rand(1500, 2, generator=rng) * 100  # more than two blocks
    boxes = torch.cat([corner, corner + 5 + torch.rand(1500, 2, generator=rng) * 20], 1)
    scores = torch.rand(1500, generator=rng)
    for over_smaller in (False, True):
        found = apply_nms(boxes, scores, torch.zeros(1500, dtype=torch.long), 0.5, over_smaller=over_smaller)
        assert found.tolist() == plain_mtcnn.apply_nms(boxes, scores, 0.5, over_smaller=over_smaller).tolist()
