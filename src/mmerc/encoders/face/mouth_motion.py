"""How a mouth moves from frame to frame, without the movement of the head.

The shift of the head is measured between the eyes and the nose, which do not move in speech. The mouth is then compared at the shifted
position.
"""

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from mmerc.encoders.face.active_speaker import MOUTH_CORNERS, MOUTH_REACH, MOUTH_SIZE
from mmerc.encoders.face.integral_image import compute_integral_image, crop_boxes
from mmerc.encoders.face.tracks import Track

HEAD_SIZE, MARGIN = 32, 4  # pixels of the crop of the eyes and the nose, and how far it may have moved
PAIRS_AT_ONCE = 8  # pairs of frames whose integral images are in memory


def measure_mouth_motion(track: Track, images: UInt8[Tensor, "F H W 3"]) -> Float[Tensor, " M"]:
    """The mean change of the mouth's standardised grey values from each frame of the track to the next; M = N - 1."""
    parts = []
    for first in range(0, len(track) - 1, PAIRS_AT_ONCE):
        frames = track.frames[first : first + PAIRS_AT_ONCE + 1]
        landmarks = track.landmarks[first : first + PAIRS_AT_ONCE + 1]
        landmarks = (landmarks[:-1] + landmarks[1:]) / 2  # [P, 5, 2], the same position in both frames of a pair
        index = torch.arange(len(frames) - 1)
        integral = compute_integral_image(images[frames])
        shift = measure_shift(integral, landmarks, index)  # [P, 2]
        corners = landmarks[:, MOUTH_CORNERS]
        reach = ((corners[:, 1] - corners[:, 0]).norm(dim=1) * MOUTH_REACH).clamp(min=2)[:, None]
        boxes = torch.cat([corners.mean(1) - reach, corners.mean(1) + reach], 1)
        before = standardize(crop_inside(integral, boxes, index, MOUTH_SIZE))
        after = standardize(crop_inside(integral, boxes + shift.repeat(1, 2), index + 1, MOUTH_SIZE))
        parts.append((after - before).abs().mean((1, 2)))
    return torch.cat(parts) if parts else torch.zeros(0)


def measure_shift(
    integral: Int[Tensor, "h w B 3"], landmarks: Float[Tensor, "P 5 2"], index: Int[Tensor, " P"]
) -> Float[Tensor, "P 2"]:
    """How far the eyes and the nose move to the next frame, in pixels: the shift with the smallest squared difference.

    Between whole pixels of the crop the minimum is that of a parabola.
    """
    eyes, nose = landmarks[:, :2], landmarks[:, 2]
    width = (eyes[:, 1] - eyes[:, 0]).norm(dim=1).clamp(min=4)[:, None]
    centre = (eyes.mean(1) + nose) / 2
    unit = 2 * width / HEAD_SIZE  # image pixels per pixel of the crop
    near = standardize(crop_inside(integral, torch.cat([centre - width, centre + width], 1), index, HEAD_SIZE))
    reach = width + MARGIN * unit
    size = HEAD_SIZE + 2 * MARGIN
    far = standardize(crop_inside(integral, torch.cat([centre - reach, centre + reach], 1), index + 1, size))
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
    integral: Int[Tensor, "h w B 3"], boxes: Float[Tensor, "P 4"], index: Int[Tensor, " P"], size: int
) -> Float[Tensor, "P S S"]:
    """Grey crops of the boxes as far as they are inside of the image."""
    limit = torch.tensor([integral.shape[1] - 1, integral.shape[0] - 1])
    low = torch.minimum(boxes[:, :2].round().long().clamp(min=0), limit - 1)
    high = torch.maximum(torch.minimum(boxes[:, 2:].round().long(), limit), low + 1)
    return crop_boxes(integral, torch.cat([low, high], 1), index, size).mean(1)


def standardize(crops: Float[Tensor, "P S S"]) -> Float[Tensor, "P S S"]:
    """The crops with the mean 0 and the standard deviation 1."""
    return (crops - crops.mean((1, 2), keepdim=True)) / crops.std((1, 2), keepdim=True).clamp(min=1)
