"""The first stage of MTCNN: the levels of the image pyramid, and the windows in which the first network sees a face."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmerc.encoders.face.boxes import apply_nms, make_square

STRIDE, CELL = 2, 12  # the proposal network scores windows of 12x12 pixels, two pixels apart


def iterate_levels(
    height: int, width: int, *, min_face_size: float, factor: float, min_window: float = 0.0
) -> Iterator[tuple[float, int, int]]:
    """The scale, height and width of each level of the pyramid, largest level first.

    A window of the first level covers `min_face_size` pixels of the image. Each level is `factor` times the one before it. Levels
    whose windows cover less than `min_window` pixels are left out.
    """
    scale = CELL / min_face_size
    side = min(height, width) * scale
    while side >= CELL:
        if CELL / scale >= min_window:
            yield scale, int(height * scale + 1), int(width * scale + 1)
        scale *= factor
        side *= factor


class Proposals:
    """Collects the windows that score at least `threshold`, level by level."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.parts: list[tuple[Tensor, ...]] = []  # boxes [N, 4], scores [N], offsets [N, 4], image indices [N]

    def add(
        self,
        offsets: Float[Tensor, "P 4 h w"],
        scores: Float[Tensor, "P h w"],
        scale: float,
        image_index: Int[Tensor, " P"],
        first_cell: Int[Tensor, "P 2"],
    ) -> None:
        """Add the network's output for P crops of a level; `first_cell` is the cell (x, y) at each crop's corner."""
        crop, row, column = (scores >= self.threshold).nonzero(as_tuple=True)  # [N] each
        corner = (first_cell[crop] + torch.stack([column, row], 1)).to(scores.dtype) * STRIDE + 1  # [N, 2]
        boxes = torch.cat([(corner / scale).floor(), ((corner + CELL - 1) / scale).floor()], 1)
        passed = scores[crop, row, column]
        kept = apply_nms(boxes, passed, image_index[crop], 0.5)
        crop, row, column = crop[kept], row[kept], column[kept]
        self.parts.append((boxes[kept], passed[kept], offsets[crop, :, row, column], image_index[crop]))

    def merge(self, device: torch.device) -> tuple[Float[Tensor, "N 4"], Int[Tensor, " N"]]:
        """The windows of all levels after NMS, with box regression and as squares, and the image index of each."""
        if not self.parts:
            return torch.zeros(0, 4, device=device), torch.zeros(0, dtype=torch.long, device=device)
        boxes, scores, offsets, image_index = (torch.cat(part) for part in zip(*self.parts, strict=True))
        kept = apply_nms(boxes, scores, image_index, 0.7)
        boxes = boxes[kept]
        size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)  # without the last pixel, unlike `apply_regression`
        return make_square(boxes + offsets[kept] * size), image_index[kept]
