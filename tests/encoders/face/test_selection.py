import numpy as np
import pytest
import torch

from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.encoders.face.selection import crop_face, resize_face, score_tracks, select_largest_faces, select_track
from mmerc.encoders.face.tracks import Track
from mmerc.media import Frames


def make_track(*frames: int, left: float = 0.0) -> Track:
    boxes = torch.tensor([[left + frame, 0.0, left + frame + 10, 10.0] for frame in frames])
    return Track(list(frames), boxes, torch.ones(len(frames)), torch.ones(len(frames), 5, 2))


@pytest.mark.weights
def test_the_largest_face_of_each_frame_is_selected() -> None:
    from skimage import data
    from skimage.transform import resize

    detector = MTCNN.pretrained(min_face_size=32)
    portrait = data.astronaut()[:300, 60:400]
    dark = (resize(portrait, (150, 170)) * 100).astype(np.uint8)
    image = np.zeros((300, 520, 3), np.uint8)
    image[:150, :170], image[:, 180:] = dark, portrait
    frames = torch.from_numpy(np.stack([np.zeros_like(image), image]))
    ((index, box),) = select_largest_faces(detector, frames)
    ((_, expected),) = select_largest_faces(detector, torch.from_numpy(portrait[None].copy()))
    ((_, other),) = select_largest_faces(detector, torch.from_numpy(dark[None]))
    assert index == 1 and float(other[2] - other[0]) < 0.6 * float(expected[2] - expected[0])
    assert (box - torch.tensor([180, 0, 180, 0])).tolist() == pytest.approx(expected.tolist(), abs=4)
    ((index, quick),) = select_largest_faces(detector, frames, skip_small_faces=True)
    assert index == 1 and quick.tolist() == pytest.approx(box.tolist(), abs=8)


def test_without_audio_the_score_is_the_number_of_frames() -> None:
    frames = Frames(np.zeros((3, 8, 8, 3), np.uint8), np.arange(3.0))
    assert score_tracks([make_track(0), make_track(0, 1, 2)], frames, None) == [1.0, 3.0]


def test_the_track_with_the_highest_score_gives_evenly_spaced_faces() -> None:
    tracks = [make_track(0, 1), make_track(2, 3, 4, 6, 7, left=50.0)]
    boxes, scores = select_track(tracks, [0.1, 0.7], 3)
    assert [(index, float(box[0])) for index, box in boxes] == [(2, 52.0), (4, 54.0), (7, 57.0)]
    assert scores == [0.7, 0.1]


def test_equal_scores_select_the_longer_track_and_all_of_its_few_frames() -> None:
    boxes, scores = select_track([make_track(0), make_track(3, 5)], [0.0, 0.0], 9)
    assert [index for index, _ in boxes] == [3, 5] and scores == [0.0, 0.0]


def test_a_crop_is_limited_to_the_image_and_square() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[:2, 4:] = 100
    assert (crop_face(image, torch.tensor([4.0, -3.0, 99.0, 2.0]), 3) == 100).all()
    assert crop_face(image, torch.tensor([90.0, 90.0, 99.0, 99.0]), 3).shape == (3, 3, 3)  # outside: the nearest pixel


def test_a_face_is_resized_by_area_means() -> None:
    image = np.array([[[0, 4, 8], [4, 4, 8]], [[4, 4, 8], [8, 4, 8]]], np.uint8)
    assert resize_face(image, 1).tolist() == [[[4, 4, 8]]]


def test_a_square_crop_keeps_the_shape_of_the_face() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:30, 25:35] = 200  # twice as high as wide
    box = torch.tensor([25.0, 10.0, 35.0, 30.0])
    assert (crop_face(image, box, 20) == 200).all()  # stretched
    square = crop_face(image, box, 20, is_square=True)
    assert (square[:, 5:15] == 200).all() and (square[:, :5] == 0).all() and (square[:, 15:] == 0).all()


def test_a_square_crop_repeats_the_edge_of_the_image() -> None:
    image = np.full((8, 8, 3), 50, np.uint8)
    image[:, 0] = 90
    crop = crop_face(image, torch.tensor([-4.0, 0.0, 4.0, 8.0]), 8, is_square=True)
    assert (crop[:, :5] == 90).all() and (crop[:, 5:] == 50).all()
    assert crop_face(image, torch.tensor([50.0, 50.0, 50.0, 50.0]), 3, is_square=True).shape == (3, 3, 3)
