from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from mmerc import weights
from mmerc.corpora import Clip
from mmerc.encoders.face.boxes import compute_iou
from mmerc.encoders.face.tracks import detect_over_time, link_tracks
from mmerc.encoders.face.yunet import YuNet, compute_scores, decode_anchors, resize_pixels
from mmerc.media import read_frames
from mmerc.weights.onnx_file import read_onnx
from mmerc.weights.yunet import convert_yunet

Image = np.ndarray
PORTRAIT = data.astronaut()[:300, 60:400]
BOX, POINTS = [120.0, 62.0, 208.0, 173.0], [[145, 101], [187, 103], [165, 130], [141, 140], [186, 142]]  # MTCNN's


@pytest.fixture(scope="module")
def detector(real_data: Path) -> YuNet:
    """The published network."""
    file = real_data / "models" / "yunet" / "face_detection_yunet_2021sep.onnx"
    detector = YuNet()
    weights.fill(detector, convert_yunet(read_onnx(file)), str(file))
    return detector.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def random_detector() -> YuNet:
    """A network with random weights, whose every anchor is a candidate."""
    torch.manual_seed(0)
    return YuNet(min_face_size=40, threshold=-1.0).eval().requires_grad_(False)


def as_batch(*images: Image) -> torch.Tensor:
    return torch.from_numpy(np.stack(images).astype(np.uint8))


def test_an_anchor_with_zeros_is_a_box_of_its_size() -> None:
    boxes, landmarks = decode_anchors(torch.zeros(1, 17), torch.tensor([[20.0, 12.0, 16.0]]))
    assert boxes.tolist() == [[12, 4, 28, 20]]
    assert landmarks.tolist() == [[[20, 12]] * 5]


def test_values_move_and_scale_an_anchor() -> None:
    values = torch.zeros(2, 17)
    values[0, :4] = torch.tensor([5.0, -5.0, float(np.log(2)) / 0.2, 0.0])
    values[0, 12:14] = torch.tensor([10.0, 0.0])  # the last landmark
    values[1, 2] = 1e9
    boxes, landmarks = decode_anchors(values, torch.tensor([[20.0, 12.0, 16.0]] * 2))
    assert boxes[0].tolist() == pytest.approx([12, -4, 44, 12])
    assert landmarks[0, 4].tolist() == [36, 12] and landmarks[0, 0].tolist() == [20, 12]
    assert torch.isfinite(boxes).all()


def test_the_score_is_the_geometric_mean_of_class_and_overlap() -> None:
    values = torch.zeros(1, 4, 17)
    values[..., 15] = torch.tensor([0.0, 0.0, 50.0, 50.0])
    values[..., 16] = torch.tensor([0.5, -1.0, 0.25, 7.0])
    assert compute_scores(values)[0].tolist() == pytest.approx([0.5, 0.0, 0.5, 1.0])


def test_pixels_are_blue_first_and_padded_with_black() -> None:
    pixels = resize_pixels(torch.tensor([10, 20, 30], dtype=torch.uint8).expand(1, 100, 140, 3), (50, 70))
    assert pixels.shape == (1, 3, 64, 96)
    assert pixels[0, :, 20, 20].tolist() == [30, 20, 10]
    assert (pixels[:, :, 50:] == 0).all() and (pixels[..., 70:] == 0).all() and (pixels[:, :, :50, :70] > 0).all()


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (12, 12), (63, 65), (90, 70)])
def test_any_image_gives_finite_boxes(random_detector: YuNet, size: tuple[int, int]) -> None:
    images = as_batch(np.random.default_rng(0).integers(0, 256, (*size, 3)))
    (faces,) = random_detector(images)
    assert len(faces) and faces.landmarks.shape == (len(faces), 5, 2)
    assert torch.isfinite(faces.boxes).all() and torch.isfinite(faces.landmarks).all()
    assert faces.scores.tolist() == sorted(faces.scores.tolist(), reverse=True)
    assert (faces.scores >= 0).all() and (faces.scores <= 1).all()


def test_a_batch_gives_the_faces_of_its_images(random_detector: YuNet, monkeypatch: pytest.MonkeyPatch) -> None:
    images = as_batch(*np.random.default_rng(0).integers(0, 256, (3, 80, 100, 3)))
    together = random_detector(images)
    monkeypatch.setattr("mmerc.encoders.face.yunet.PIXELS_AT_ONCE", 1)
    for faces, alone in zip(together, random_detector(images), strict=True):
        assert len(faces) == len(alone)
        assert torch.allclose(faces.scores, alone.scores, atol=1e-5)


def test_without_a_large_face_an_image_is_searched_completely(
    random_detector: YuNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmerc.encoders.face.yunet.LARGE_FACE_DIVISOR", 0.01)  # no face is so large
    images = as_batch(*np.random.default_rng(0).integers(0, 256, (2, 80, 100, 3)))
    for faces, every in zip(random_detector.detect_large_first(images), random_detector(images), strict=True):
        assert len(faces) == len(every) > 0 and torch.allclose(faces.boxes, every.boxes, atol=1e-4)


def test_no_image_gives_no_faces(random_detector: YuNet) -> None:
    nothing = torch.zeros(0, 30, 40, 3, dtype=torch.uint8)
    assert random_detector(nothing) == random_detector.detect_large_first(nothing) == []
    assert random_detector.detect_near(nothing, []) == []


@pytest.mark.realdata
def test_boxes_and_landmarks_are_almost_those_of_mtcnn(detector: YuNet) -> None:
    (faces,) = detector(as_batch(PORTRAIT))
    assert float(compute_iou(faces.boxes, torch.tensor([BOX]))) > 0.85
    assert faces.landmarks[0].numpy() == pytest.approx(np.array(POINTS), abs=6)
    assert float(faces.scores) > 0.95


@pytest.mark.realdata
def test_several_faces_are_found(detector: YuNet) -> None:
    (faces,) = detector(as_batch(np.concatenate([PORTRAIT, PORTRAIT[:, ::-1]], 1)))
    assert sorted(faces.boxes[:, 0].round().tolist()) == pytest.approx([120, 470], abs=6)


@pytest.mark.realdata
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda image: image * 0.1, id="dark"),
        pytest.param(lambda image: np.repeat(image.mean(2, keepdims=True), 3, 2), id="grey"),
        pytest.param(lambda image: ndimage.rotate(image, 45, reshape=False, order=1), id="turned by 45 degrees"),
        pytest.param(lambda image: image[::4, ::4], id="28 pixels high"),
        pytest.param(lambda image: np.kron(image, np.ones((4, 4, 1))), id="450 pixels high"),
    ],
)
def test_faces_are_found_in_poor_images(detector: YuNet, change: Callable[[Image], Image]) -> None:
    (faces,) = detector(as_batch(change(PORTRAIT)))
    assert len(faces) == 1 and float(faces.scores) > 0.8


@pytest.mark.realdata
def test_noise_and_even_images_have_no_face(detector: YuNet) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (360, 640, 3))
    assert [len(faces) for faces in detector(as_batch(noise, np.full_like(noise, 128)))] == [0, 0]


@pytest.mark.realdata
def test_the_large_face_is_found_without_the_small_one(detector: YuNet) -> None:
    image = np.zeros((300, 420, 3), np.uint8)
    image[:, :340], image[:75, 340:] = PORTRAIT, PORTRAIT[::4, ::4][:75, :80]
    (every,), (large,) = detector(as_batch(image)), detector.detect_large_first(as_batch(image))
    assert len(every) == 2 and len(large) == 1 and large.heights[0] > 100
    alone = np.pad(PORTRAIT[::4, ::4], ((0, 225), (0, 335), (0, 0)))
    again, small = detector.detect_large_first(as_batch(image, alone))
    assert len(small) == 1 and small.heights[0] < 50  # found because no face is large
    assert again.boxes.tolist() == large.boxes.tolist()


@pytest.mark.realdata
def test_a_track_ends_when_the_face_leaves_the_image(detector: YuNet, real_data: Path) -> None:
    clip = Clip(real_data / "clips" / "pyfeat_face_noface.mov")
    images = torch.from_numpy(read_frames(clip, 40, max_side=480).images)
    tracks = link_tracks(detect_over_time(detector, images, [0]))
    assert [track.frames[-1] for track in tracks if len(track) > 3] == [14]
