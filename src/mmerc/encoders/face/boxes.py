"""Boxes (left, top, right, bottom) in pixels: how much they share, and which of many that mean the same are kept."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

BLOCK = 512  # boxes compared with all others at once


def overlaps(boxes: Float[Tensor, "N 4"], others: Float[Tensor, "M 4"]) -> Float[Tensor, "N M"]:
    """Intersection over union of every pair.

    >>> overlaps(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).tolist()
    [[1.0, 0.3333333432674408, 0.0]]
    """
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)  # [N, M]
    areas = [(each[:, 2:] - each[:, :2]).prod(-1) for each in (boxes, others)]
    return shared / (areas[0][:, None] + areas[1][None] - shared).clamp(min=1e-6)


def squared(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """The square of the longer side around each box's centre."""
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.max(1, keepdim=True).values
    corner = boxes[:, :2] + size * 0.5 - side * 0.5
    return torch.cat([corner, corner + side], 1)


def corrected(boxes: Float[Tensor, "N 4"], correction: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    size = (boxes[:, 2:] - boxes[:, :2] + 1).repeat(1, 2)
    return boxes + correction * size


def suppressed(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    owner: Int[Tensor, " N"],
    threshold: float,
    *,
    smaller: bool = False,
) -> Int[Tensor, " M"]:
    """Non-maximum suppression within each image: indices of the boxes that stay, best first.

    Overlap is intersection over union; with `smaller`, intersection over the smaller box, counted in whole pixels
    as the last stage of MTCNN does.
    """
    order = scores.argsort(descending=True, stable=True)
    kept = []
    for image in owner.unique().tolist():
        mine = order[owner[order] == image]
        kept.append(mine[_standing(boxes[mine], threshold, smaller=smaller)])
    if not kept:
        return order
    found = torch.cat(kept)
    return found[scores[found].argsort(descending=True, stable=True)]


def _standing(boxes: Float[Tensor, "N 4"], threshold: float, *, smaller: bool) -> Int[Tensor, " M"]:
    """The places of the boxes that no better one, further in front, suppresses."""
    extra = 1.0 if smaller else 0.0
    size = boxes[:, 2:] - boxes[:, :2] + extra
    sizes = size.prod(1)
    standing = np.ones(len(boxes), bool)
    for first in range(0, len(boxes), BLOCK):  # a block of boxes against all behind them: memory grows linearly
        last = min(first + BLOCK, len(boxes))
        if not standing[first:last].any():
            continue
        front, behind = boxes[first:last, None], boxes[None, first:]
        shared = torch.minimum(front[..., 2:], behind[..., 2:]) - torch.maximum(front[..., :2], behind[..., :2]) + extra
        shared = shared.clamp(min=0).prod(-1)  # [block, rest]
        pair = sizes[first:last, None], sizes[None, first:]
        whole = torch.minimum(*pair) if smaller else pair[0] + pair[1] - shared
        covers = (shared > threshold * whole).cpu().numpy()
        for place in range(last - first):
            if standing[first + place]:
                standing[first + place + 1 :] &= ~covers[place, place + 1 :]
    return torch.from_numpy(standing).nonzero()[:, 0].to(boxes.device)
