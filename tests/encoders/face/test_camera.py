"""Faces in the images of a camera, with a detector that finds red squares."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mmerc.corpora import LiveRecording
from mmerc.encoders.face.camera import CameraFace, find_camera_faces
from mmerc.encoders.face.detector import FaceDetector, Faces
from mmerc.encoders.face.selection import crop_face
from mmerc.errors import NoVideo


class RedDetector(FaceDetector):
    """Finds one face where an image is red; it counts the images that it searches."""

    def __init__(self) -> None:
        super().__init__()
        self.searched = 0

    def forward(self, images: Tensor) -> list[Faces]:
        self.searched += len(images)
        empty = torch.zeros(0, 4)
        box = torch.tensor([[0.0, 0, 8, 8]])
        found = [box if image[..., 0].float().mean() > 100 else empty for image in images]
        return [Faces(boxes, torch.ones(len(boxes)), torch.zeros(len(boxes), 5, 2), boxes) for boxes in found]


def make_image(red: int, size: tuple[int, int] = (16, 16)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (red, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def look(detector: FaceDetector, live: LiveRecording, count: int = 4) -> list[tuple[float, CameraFace]]:
    return find_camera_faces(
        detector,
        live,
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
