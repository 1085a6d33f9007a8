"""Faces in the images of a camera, with a detector that finds red squares."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mmerc.corpora import Dialogue, LiveRecording, Utterance
from mmerc.encoders.base import Example
from mmerc.encoders.face.camera import CameraFace, CameraSearch
from mmerc.encoders.face.config import FaceConfig
from mmerc.encoders.face.detector import FaceDetector, Faces
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.face.selection import crop_face
from mmerc.errors import NoVideo


class RedDetector(FaceDetector):
    """Finds one face where an image is red; it counts the images that it searches."""

    def __init__(self) -> None:
        super().__init__()
        self.searched = self.calls = 0

    def forward(self, images: Tensor) -> list[Faces]:
        self.searched += len(images)
        self.calls += 1
        empty = torch.zeros(0, 4)
        box = torch.tensor([[0.0, 0, 8, 8]])
        found = [box if image[..., 0].float().mean() > 100 else empty for image in images]
        return [Faces(boxes, torch.ones(len(boxes)), torch.zeros(len(boxes), 5, 2), boxes) for boxes in found]


def make_image(red: int, size: tuple[int, int] = (16, 16)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (red, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def look(detector: FaceDetector, live: LiveRecording, count: int = 4) -> list[tuple[float, CameraFace]]:
    return make_search(detector, count).find_faces(live)


def make_search(detector: FaceDetector, count: int) -> CameraSearch:
    return CameraSearch(
        detector,
        memo_key=detector,
        count=count,
        max_side=640,
        skip_small_faces=False,
        crop=lambda image, box: crop_face(image, box, 8),
    )


def make_live(*images: bytes, has_memos: bool = True) -> LiveRecording:
    memos: tuple[dict[object, object], ...] = tuple({} for _ in images) if has_memos else ()
    return LiveRecording(images=images, times=tuple(0.2 * n for n in range(len(images))), memos=memos)


def test_each_image_is_searched_once() -> None:
    detector, live = RedDetector(), make_live(*[make_image(200)] * 12)
    first = look(detector, live)
    assert [face.num_faces for _, face in first] == [1] * 4 and detector.searched == 4
    again = look(detector, live)
    assert detector.searched == 4
    assert all(one.crop is other.crop for (_, one), (_, other) in zip(first, again, strict=True))
    longer = LiveRecording(
        images=live.images * 2,
        times=tuple(0.2 * n for n in range(24)),
        memos=(*live.memos, *({} for _ in live.images)),
    )
    assert len(look(detector, longer)) == 4 and 4 < detector.searched < 8
    forgetful = make_live(*[make_image(200)] * 4, has_memos=False)
    before = detector.searched
    look(detector, forgetful)
    look(detector, forgetful)
    assert detector.searched == before + 8


def test_the_images_of_several_utterances_are_searched_together() -> None:
    detector = RedDetector()
    search = make_search(detector, 2)
    one, other = make_live(make_image(200), make_image(0), make_image(220)), make_live(make_image(0), b"no image")
    search.find_faces(one)
    assert detector.searched == 2 and detector.calls == 1
    later = replace(one, images=(*one.images, make_image(230)), times=(*one.times, 0.6), memos=(*one.memos, {}))
    found = search.search([later, other])
    assert [face.num_faces for face in found] == [1, 1, 0, None] and detector.searched == 4 and detector.calls == 2


def test_images_without_a_face_of_another_size_and_damaged_ones() -> None:
    detector = RedDetector()
    live = make_live(make_image(200), make_image(0), make_image(250, (32, 24)), b"no image")
    found = look(detector, live)
    assert [(time, face.num_faces) for time, face in found] == [(0.0, 1), (0.2, 0), (0.4, 1)]
    crops = [face.crop for _, face in found]
    assert crops[1] is None and crops[0] is not None and crops[2] is not None
    assert np.all(crops[0][..., 0] == 200) and np.all(crops[2][..., 0] == 250)
    look(detector, live)
    assert detector.searched == 3


def test_without_an_image() -> None:
    for live in (LiveRecording(), make_live(b"no image", b"nor this")):
        with pytest.raises(NoVideo):
            look(RedDetector(), live)


def make_dialogue(live: LiveRecording) -> Dialogue:
    return Dialogue("live", "", (Utterance("live", "", 0, live=live),))


def make_camera_face(**settings: object) -> Face:
    """An encoder whose detector needs no weights."""
    torch.manual_seed(0)
    config = FaceConfig.model_validate(
        {"encoder": "face", "backbone": "cnn", "conv_channels": 12, "num_frames": 3} | settings
    )
    face = Face(config, 7, skip_weights=True).eval()
    face.detector = RedDetector()
    return face


def make_camera_images(count: int) -> LiveRecording:
    images = []
    for number in range(count):
        pixels = np.random.default_rng(number).integers(150, 255, (16, 16, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        images.append(buffer.getvalue())
    times = tuple(0.2 * number for number in range(count))
    return LiveRecording(np.zeros(0, np.float32), tuple(images), times, memos=tuple({} for _ in images))


@pytest.mark.parametrize("test_time_flip", [False, True])
def test_faces_of_the_camera_are_embedded_once_and_give_the_result_of_their_crops(test_time_flip: bool) -> None:
    face = make_camera_face(test_time_flip=test_time_flip)
    live = make_camera_images(5)
    embedded = []
    own = face._embed
    face._embed = lambda crops: embedded.append(len(crops)) or own(crops)  # type: ignore[method-assign, func-returns-value]
    for count in (1, 2, 3, 5):
        part = replace(live, images=live.images[:count], times=live.times[:count], memos=live.memos[:count])
        face.look_ahead([part])
    assert embedded == [1, 1, 1, 1]  # of five images three are read: the first, the third and the last
    values, notes = face.prepare_with_notes(make_dialogue(live), 0)
    assert embedded == [1, 1, 1, 1] and values.shape == (3, face.backbone.width) and values.dtype == np.float32
    assert notes["face"]["frames"] == 3
    crops, _ = face.find_faces(make_dialogue(live).utterances[0])
    assert crops.shape == (3, 48, 48, 3)
    with torch.inference_mode():
        ahead, at_end = (face(face.collate([Example(("t", "0", "0"), each)])).logits for each in (values, crops))
    assert torch.allclose(ahead, at_end, atol=1e-5)


def test_a_graph_of_onnxruntime_reads_crops() -> None:
    face = make_camera_face()
    face.has_graph = True
    live = make_camera_images(2)
    face.look_ahead([live])
    assert face.prepare(make_dialogue(live), 0).dtype == np.uint8
    face.look_ahead([LiveRecording()])  # without images there is nothing to see
    tracking = make_camera_face(track="longest")
    tracking.look_ahead([live])
    assert all(tracking not in memo for memo in live.memos)
