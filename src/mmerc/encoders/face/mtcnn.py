"""MTCNN (Zhang et al. 2016): a face detector of three networks, each of which checks the windows of the one before.

The arithmetic is that of facenet-pytorch 2.5.3.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from mmerc.encoders.face.boxes import apply_nms, apply_regression, make_square
from mmerc.encoders.face.detector import LARGE_FACE_DIVISOR, FaceDetector, Faces, group_by_image
from mmerc.encoders.face.integral_image import (
    compute_integral_image,
    crop_boxes,
    crop_resized_images,
    resize_images,
)
from mmerc.encoders.face.mtcnn_networks import OutputNetwork, ProposalNetwork, RefinementNetwork
from mmerc.encoders.face.proposals import CELL, STRIDE, Proposals, iterate_levels

IMAGES_AT_ONCE = 8  # the largest pyramid level of eight 720p frames takes about 350 MB
CROPS_AT_ONCE = 512
CROP_SIZE = 48  # pixels of a crop of a pyramid level around a candidate; it has 19x19 windows
CANDIDATE_SIZES = 0.5, 2.0  # a candidate is searched on levels where it has this size, in windows
CANDIDATE_IOU = 0.3  # of two candidates that overlap more than this, the second is dropped


class MTCNN(FaceDetector):
    """The cascade of the three networks.

    Args:
        min_face_size: side of the smallest face that is searched for, in pixels.
        thresholds: the score that a window must have in each of the networks.
        factor: size of a pyramid level in units of the level before it.

    The defaults are those of facenet-pytorch.
    """

    name = "mtcnn"

    def __init__(
        self,
        *,
        min_face_size: int = 20,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
    ) -> None:
        super().__init__(min_face_size=min_face_size)
        self.thresholds, self.factor = thresholds, factor
        self.pnet, self.rnet, self.onet = ProposalNetwork(), RefinementNetwork(), OutputNetwork()

    @torch.inference_mode()
    def forward(self, images: UInt8[Tensor, "B H W 3"]) -> list[Faces]:
        """The faces of each image."""
        found: list[Faces] = []
        for part in torch.split(images, IMAGES_AT_ONCE):
            found += self._detect(compute_integral_image(part))
        return found

    @torch.inference_mode()
    def detect_large_first(self, images: UInt8[Tensor, "B H W 3"]) -> list[Faces]:
        """The large faces of each image, or all faces if it has no large one.

        A large face is at least one sixth of the image's shorter side in height. The largest face is always found. This is
        much faster than `forward`, which spends most of its time on small faces.
        """
        found: list[Faces] = []
        for part in torch.split(images, IMAGES_AT_ONCE):
            integral = compute_integral_image(part)
            min_window = min(part.shape[1:3]) / LARGE_FACE_DIVISOR
            faces = self._detect(integral, min_window)
            # If all boxes came out smaller than the windows, this search may have missed a larger face.
            rest = [index for index, each in enumerate(faces) if not (each.heights >= min_window).any()]
            if rest:
                for index, each in zip(rest, self._detect(integral[:, :, rest]), strict=True):
                    faces[index] = each
            found += faces
        return found

    @torch.inference_mode()
    def detect_near(self, images: UInt8[Tensor, "B H W 3"], candidates: list[Float[Tensor, "_ 4"]]) -> list[Faces]:
        """The faces of each image near its `candidates`, at positions and sizes like theirs.

        The boxes are almost those of `forward`; only windows of other sizes, which it would merge with them, are missing.
        """
        found: list[Faces] = []
        for start in range(0, len(images), IMAGES_AT_ONCE):
            integral = compute_integral_image(images[start : start + IMAGES_AT_ONCE])
            proposals = self._propose_near(integral, candidates[start : start + IMAGES_AT_ONCE])
            found += self._detect_in_proposals(integral, *proposals)
        return found

    def _detect(self, integral: Int[Tensor, "h w B 3"], min_window: float = 0.0) -> list[Faces]:
        return self._detect_in_proposals(integral, *self._propose(integral, min_window))

    def _detect_in_proposals(
        self, integral: Int[Tensor, "h w B 3"], proposals: Float[Tensor, "N 4"], image_index: Int[Tensor, " N"]
    ) -> list[Faces]:
        windows, image_index = self._refine(integral, proposals, image_index)
        boxes, scores, landmarks, source = self._find_faces(integral, windows, image_index)
        rank = -torch.arange(len(windows), device=integral.device).float()  # the windows are sorted, best first
        kept = apply_nms(windows, rank, image_index, CANDIDATE_IOU)
        candidates, candidate_image = windows[kept], image_index[kept]
        return group_by_image(
            boxes, scores, landmarks, image_index[source], candidates, candidate_image, integral.shape[2]
        )

    def _levels(self, integral: Int[Tensor, "h w B 3"], min_window: float = 0.0) -> Iterator[tuple[float, int, int]]:
        return iterate_levels(
            integral.shape[0] - 1,
            integral.shape[1] - 1,
            min_face_size=self.min_face_size,
            factor=self.factor,
            min_window=min_window,
        )

    def _propose(
        self, integral: Int[Tensor, "h w B 3"], min_window: float
    ) -> tuple[Float[Tensor, "N 4"], Int[Tensor, " N"]]:
        """Windows in which the first network sees a face, among all windows of at least `min_window` pixels."""
        proposals = Proposals(self.thresholds[0])
        images = torch.arange(integral.shape[2], device=integral.device)
        first_cell = torch.zeros(len(images), 2, dtype=torch.long, device=integral.device)
        for scale, height, width in self._levels(integral, min_window):
            offsets, scores = self.pnet(normalize_pixels(resize_images(integral, height, width)))
            proposals.add(offsets, scores, scale, images, first_cell)
        return proposals.merge(integral.device)

    def _propose_near(
        self, integral: Int[Tensor, "h w B 3"], candidates: list[Float[Tensor, "_ 4"]]
    ) -> tuple[Float[Tensor, "N 4"], Int[Tensor, " N"]]:
        """The same among windows near the candidates: crops of the levels, aligned with the cells of `_propose`."""
        counts = torch.tensor([len(boxes) for boxes in candidates], device=integral.device)
        image_index = torch.repeat_interleave(torch.arange(len(candidates), device=integral.device), counts)
        boxes = torch.cat(candidates)
        proposals = Proposals(self.thresholds[0])
        for scale, height, width in self._levels(integral):
            sizes = (boxes[:, 2:] - boxes[:, :2]).amax(1) * scale / CELL  # in windows
            fitting = ((sizes > CANDIDATE_SIZES[0]) & (sizes < CANDIDATE_SIZES[1])).nonzero()[:, 0]
            if not len(fitting):
                continue
            size = torch.tensor([min(CROP_SIZE, width), min(CROP_SIZE, height)], device=integral.device)
            last = torch.tensor([width, height], device=integral.device) - size
            centre = (boxes[fitting, :2] + boxes[fitting, 2:]) / 2 * scale  # [F, 2] x, y
            first_cell = torch.minimum((centre - size / 2).long(), last).clamp(min=0) // STRIDE  # [F, 2]
            crops = crop_resized_images(
                integral, image_index[fitting], first_cell * STRIDE, size.tolist(), (width, height)
            )
            offsets, scores = self.pnet(normalize_pixels(crops))
            proposals.add(offsets, scores, scale, image_index[fitting], first_cell)
        return proposals.merge(integral.device)

    def _refine(
        self, integral: Int[Tensor, "h w B 3"], boxes: Float[Tensor, "N 4"], image_index: Int[Tensor, " N"]
    ) -> tuple[Float[Tensor, "M 4"], Int[Tensor, " M"]]:
        """The proposals that the second network accepts, as squares after box regression, and their image indices."""
        crops, inside = crop_windows(integral, boxes, image_index, 24)
        boxes, image_index = boxes[inside], image_index[inside]
        if not len(boxes):
            return boxes, image_index
        outputs = zip(*map(self.rnet, torch.split(crops, CROPS_AT_ONCE)), strict=True)
        offsets, scores = (torch.cat(part) for part in outputs)
        passed = (scores > self.thresholds[1]).nonzero()[:, 0]
        boxes, image_index, offsets = boxes[passed], image_index[passed], offsets[passed]
        kept = apply_nms(boxes, scores[passed], image_index, 0.7)
        return make_square(apply_regression(boxes[kept], offsets[kept])), image_index[kept]

    def _find_faces(
        self, integral: Int[Tensor, "h w B 3"], windows: Float[Tensor, "N 4"], image_index: Int[Tensor, " N"]
    ) -> tuple[Float[Tensor, "M 4"], Float[Tensor, " M"], Float[Tensor, "M 5 2"], Int[Tensor, " M"]]:
        """Boxes, scores and landmarks of the faces that the third network sees, and the index of each one's window."""
        crops, source = crop_windows(integral, windows, image_index, 48)
        boxes = windows[source]
        if not len(boxes):
            return boxes, boxes.new_zeros(0), boxes.new_zeros(0, 5, 2), source
        outputs = zip(*map(self.onet, torch.split(crops, CROPS_AT_ONCE)), strict=True)
        offsets, points, scores = (torch.cat(part) for part in outputs)
        passed = (scores > self.thresholds[2]).nonzero()[:, 0]
        boxes, source, offsets, scores = boxes[passed], source[passed], offsets[passed], scores[passed]
        relative = points[passed].reshape(-1, 2, 5).transpose(1, 2)  # [M, 10] all x, then all y -> [M, 5, 2]
        size = (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]  # [M, 1, 2]
        landmarks = relative * size + boxes[:, None, :2] - 1
        boxes = apply_regression(boxes, offsets)
        kept = apply_nms(boxes, scores, image_index[source], 0.7, over_smaller=True)
        return boxes[kept], scores[kept], landmarks[kept], source[kept]


def normalize_pixels(pixels: Tensor) -> Tensor:
    """Pixels as the networks were trained on them: (x - 127.5) / 128."""
    return (pixels - 127.5) * 0.0078125


def crop_windows(
    integral: Int[Tensor, "h w B 3"], boxes: Float[Tensor, "N 4"], image_index: Int[Tensor, " N"], size: int
) -> tuple[Float[Tensor, "M 3 S S"], Int[Tensor, " M"]]:
    """Crop each box from its image and resize it. Boxes outside of the image are left out.

    Returns:
        The normalised crops, and the indices of their boxes.
    """
    whole = boxes.trunc().long()
    limit = torch.tensor([integral.shape[1] - 1, integral.shape[0] - 1], device=boxes.device)
    edges = torch.cat([whole[:, :2].clamp(min=1) - 1, torch.minimum(whole[:, 2:], limit)], 1)
    inside = (edges[:, 2:] > edges[:, :2]).all(1).nonzero()[:, 0]
    return normalize_pixels(crop_boxes(integral, edges[inside], image_index[inside], size)), inside
