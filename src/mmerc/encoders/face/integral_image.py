"""Pictures made smaller by the mean over areas, as torch's `interpolate(mode="area")` does it, many sizes from one sum.

Every place of the summed-area table holds the sum of all pixels above and to the left (Crow 1984), so the mean over any
rectangle is four look-ups: a pyramid of eleven sizes and hundreds of cut-out faces cost little more than the table. Pixels
are whole numbers, and their sums are exact. The pictures of a batch lie innermost in the table: what is looked up for all
of them lies together.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor


def summed(images: UInt8[Tensor, "B H W 3"]) -> Int[Tensor, "h w B 3"]:
    """h = H + 1, w = W + 1. Beyond 8 million pixels the 32 bits overflow, and differences are right all the same."""
    count, height, width, _ = images.shape
    table = torch.zeros(height + 1, width + 1, count, 3, dtype=torch.int32, device=images.device)
    table[1:, 1:] = images.permute(1, 2, 0, 3)
    torch.cumsum(table, 0, out=table)
    torch.cumsum(table, 1, out=table)
    return table


def resized(table: Int[Tensor, "h w B 3"], height: int, width: int) -> Float[Tensor, "B 3 H W"]:
    """Each whole picture in another size."""
    top, bottom = _parts(torch.arange(height, device=table.device), table.shape[0] - 1, height)
    left, right = _parts(torch.arange(width, device=table.device), table.shape[1] - 1, width)
    rows = table.index_select(0, bottom).sub_(table.index_select(0, top))  # [H, w, B, 3]
    sums = rows.index_select(1, right).sub_(rows.index_select(1, left))  # [H, W, B, 3]
    area = (bottom - top)[:, None] * (right - left)[None]  # [H, W]
    return (sums / area[..., None, None]).permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


def cut(
    table: Int[Tensor, "h w B 3"], boxes: Int[Tensor, "N 4"], owner: Int[Tensor, " N"], side: int
) -> Float[Tensor, "N 3 S S"]:
    """Each box (left, top, right, bottom, the last two excluded) of its picture as a square of this side."""
    place = torch.arange(side, device=table.device)[None]
    left, top, right, bottom = (boxes[:, number, None] for number in range(4))  # [N, 1] each
    rows, columns = top + _parts(place, bottom - top, side), left + _parts(place, right - left, side)
    return _means(table, owner, rows, columns)


def pieces(
    table: Int[Tensor, "h w B 3"],
    owner: Int[Tensor, " N"],
    corners: Int[Tensor, "N 2"],
    size: Sequence[int],
    level: tuple[int, int],
) -> Float[Tensor, "N 3 R C"]:
    """Parts of this size out of what `resized` makes of each one's picture, from their corners (x, y) on.

    `size`, `level`: width and height of a part, and of the whole.
    """
    columns, rows = (
        _parts(corners[:, axis, None] + torch.arange(size[axis], device=table.device), whole, level[axis])
        for axis, whole in enumerate((table.shape[1] - 1, table.shape[0] - 1))
    )  # first and last, [2, N, C] and [2, N, R]
    return _means(table, owner, rows, columns)


def _parts(place: Int[Tensor, "*N S"], size: int | Int[Tensor, "N 1"], count: int) -> Int[Tensor, "2 *M S"]:
    """First and last (excluded) pixel of these of `count` parts of a stretch; parts share a pixel that both touch."""
    return torch.stack([place * size // count, -(-(place + 1) * size // count)])


def _means(
    table: Int[Tensor, "h w B 3"], owner: Int[Tensor, " N"], rows: Int[Tensor, "2 N R"], columns: Int[Tensor, "2 N C"]
) -> Float[Tensor, "N 3 R C"]:
    """The means over all rectangles that these rows and columns make of each one's picture."""
    _, width, count, _ = table.shape
    edges = rows.movedim(0, 1)[..., None, None] * width + columns.movedim(0, 1)[:, None, None]  # [N, 2, R, 2, C]
    places = edges * count + owner[:, None, None, None, None]
    sums = table.reshape(-1, 3).index_select(0, places.flatten()).reshape(*places.shape, 3)
    sums = sums[:, 1] - sums[:, 0]  # [N, R, 2, C, 3]
    sums = sums[:, :, 1] - sums[:, :, 0]  # [N, R, C, 3]
    area = (rows[1] - rows[0])[:, :, None] * (columns[1] - columns[0])[:, None]  # [N, R, C]
    return (sums / area[..., None]).permute(0, 3, 1, 2)
