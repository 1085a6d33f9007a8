"""MTCNN (Zhang et al. 2016): three small networks that find faces, each looking closer than the one before.

The arithmetic is that of facenet-pytorch 2.5.3. Boxes are (left, top, right, bottom) in pixels; landmarks are eyes, nose
and mouth corners as (x, y).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from mmerc import weights
from mmerc.encoders import area
from mmerc.encoders.mtcnn_networks import OutputNetwork, ProposalNetwork, RefinementNetwork

STRIDE, CELL = 2, 12  # the proposal network looks at 12x12 windows, two pixels apart
IMAGES_AT_ONCE = 8  # the largest pyramid level of eight 720p frames takes about 350 MB
CROPS_AT_ONCE = 512
LARGE = 6  # of a picture's shorter side, the part that a large face takes
BLOCK = 512  # boxes compared with all others at once


@dataclass(frozen=True)
class Faces:
    """The faces in one image, best score first.

    `offsets`: from each box to the window in which the last network saw it, in widths and heights of the box.
    """

    boxes: Float[Tensor, "N 4"]
    scores: Float[Tensor, " N"]
    landmarks: Float[Tensor, "N 5 2"]
    offsets: Float[Tensor, "N 4"]

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def heights(self) -> Float[Tensor, " N"]:
        """In pixels."""
        return self.boxes[:, 3] - self.boxes[:, 1]


class FaceDetector(nn.Module):
    """The cascade.

    `smallest`: side in pixels of the smallest face looked for; `thresholds`: scores that each network must give;
    `factor`: ratio of neighbouring sizes in the image pyramid. Defaults are facenet-pytorch's.
    """

    def __init__(
        self,
        *,
        smallest: int = 20,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
    ) -> None:
        super().__init__()
        self.smallest, self.thresholds, self.factor = smallest, thresholds, factor
        self.pnet, self.rnet, self.onet = ProposalNetwork(), RefinementNetwork(), OutputNetwork()

    @classmethod
    def pretrained(cls, *, smallest: int = 20) -> "FaceDetector":
        """With the public weights. Raises WeightsError where they have not been fetched."""
        detector = cls(smallest=smallest)
        weights.fill(detector, weights.load("mtcnn"), "mtcnn")
        return detector.eval().requires_grad_(False)

    @torch.inference_mode()
    def forward(self, images: UInt8[Tensor, "B H W 3"]) -> list[Faces]:
        """The faces of each image; images of one batch share a size."""
        found: list[Faces] = []
        for part in images.split(IMAGES_AT_ONCE):
            found += self._detect(area.summed(part))
        return found

    @torch.inference_mode()
    def large_first(self, images: UInt8[Tensor, "B H W 3"]) -> list[Faces]:
        """The faces of each image that are as high as a sixth of its shorter side; where there is none, all faces.

        The largest face is among them, at a fraction of the cost: nearly all of it is the search for the small ones.
        """
        found: list[Faces] = []
        for part in images.split(IMAGES_AT_ONCE):
            table = area.summed(part)
            smallest = min(part.shape[1:3]) / LARGE
            faces = self._detect(table, smallest)
            # Beside a face that came out smaller than what was searched for, a larger one may have been passed over.
            left = [place for place, there in enumerate(faces) if not (there.heights >= smallest).any()]
            if left:
                for place, there in zip(left, self._detect(table[left]), strict=True):
                    faces[place] = there
            found += faces
        return found

    @torch.inference_mode()
    def follow(self, images: UInt8[Tensor, "B H W 3"], before: list[Faces]) -> list[Faces]:
        """The faces of each image, given those of the frame before it: the last network looks where they were."""
        found: list[Faces] = []
        for start in range(0, len(images), IMAGES_AT_ONCE):
            table = area.summed(images[start : start + IMAGES_AT_ONCE])
            there = before[start : start + IMAGES_AT_ONCE]
            owner = torch.repeat_interleave(torch.arange(len(there)), torch.tensor([len(faces) for faces in there]))
            boxes, offsets = torch.cat([faces.boxes for faces in there]), torch.cat([faces.offsets for faces in there])
            windows = boxes + offsets * _doubled(boxes)
            boxes, scores, points, source = self._finish(table, windows, owner.to(boxes.device))
            found += grouped(boxes, scores, points, offsets[source], owner.to(boxes.device)[source], len(there))
        return found

    def _detect(self, table: Int[Tensor, "B h w 3"], smallest: float = 0.0) -> list[Faces]:
        """`smallest`: side in pixels of the smallest windows looked at, beyond the detector's own."""
        windows, owner = self._refine(table, *self._propose(table, smallest))
        boxes, scores, points, source = self._finish(table, windows, owner)
        offsets = (windows[source] - boxes) / _doubled(boxes)
        return grouped(boxes, scores, points, offsets, owner[source], len(table))

    def _propose(
        self, table: Int[Tensor, "B h w 3"], smallest: float
    ) -> tuple[Float[Tensor, "N 4"], Int[Tensor, " N"]]:
        height, width = table.shape[1] - 1, table.shape[2] - 1
        boxes, scores, corrections, owners = [], [], [], []
        for scale in self._scales(min(height, width), smallest):
            level = area.resized(table, int(height * scale + 1), int(width * scale + 1))
            correction, score = self.pnet(_normalised(level))  # [B, 4, h, w], [B, h, w]
            image, row, column = (score >= self.thresholds[0]).nonzero(as_tuple=True)  # [N] each
            corner = torch.stack([column, row], 1).to(score.dtype) * STRIDE + 1  # [N, 2]
            box = torch.cat([(corner / scale).floor(), ((corner + CELL - 1) / scale).floor()], 1)  # [N, 4]
            kept = suppressed(box, score[image, row, column], image, 0.5)
            boxes.append(box[kept])
            scores.append(score[image, row, column][kept])
            corrections.append(correction[image, :, row, column][kept])
            owners.append(image[kept])
        if not boxes:
            return torch.zeros(0, 4, device=table.device), torch.zeros(0, dtype=torch.long, device=table.device)
        box, owner, correction = torch.cat(boxes), torch.cat(owners), torch.cat(corrections)
        kept = suppressed(box, torch.cat(scores), owner, 0.7)
        box, owner, correction = box[kept], owner[kept], correction[kept]
        size = (box[:, 2:] - box[:, :2]).repeat(1, 2)
        return _squared(box + correction * size), owner

    def _refine(
        self, table: Int[Tensor, "B h w 3"], boxes: Float[Tensor, "N 4"], owner: Int[Tensor, " N"]
    ) -> tuple[Float[Tensor, "M 4"], Int[Tensor, " M"]]:
        crops, boxes, owner = _crops(table, boxes, owner, 24, owner)
        if not len(boxes):
            return boxes, owner
        correction, score = (torch.cat(part) for part in zip(*map(self.rnet, crops.split(CROPS_AT_ONCE)), strict=True))
        passed = (score > self.thresholds[1]).nonzero()[:, 0]
        boxes, owner, correction = boxes[passed], owner[passed], correction[passed]
        kept = suppressed(boxes, score[passed], owner, 0.7)
        return _squared(_corrected(boxes[kept], correction[kept])), owner[kept]

    def _finish(
        self, table: Int[Tensor, "B h w 3"], windows: Float[Tensor, "N 4"], owner: Int[Tensor, " N"]
    ) -> tuple[Float[Tensor, "M 4"], Float[Tensor, " M"], Float[Tensor, "M 5 2"], Int[Tensor, " M"]]:
        """Boxes, scores and landmarks of the faces in some windows, and which window each was seen in."""
        crops, boxes, source = _crops(table, windows, torch.arange(len(windows), device=windows.device), 48, owner)
        if not len(boxes):
            return boxes, boxes.new_zeros(0), boxes.new_zeros(0, 5, 2), source
        correction, points, score = (
            torch.cat(part) for part in zip(*map(self.onet, crops.split(CROPS_AT_ONCE)), strict=True)
        )
        passed = (score > self.thresholds[2]).nonzero()[:, 0]
        boxes, source, correction, score = boxes[passed], source[passed], correction[passed], score[passed]
        relative = points[passed].reshape(-1, 2, 5).transpose(1, 2)  # [M, 10] all x, then all y -> [M, 5, 2]
        size = (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]  # [M, 1, 2]
        points = relative * size + boxes[:, None, :2] - 1
        boxes = _corrected(boxes, correction)
        kept = suppressed(boxes, score, owner[source], 0.7, smaller=True)
        return boxes[kept], score[kept], points[kept], source[kept]

    def _scales(self, side: float, smallest: float = 0.0) -> Iterator[float]:
        """Reductions of a picture of that shorter side at which a cell covers `smallest` pixels or more."""
        scale = CELL / self.smallest
        side *= scale
        while side >= CELL:
            if CELL / scale >= smallest:
                yield scale
            scale *= self.factor
            side *= self.factor


def _normalised(pixels: Tensor) -> Tensor:
    return (pixels - 127.5) * 0.0078125


def _squared(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """The square of the longer side around each box's centre."""
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.max(1, keepdim=True).values
    corner = boxes[:, :2] + size * 0.5 - side * 0.5
    return torch.cat([corner, corner + side], 1)


def _corrected(boxes: Float[Tensor, "N 4"], correction: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    size = (boxes[:, 2:] - boxes[:, :2] + 1).repeat(1, 2)
    return boxes + correction * size


def grouped(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    points: Float[Tensor, "N 5 2"],
    offsets: Float[Tensor, "N 4"],
    owner: Int[Tensor, " N"],
    images: int,
) -> list[Faces]:
    """The faces of each image by themselves, best first."""
    faces = []
    for image in range(images):
        mine = (owner == image).nonzero()[:, 0]
        mine = mine[scores[mine].argsort(descending=True)]
        faces.append(Faces(boxes[mine], scores[mine], points[mine], offsets[mine]))
    return faces


def _doubled(boxes: Float[Tensor, "N 4"]) -> Float[Tensor, "N 4"]:
    """Width and height, twice."""
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=1).repeat(1, 2)


def _crops(
    table: Int[Tensor, "B h w 3"],
    boxes: Float[Tensor, "N 4"],
    marks: Int[Tensor, " N"],
    side: int,
    owner: Int[Tensor, " N"],
) -> tuple[Float[Tensor, "M 3 S S"], Float[Tensor, "M 4"], Int[Tensor, " M"]]:
    """Each box cut out of its owner and scaled; boxes that lie outside it are dropped, and with them their marks."""
    whole = boxes.trunc().long()
    most = torch.tensor([table.shape[2] - 1, table.shape[1] - 1], device=boxes.device)
    edges = torch.cat([whole[:, :2].clamp(min=1) - 1, torch.minimum(whole[:, 2:], most)], 1)
    inside = (edges[:, 2:] > edges[:, :2]).all(1).nonzero()[:, 0]
    return _normalised(area.cut(table, edges[inside], owner[inside], side)), boxes[inside], marks[inside]


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
