import torch

from mmerc.encoders.face.boxes import divide_by_prior, overlaps, squared, suppressed


def test_overlaps_of_nothing() -> None:
    assert overlaps(torch.zeros(0, 4), torch.zeros(2, 4)).shape == (0, 2)


def test_a_square_keeps_the_centre_and_the_longer_side() -> None:
    assert squared(torch.tensor([[0.0, 10.0, 20.0, 14.0]])).tolist() == [[0.0, 2.0, 20.0, 22.0]]


def test_a_correction_counts_in_the_sides_of_the_box_with_its_last_pixel() -> None:
    found = divide_by_prior(torch.tensor([[0.0, 0.0, 9.0, 19.0]]), torch.tensor([[0.1, 0.1, -0.1, 0.0]]))
    assert found.tolist() == [[1.0, 2.0, 8.0, 19.0]]


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
