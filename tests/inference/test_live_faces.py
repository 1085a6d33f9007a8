"""Faces of a live conversation: several people before the camera, found as in a recording."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mmerc.corpora import LiveRecording, Utterance
from mmerc.encoders.face.detector import FaceDetector, Faces
from mmerc.encoders.face.encoder import Face, FaceConfig
from mmerc.inference.live_faces import LiveFaces
from mmerc.media import SAMPLE_RATE

ANN, BO = (8, 8, 24, 24), (40, 8, 56, 24)  # boxes in pixels of an image of 64x48


class RedDetector(FaceDetector):
    """Finds a face at each of the two places that is red; it counts the images that it searches."""

    def __init__(self) -> None:
        super().__init__()
        self.searched = 0

    def forward(self, images: Tensor) -> list[Faces]:
        self.searched += len(images)
        found = []
        for image in images:
            boxes = [box for box in (ANN, BO) if image[box[1] : box[3], box[0] : box[2], 0].float().mean() > 120]
            tensor = torch.tensor(boxes).float().reshape(-1, 4)
            corners = torch.stack([tensor[:, :2], tensor[:, 2:]], 1) if boxes else torch.zeros(0, 2, 2)
            landmarks = torch.cat([corners, corners, corners[:, :1]], 1)[:, :5]
            found.append(Faces(tensor, torch.ones(len(boxes)), landmarks, tensor))
        return found


@pytest.fixture
def encoder() -> Face:
    torch.manual_seed(0)
    config = FaceConfig(encoder="face", backbone="cnn", num_frames=4, conv_channels=8, hidden_size=8, crop_size=16)
    encoder = Face(config, 3, skip_weights=True)
    encoder.detector = RedDetector()
    return encoder.eval()


def make_image(*boxes: tuple[int, int, int, int], shade: int = 200) -> bytes:
    pixels = np.full((48, 64, 3), 60, np.uint8)
    for index, (left, top, right, bottom) in enumerate(boxes):
        pixels[top:bottom, left:right] = (shade, 40 * index, 90)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_utterance(image: bytes, *, start: float = 0.0, speaker: str = "", count: int = 10) -> Utterance:
    images, times = (image,) * count, tuple(0.2 * number for number in range(count))
    samples = np.zeros(2 * SAMPLE_RATE, np.float32)  # nobody is heard, so no mouth moves with a voice
    live = LiveRecording(samples, images, times, start, tuple({} for _ in images))
    return Utterance("live", "talk", 0, speaker=speaker, start=start, end=start + 2, live=live)


def test_one_face_is_read_as_in_training(encoder: Face) -> None:
    faces, utterance = LiveFaces(encoder), make_utterance(make_image(ANN))
    assert faces.assign(utterance, keep=True) == utterance and faces.seen is None
    assert faces.assign(utterance, keep=True).face is None
    assert faces.assign(Utterance("live", "talk", 0, text="Hi"), keep=True).face is None
    broken = make_utterance(b"no image")
    assert faces.assign(broken, keep=True) is broken


def test_several_faces_are_a_question_whose_they_are(encoder: Face) -> None:
    faces = LiveFaces(encoder)
    first = faces.assign(make_utterance(make_image(ANN, BO), speaker="Ann"), keep=True)
    assert first.face is not None and first.face.face_of == "unknown"  # no mouth has moved
    assert first.face.clip is None and first.face.boxes[0] in (
        pytest.approx([8 / 64, 8 / 48, 24 / 64, 24 / 48]),
        pytest.approx([40 / 64, 8 / 48, 56 / 64, 24 / 48]),
    )
    crops, notes = encoder.read_chosen_face(first.face, first.live)
    assert crops.shape == (4, 16, 16, 3) and notes["track"] == "recording"
    assert crops[..., 0].mean() == pytest.approx(200, abs=3)  # a face, not the background
    # From now on one face alone is compared with those that were seen.
    second = faces.assign(make_utterance(make_image(ANN), start=5.0, speaker="Bo"), keep=True)
    assert second.face is not None and second.face.times[0] == pytest.approx(5.0)
    assert faces.seen is not None and len(faces.seen) == 2
    empty = faces.assign(make_utterance(make_image(), start=9.0), keep=True)
    assert empty.face is None and len(faces.seen) == 2  # the encoder says that there is no face


def test_an_utterance_that_goes_on_is_not_kept(encoder: Face) -> None:
    faces = LiveFaces(encoder)
    assert faces.assign(make_utterance(make_image(ANN, BO)), keep=False).face is not None
    assert faces.seen is None
