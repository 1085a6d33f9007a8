import torch

from mmerc.encoders.face.proposals import Proposals, iterate_levels


def test_the_first_level_has_windows_of_the_smallest_face() -> None:
    levels = list(iterate_levels(48, 96, min_face_size=24, factor=0.5))
    assert levels == [(0.5, 25, 49), (0.25, 13, 25)]  # at the next level the image is smaller than a window


def test_levels_with_small_windows_are_left_out() -> None:
    assert list(iterate_levels(48, 96, min_face_size=24, factor=0.5, min_window=30)) == [(0.25, 13, 25)]
    assert list(iterate_levels(10, 10, min_face_size=24, factor=0.5)) == []


def test_a_cell_above_the_threshold_becomes_a_window_in_its_image() -> None:
    scores = torch.zeros(1, 3, 4)
    scores[0, 1, 2] = 0.9
    proposals = Proposals(0.6)
    proposals.add(torch.zeros(1, 4, 3, 4), scores, 0.5, torch.tensor([5]), torch.tensor([[10, 0]]))
    boxes, image_index = proposals.merge(torch.device("cpu"))
    # column 10 + 2, row 1: the pixels from 25 to 36 and from 3 to 14 of the level, which is half as large as the image
    assert boxes.tolist() == [[50.0, 6.0, 72.0, 28.0]] and image_index.tolist() == [5]


def test_offsets_move_the_window_and_make_it_square() -> None:
    offsets = torch.tensor([0.0, 0.0, 0.5, 0.0])[None, :, None, None]
    proposals = Proposals(0.6)
    proposals.add(offsets, torch.full((1, 1, 1), 0.9), 1.0, torch.tensor([0]), torch.tensor([[0, 0]]))
    boxes, _ = proposals.merge(torch.device("cpu"))
    assert boxes.tolist() == [[1.0, -1.75, 17.5, 14.75]]  # 16.5 x 11 pixels become 16.5 x 16.5


def test_no_window_above_the_threshold_gives_no_proposal() -> None:
    proposals = Proposals(0.6)
    boxes, image_index = proposals.merge(torch.device("cpu"))
    assert boxes.shape == (0, 4) and image_index.shape == (0,)
