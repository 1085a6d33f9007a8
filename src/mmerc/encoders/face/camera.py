"""The faces in the images of a camera, each searched once: the answers before the end of an utterance read the same images as the last one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mmerc.corpora import LiveRecording
from mmerc.encoders.face.detector import FaceDetector
from mmerc.errors import NoVideo
from mmerc.media import space_evenly
from mmerc.media.live_input import UNREADABLE, check_images, read_live_images

Crop = Callable[[UInt8[np.ndarray, "H W 3"], Float[Tensor, " 4"]], UInt8[np.ndarray, "S S 3"]]


@dataclass
class CameraFace:
    """The crop of the largest face in an image, None without a face, and the number of faces; no number if the image cannot be read.

    `embedding`: of the crop, when it was computed.
    """

    crop: UInt8[np.ndarray, "S S 3"] | None
    num_faces: int | None
    embedding: Float[Tensor, " e"] | None = None


def find_camera_faces(
    detector: FaceDetector,
    live: LiveRecording,
    *,
    memo_key: object,
    count: int,
    max_side: int,
    skip_small_faces: bool,
    crop: Crop,
) -> list[tuple[float, CameraFace]]:
    """The time and the largest face of at most `count` images, evenly spaced, that can be read.

    Images in whose memo `memo_key` is are neither decoded nor searched again.

    Raises:
        NoVideo: none can be read.
    """
    check_images(live)
    memos = live.memos or tuple({} for _ in live.images)
    chosen = space_evenly(len(live.images), count)
    images = read_live_images(live, [each for each in chosen if memo_key not in memos[each]], max_side=max_side)
    detect = detector.detect_large_first if skip_small_faces else detector
    for shape in {image.shape for image in images.values()}:
        same = [index for index, image in images.items() if image.shape == shape]
        stacked = np.stack([images[index] for index in same])  # [F, H, W, 3]
        for index, image, faces in zip(same, stacked, detect(torch.from_numpy(stacked)), strict=True):
            largest = None
            if len(faces):
                areas = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1)
                largest = crop(image, faces.boxes[int(areas.argmax())])
            memos[index][memo_key] = CameraFace(largest, len(faces))
    found = [(live.times[each], memos[each].setdefault(memo_key, CameraFace(None, None))) for each in chosen]
    readable = [(time, face) for time, face in found if face.num_faces is not None]
    if not readable:
        raise NoVideo(UNREADABLE)
    return readable
