"""MTCNN as facenet-pytorch computes it, image by image: the reference for `mmerc.encoders.face.mtcnn`.

Each pyramid level and each crop is made by torch's area interpolation, and NMS compares one box after the other with all
remaining boxes.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.face.boxes import apply_regression, make_square
from mmerc.encoders.face.detector import Faces
from mmerc.encoders.face.mtcnn import CROPS_AT_ONCE, MTCNN, normalize_pixels
from mmerc.encoders.face.proposals import CELL, STRIDE


@torch.inference_mode()
def detect_faces(detector: MTCNN, images: Tensor) -> list[Faces]:
    """The faces of each image [H, W, 3], with the networks and thresholds of the detector."""
    dtype = detector.pnet.conv1.weight.dtype
    return [_detect(detector, image[None].permute(0, 3, 1, 2).to(dtype)) for image in images]


def _detect(detector: MTCNN, image: Tensor) -> Faces:
    boxes = _propose(detector, image)
    boxes = _refine(detector, image, boxes)
    boxes, scores, landmarks = _find_faces(detector, image, boxes)
    order = scores.argsort(descending=True)
    return Faces(boxes[order], scores[order], landmarks[order], boxes[order])


def _propose(detector: MTCNN, image: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    parts = []
    scale = CELL / detector.min_face_size
    while min(height, width) * scale >= CELL:
        level = F.interpolate(image, (int(height * scale + 1), int(width * scale + 1)), mode="area")
        offsets, scores = (output[0] for output in detector.pnet(normalize_pixels(level)))  # [4, h, w], [h, w]
        row, column = (scores >= detector.thresholds[0]).nonzero(as_tuple=True)  # [N] each
        corner = torch.stack([column, row], 1).to(scores.dtype) * STRIDE + 1  # [N, 2]
        boxes = torch.cat([(corner / scale).floor(), ((corner + CELL - 1) / scale).floor()], 1)  # [N, 4]
        kept = apply_nms(boxes, scores[row, column], 0.5)
        parts.append((boxes[kept], scores[row, column][kept], offsets[:, row, column].T[kept]))
        scale *= detector.factor
    if not parts:
        return image.new_zeros(0, 4)
    boxes, scores, offsets = (torch.cat(part) for part in zip(*parts, strict=True))
    kept = apply_nms(boxes, scores, 0.7)
    size = (boxes[kept, 2:] - boxes[kept, :2]).repeat(1, 2)
    return make_square(boxes[kept] + offsets[kept] * size)


def _refine(detector: MTCNN, image: Tensor, boxes: Tensor) -> Tensor:
    crops, boxes = _crop(image, boxes, 24)
    if not len(boxes):
        return boxes
    outputs = zip(*map(detector.rnet, crops.split(CROPS_AT_ONCE)), strict=True)
    offsets, scores = (torch.cat(part) for part in outputs)
    passed = (scores > detector.thresholds[1]).nonzero()[:, 0]
    boxes, offsets = boxes[passed], offsets[passed]
    kept = apply_nms(boxes, scores[passed], 0.7)
    return make_square(apply_regression(boxes[kept], offsets[kept]))


def _find_faces(detector: MTCNN, image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    crops, boxes = _crop(image, boxes, 48)
    if not len(boxes):
        return boxes, boxes.new_zeros(0), boxes.new_zeros(0, 5, 2)
    outputs = zip(*map(detector.onet, crops.split(CROPS_AT_ONCE)), strict=True)
    offsets, points, scores = (torch.cat(part) for part in outputs)
    passed = (scores > detector.thresholds[2]).nonzero()[:, 0]
    boxes, offsets, scores = boxes[passed], offsets[passed], scores[passed]
    relative = points[passed].reshape(-1, 2, 5).transpose(1, 2)  # [M, 10] all x, then all y -> [M, 5, 2]
    size = (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]  # [M, 1, 2]
    landmarks = relative * size + boxes[:, None, :2] - 1
    boxes = apply_regression(boxes, offsets)
    kept = apply_nms(boxes, scores, 0.7, over_smaller=True)
    return boxes[kept], scores[kept], landmarks[kept]


def _crop(image: Tensor, boxes: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Crop and resize each box; boxes outside of the image are left out."""
    height, width = image.shape[-2:]
    whole = boxes.trunc().long()
    left, top = whole[:, 0].clamp(min=1) - 1, whole[:, 1].clamp(min=1) - 1
    right, bottom = whole[:, 2].clamp(max=width), whole[:, 3].clamp(max=height)
    inside = ((right > left) & (bottom > top)).nonzero()[:, 0]
    edges = torch.stack([top, bottom, left, right], 1)[inside].tolist()
    crops = [F.interpolate(image[:, :, a:b, c:d], (size, size), mode="area") for a, b, c, d in edges]
    joined = torch.cat(crops) if crops else image.new_zeros(0, 3, size, size)
    return normalize_pixels(joined), boxes[inside]


def apply_nms(boxes: Tensor, scores: Tensor, threshold: float, *, over_smaller: bool = False) -> Tensor:
    """The indices of the boxes that non-maximum suppression keeps, highest score first."""
    order = scores.argsort(descending=True, stable=True)
    boxes = boxes[order]
    extra = 1.0 if over_smaller else 0.0  # counts whole pixels
    area = (boxes[:, 2:] - boxes[:, :2] + extra).prod(1)
    is_kept = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    for index in range(len(boxes)):
        if not is_kept[index]:
            continue
        rest = boxes[index + 1 :]
        sides = torch.minimum(boxes[index, 2:], rest[:, 2:]) - torch.maximum(boxes[index, :2], rest[:, :2]) + extra
        shared = sides.clamp(min=0).prod(1)
        other = area[index + 1 :]
        denominator = torch.minimum(area[index], other) if over_smaller else area[index] + other - shared
        is_kept[index + 1 :] &= shared <= threshold * denominator
    return order[is_kept]
