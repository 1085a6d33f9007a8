"""The faces in the images of a camera, each searched once: the answers before the end of an utterance read the same images as the last one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

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


@dataclass(frozen=True)
class CameraSearch:
    """How the images of a camera are searched.

    Attributes:
        detector: finds the faces.
        memo_key: under which an image's memo has its `CameraFace`.
        count: images of an utterance that are read, evenly spaced.
        max_side: pixels; a larger image is made smaller.
        skip_small_faces: see `FaceDetector.detect_large_first`.
        crop: cuts a face out of an image.
    """

    detector: FaceDetector
    memo_key: object
    count: int
    max_side: int
    skip_small_faces: bool
    crop: Crop

    def find_faces(self, live: LiveRecording) -> list[tuple[float, CameraFace]]:
        """The time and the largest face of the images that are read and can be.

        Raises:
            NoVideo: none can be read.
        """
        check_images(live)
        if not live.memos:
            live = replace(live, memos=tuple({} for _ in live.images))
        self.search([live])
        found = [(live.times[each], live.memos[each][self.memo_key]) for each in self._choose(live)]
        readable = [(time, face) for time, face in found if face.num_faces is not None]
        if not readable:
            raise NoVideo(UNREADABLE)
        return readable

    def search(self, lives: Sequence[LiveRecording]) -> list[CameraFace]:
        """The faces in the images that are read of several utterances, which go into the images' memos. Those that are there already are not searched again."""
        new: dict[tuple[int, ...], list[tuple[np.ndarray, dict[object, Any]]]] = {}  # by shape
        chosen = [(live, index) for live in lives for index in self._choose(live)]
        for live, index in chosen:
            if self.memo_key in live.memos[index]:
                continue
            image = read_live_images(live, [index], max_side=self.max_side).get(index)
            if image is None:
                live.memos[index][self.memo_key] = CameraFace(None, None)
            else:
                new.setdefault(image.shape, []).append((image, live.memos[index]))
        for same in new.values():
            self._search_images(np.stack([image for image, _ in same]), [memo for _, memo in same])
        return [live.memos[index][self.memo_key] for live, index in chosen]

    def _choose(self, live: LiveRecording) -> list[int]:
        return space_evenly(len(live.images), self.count)

    def _search_images(self, images: UInt8[np.ndarray, "F H W 3"], memos: Sequence[dict[object, Any]]) -> None:
        detect = self.detector.detect_large_first if self.skip_small_faces else self.detector
        for image, memo, faces in zip(images, memos, detect(torch.from_numpy(images)), strict=True):
            largest = None
            if len(faces):
                areas = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1)
                largest = self.crop(image, faces.boxes[int(areas.argmax())])
            memo[self.memo_key] = CameraFace(largest, len(faces))
