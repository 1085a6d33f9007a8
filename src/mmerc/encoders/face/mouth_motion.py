"""How a mouth moves from frame to frame, without the movement of the head.

The shift of the head is measured between the eyes and the nose, which do not move in speech. The mouth is then compared at the shifted
position. Only the part of the frames that these crops can reach is read.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from mmerc.encoders.face.active_speaker import MOUTH_CORNERS, MOUTH_REACH, MOUTH_SIZE
from mmerc.encoders.face.integral_image import compute_integral_image, crop_boxes
from mmerc.encoders.face.tracks import Track

HEAD_SIZE, MARGIN = 32, 4  # pixels of the crop of the eyes and the nose, and how far it may have moved
PAIRS_AT_ONCE = 8  # pairs of frames whose integral images are in memory


@dataclass(frozen=True)
class Region:
    """The part of some frames in which a face is.

    Attributes:
        integral: its integral images.
        corner: its left top corner (x, y) in the frames.
        limit: width and height of the frames.
    """

    integral: Int[Tensor, "h w B 3"]
    corner: Int[Tensor, " 2"]
    limit: Int[Tensor, " 2"]


def measure_mouth_motion(track: Track, images: UInt8[Tensor, "F H W 3"]) -> Float[Tensor, " M"]:
    """The mean change of the mouth's standardised grey values from each frame of the track to the next; M = N - 1."""
    parts = []
    for first in range(0, len(track) - 1, PAIRS_AT_ONCE):
        frames = track.frames[first : first + PAIRS_AT_ONCE + 1]
        landmarks = track.landmarks[first : first + PAIRS_AT_ONCE + 1]
        landmarks = (landmarks[:-1] + landmarks[1:]) / 2  # [P, 5, 2], the same position in both frames of a pair
        index = torch.arange(len(frames) - 1)
        region = cut_region(images, frames, landmarks)
        shift = measure_shift(region, landmarks, index)  # [P, 2]
        mouth = place_mouth(landmarks)
        before = standardize(crop_inside(region, mouth, index, MOUTH_SIZE))
        after = standardize(crop_inside(region, mouth + shift.repeat(1, 2), index + 1, MOUTH_SIZE))
        parts.append((after - before).abs().mean((1, 2)))
    return torch.cat(parts) if parts else torch.zeros(0)


def cut_region(images: UInt8[Tensor, "F H W 3"], frames: list[int], landmarks: Float[Tensor, "P 5 2"]) -> Region:
    """The part of these frames that `measure_mouth_motion` reads: the integral image of a whole frame takes most of its time."""
    head, _, margin = place_head(landmarks)
    mouth = place_mouth(landmarks)
    reach = margin.repeat(1, 4) * torch.tensor([-1, -1, 1, 1])
    boxes = torch.cat([head + reach, mouth + reach])  # the shift is at most the margin and half a step
    boxes = torch.cat([boxes[:, :2].floor() - 1, boxes[:, 2:].ceil() + 1], 1)
    limit = torch.tensor([images.shape[2], images.shape[1]])
    low, high = clamp_boxes(torch.cat([boxes[:, :2].amin(0), boxes[:, 2:].amax(0)])[None], limit)
    (left, top), (right, bottom) = low[0].tolist(), high[0].tolist()
    return Region(compute_integral_image(images[frames, top:bottom, left:right]), low[0], limit)


def place_head(landmarks: Float[Tensor, "P 5 2"]) -> tuple[Tensor, Tensor, Tensor]:
    """The box around the eyes and the nose [P, 4], the pixels for each pixel of its crop [P, 1], and the margin in pixels [P, 1]."""
    eyes, nose = landmarks[:, :2], landmarks[:, 2]
    width = (eyes[:, 1] - eyes[:, 0]).norm(dim=1).clamp(min=4)[:, None]
    centre = (eyes.mean(1) + nose) / 2
    unit = 2 * width / HEAD_SIZE
    return torch.cat([centre - width, centre + width], 1), unit, (MARGIN + 1) * unit


def place_mouth(landmarks: Float[Tensor, "P 5 2"]) -> Float[Tensor, "P 4"]:
    """The box around the mouth."""
    corners = landmarks[:, MOUTH_CORNERS]
    reach = ((corners[:, 1] - corners[:, 0]).norm(dim=1) * MOUTH_REACH).clamp(min=2)[:, None]
    return torch.cat([corners.mean(1) - reach, corners.mean(1) + reach], 1)


def measure_shift(region: Region, landmarks: Float[Tensor, "P 5 2"], index: Int[Tensor, " P"]) -> Float[Tensor, "P 2"]:
    """How far the eyes and the nose move to the next frame, in pixels: the shift with the smallest squared difference.

    Between whole pixels of the crop the minimum is that of a parabola.
    """
    head, unit, _ = place_head(landmarks)
    near = standardize(crop_inside(region, head, index, HEAD_SIZE))
    reach = (MARGIN * unit).repeat(1, 4) * torch.tensor([-1, -1, 1, 1])
    size = HEAD_SIZE + 2 * MARGIN
    far = standardize(crop_inside(region, head + reach, index + 1, size))
    patches = far.unfold(1, HEAD_SIZE, 1).unfold(2, HEAD_SIZE, 1)  # [P, K, K, S, S]
    cost = (patches - near[:, None, None]).square().mean((3, 4))  # [P, K, K]
    best = cost.flatten(1).argmin(1)
    rows, columns = best // cost.shape[2], best % cost.shape[2]
    pair = torch.arange(len(cost))
    across = columns + refine(cost[pair, rows], columns)
    down = rows + refine(cost[pair, :, columns], rows)
    shift: Tensor = (torch.stack([across, down], 1) - MARGIN) * unit
    return shift


def refine(costs: Float[Tensor, "P K"], best: Int[Tensor, " P"]) -> Float[Tensor, " P"]:
    """The minimum of the parabola through the best of K costs and its neighbours, from -0.5 to 0.5 of a step.

    >>> refine(torch.tensor([[9.0, 1.0, 1.0, 9.0]]), torch.tensor([1])).tolist()
    [0.5]
    """
    pair, last = torch.arange(len(costs)), costs.shape[1] - 1
    low, middle, high = (costs[pair, (best + step).clamp(0, last)] for step in (-1, 0, 1))
    bend = low - 2 * middle + high
    inside = (best > 0) & (best < last) & (bend > 0)
    return torch.where(inside, (low - high) / (2 * bend.clamp(min=1e-9)), 0.0).clamp(-0.5, 0.5)


def crop_inside(
    region: Region, boxes: Float[Tensor, "P 4"], index: Int[Tensor, " P"], size: int
) -> Float[Tensor, "P S S"]:
    """Grey crops of the boxes as far as they are inside of the image."""
    low, high = clamp_boxes(boxes, region.limit)
    inside = torch.cat([low - region.corner, high - region.corner], 1)
    return crop_boxes(region.integral, inside, index, size).mean(1)


def clamp_boxes(boxes: Float[Tensor, "P 4"], limit: Int[Tensor, " 2"]) -> tuple[Int[Tensor, "P 2"], Int[Tensor, "P 2"]]:
    """The first and the last (excluded) whole pixels (x, y) of boxes that are inside of an image; there is at least one."""
    low = torch.minimum(boxes[:, :2].round().long().clamp(min=0), limit - 1)
    return low, torch.maximum(torch.minimum(boxes[:, 2:].round().long(), limit), low + 1)


def standardize(crops: Float[Tensor, "P S S"]) -> Float[Tensor, "P S S"]:
    """The crops with the mean 0 and the standard deviation 1."""
    return (crops - crops.mean((1, 2), keepdim=True)) / crops.std((1, 2), keepdim=True).clamp(min=1)
