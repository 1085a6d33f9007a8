"""Operations on boxes (left, top, right, bottom) in pixels: intersection over union, NMS, box regression."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

BOXES_AT_ONCE = 512  # boxes that NMS compares with all following boxes at once, so memory grows linearly


def compute_iou(boxes: Float[Tensor, "N 4"], others: Float[Tensor, "M 4"]) -> Float[Tensor, "N M"]:
    """Intersection over union of every pair.

    >>> compute_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).tolist()
    [[1.0, 0.3333333432674408, 0.0]]
    """
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    intersection = (high - low).clamp(min=0).prod(-1)  # [N, M]
    areas = [(each[:, 2:] - each[:, :2]).prod(-1) for each in (boxes, others)]
    return intersection / (areas[0][:, None] + areas[1][None] - intersection).clamp(min=1e-6)


def make_square(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """The square with the same centre and the side of the box's longer side."""
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.max(1, keepdim=True).values
    corner = boxes[:, :2] + size * 0.5 - side * 0.5
    return torch.cat([corner, corner + side], 1)


def apply_regression(boxes: Float[Tensor, "N 4"], offsets: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """Move each edge by its offset, in units of the box's width or height. The last pixel belongs to the box."""
    size = (boxes[:, 2:] - boxes[:, :2] + 1).repeat(1, 2)
    return boxes + offsets * size


def apply_nms(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    image_index: Int[Tensor, " N"],
    threshold: float,
    *,
    over_smaller: bool = False,
) -> Int[Tensor, " M"]:
    """Non-maximum suppression within each image: the indices of the boxes that are kept, highest score first.

    A box is dropped if its overlap with a kept box of a higher score is above `threshold`. The overlap is intersection over
    union or, with `over_smaller`, intersection over the area of the smaller box, in whole pixels, as in MTCNN's last stage.
    """
    order = scores.argsort(descending=True, stable=True)
    kept = []
    for image in sorted(set(image_index.tolist())):
        own = order[image_index[order] == image]
        kept.append(own[_find_kept(boxes[own], threshold, over_smaller=over_smaller)])
    if not kept:
        return order
    found = torch.cat(kept)
    return found[scores[found].argsort(descending=True, stable=True)]


def _find_kept(boxes: Float[Tensor, "N 4"], threshold: float, *, over_smaller: bool) -> Int[Tensor, " M"]:
    """The indices of the boxes that no earlier kept box suppresses; `boxes` are sorted by score."""
    extra = 1.0 if over_smaller else 0.0
    size = boxes[:, 2:] - boxes[:, :2] + extra
    areas = size.prod(1)
    is_kept = np.ones(len(boxes), bool)
    for first in range(0, len(boxes), BOXES_AT_ONCE):
        last = min(first + BOXES_AT_ONCE, len(boxes))
        if not is_kept[first:last].any():
            continue
        block, rest = boxes[first:last, None], boxes[None, first:]
        sides = torch.minimum(block[..., 2:], rest[..., 2:]) - torch.maximum(block[..., :2], rest[..., :2]) + extra
        intersection = sides.clamp(min=0).prod(-1)  # [block, rest]
        pair = areas[first:last, None], areas[None, first:]
        denominator = torch.minimum(*pair) if over_smaller else pair[0] + pair[1] - intersection
        suppresses = (intersection > threshold * denominator).cpu().numpy()
        for index in range(last - first):
            if is_kept[first + index]:
                is_kept[first + index + 1 :] &= ~suppresses[index, index + 1 :]
    return torch.from_numpy(is_kept).nonzero()[:, 0].to(boxes.device)
