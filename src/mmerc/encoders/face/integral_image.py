"""Fast reduction of images by area means, with the results of torch's `interpolate(mode="area")`.

Each element of an integral image (summed-area table, Crow 1984) is the sum of all pixels above it and to its left. The mean
over any rectangle then needs four look-ups, so a pyramid of eleven sizes and hundreds of crops cost little more than the
integral image itself. Pixels are integers, so the sums are exact.

The batch is the third axis, after height and width: a look-up at one position reads neighbouring memory for all images.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor


def compute_integral_image(images: UInt8[Tensor, "B H W 3"]) -> Int[Tensor, "h w B 3"]:
    """The integral images of a batch, with a row and a column of zeros in front: h = H + 1, w = W + 1.

    Above 8 million pixels the 32-bit sums overflow, but their differences stay correct.
    """
    count, height, width, _ = images.shape
    integral = torch.zeros(height + 1, width + 1, count, 3, dtype=torch.int32, device=images.device)
    integral[1:, 1:] = images.permute(1, 2, 0, 3)
    torch.cumsum(integral, 0, out=integral)
    torch.cumsum(integral, 1, out=integral)
    return integral


def resize_images(integral: Int[Tensor, "h w B 3"], height: int, width: int) -> Float[Tensor, "B 3 H W"]:
    """Resize each image to `height` and `width`."""
    top, bottom = _compute_edges(torch.arange(height, device=integral.device), integral.shape[0] - 1, height)
    left, right = _compute_edges(torch.arange(width, device=integral.device), integral.shape[1] - 1, width)
    rows = integral.index_select(0, bottom).sub_(integral.index_select(0, top))  # [H, w, B, 3]
    sums: Tensor = rows.index_select(1, right).sub_(rows.index_select(1, left))  # [H, W, B, 3]
    area: Tensor = (bottom - top)[:, None] * (right - left)[None]  # [H, W]
    return (sums / area[..., None, None]).permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


def crop_boxes(
    integral: Int[Tensor, "h w B 3"], boxes: Int[Tensor, "N 4"], image_index: Int[Tensor, " N"], size: int
) -> Float[Tensor, "N 3 S S"]:
    """Crop each box (left, top, right, bottom, the last two excluded) from its image and resize it to `size` pixels."""
    index = torch.arange(size, device=integral.device)[None]
    left, top, right, bottom = (boxes[:, column, None] for column in range(4))  # [N, 1] each
    rows = top + _compute_edges(index, bottom - top, size)  # [2, N, S]
    columns = left + _compute_edges(index, right - left, size)  # [2, N, S]
    return _compute_means(integral, image_index, rows, columns)


def crop_resized_images(
    integral: Int[Tensor, "h w B 3"],
    image_index: Int[Tensor, " N"],
    corners: Int[Tensor, "N 2"],
    size: Sequence[int],
    resized: tuple[int, int],
) -> Float[Tensor, "N 3 R C"]:
    """Crops of what `resize_images` returns, without computing the rest of it.

    Args:
        corners: the left top corner (x, y) of each crop in the resized image.
        size: width and height of each crop.
        resized: width and height of the resized images.
    """
    columns, rows = (
        _compute_edges(corners[:, axis, None] + torch.arange(size[axis], device=integral.device), full, resized[axis])
        for axis, full in enumerate((integral.shape[1] - 1, integral.shape[0] - 1))
    )  # [2, N, C] and [2, N, R]
    return _compute_means(integral, image_index, rows, columns)


def _compute_edges(index: Int[Tensor, "*N S"], length: int | Int[Tensor, "N 1"], count: int) -> Int[Tensor, "2 *M S"]:
    """First and last pixel (excluded) that output pixel `index` covers, if `length` pixels are reduced to `count`.

    Neighbouring output pixels share an input pixel that lies on their border.
    """
    return torch.stack([index * length // count, -(-(index + 1) * length // count)])


def _compute_means(
    integral: Int[Tensor, "h w B 3"],
    image_index: Int[Tensor, " N"],
    rows: Int[Tensor, "2 N R"],
    columns: Int[Tensor, "2 N C"],
) -> Float[Tensor, "N 3 R C"]:
    """The means over the rectangles between the first and last rows and columns, in each crop's own image."""
    _, width, count, _ = integral.shape
    corners = rows.movedim(0, 1)[..., None, None] * width + columns.movedim(0, 1)[:, None, None]  # [N, 2, R, 2, C]
    positions = corners * count + image_index[:, None, None, None, None]
    sums = integral.reshape(-1, 3).index_select(0, positions.flatten()).reshape(*positions.shape, 3)
    sums = sums[:, 1] - sums[:, 0]  # [N, R, 2, C, 3]
    sums = sums[:, :, 1] - sums[:, :, 0]  # [N, R, C, 3]
    area = (rows[1] - rows[0])[:, :, None] * (columns[1] - columns[0])[:, None]  # [N, R, C]
    return (sums / area[..., None]).permute(0, 3, 1, 2)
