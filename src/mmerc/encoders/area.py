"""Pictures made smaller by the mean over areas, as torch's `interpolate(mode="area")` does it, many sizes from one sum.

Every place of the summed-area table holds the sum of all pixels above and to the left (Crow 1984), so the mean over any
rectangle is four look-ups: a pyramid of eleven sizes and hundreds of cut-out faces cost little more than the table. Pixels
are whole numbers, and their sums are exact.
"""

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F


def summed(images: UInt8[Tensor, "B H W 3"]) -> Int[Tensor, "B h w 3"]:
    """h = H + 1, w = W + 1. Beyond 8 million pixels the 32 bits overflow, and differences are right all the same."""
    table = images.to(torch.int32).cumsum(1, dtype=torch.int32).cumsum(2, dtype=torch.int32)
    return F.pad(table, (0, 0, 1, 0, 1, 0))


def resized(table: Int[Tensor, "B h w 3"], height: int, width: int) -> Float[Tensor, "B 3 H W"]:
    """Each whole picture in another size."""
    top, bottom = _edges(torch.tensor([0]), torch.tensor([table.shape[1] - 1]), height, table.device)
    left, right = _edges(torch.tensor([0]), torch.tensor([table.shape[2] - 1]), width, table.device)
    rows = table.index_select(1, bottom[0]) - table.index_select(1, top[0])  # [B, H, w, 3]
    sums = rows.index_select(2, right[0]) - rows.index_select(2, left[0])  # [B, H, W, 3]
    area = (bottom - top)[0][:, None] * (right - left)[0][None]  # [H, W]
    return (sums / area[..., None]).permute(0, 3, 1, 2)


def cut(
    table: Int[Tensor, "B h w 3"], boxes: Int[Tensor, "N 4"], owner: Int[Tensor, " N"], side: int
) -> Float[Tensor, "N 3 S S"]:
    """Each box (left, top, right, bottom, the last two excluded) of its picture as a square of this side."""
    left, right = _edges(boxes[:, 0], boxes[:, 2], side, table.device)  # [N, S] each
    top, bottom = _edges(boxes[:, 1], boxes[:, 3], side, table.device)
    flat = table.reshape(-1, 3)
    start = owner * (table.shape[1] * table.shape[2])

    def at(rows: Tensor, columns: Tensor) -> Tensor:
        return flat[start[:, None, None] + rows[:, :, None] * table.shape[2] + columns[:, None]]  # [N, S, S, 3]

    sums = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
    area = (bottom - top)[:, :, None] * (right - left)[:, None]  # [N, S, S]
    return (sums / area[..., None]).permute(0, 3, 1, 2)


def _edges(
    low: Int[Tensor, " N"], high: Int[Tensor, " N"], count: int, device: torch.device
) -> tuple[Int[Tensor, "N S"], Int[Tensor, "N S"]]:
    """First and last (excluded) pixel of each of `count` parts of each stretch; parts share a pixel that both touch."""
    place = torch.arange(count, device=device)[None]
    low, size = low.to(device)[:, None], (high - low).to(device)[:, None]
    return low + place * size // count, low - (-(place + 1) * size // count)
