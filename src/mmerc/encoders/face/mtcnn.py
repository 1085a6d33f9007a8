"""MTCNN (Zhang et al. 2016): three small networks that find faces, each looking closer than the one before.

The arithmetic is that of facenet-pytorch 2.5.3. Boxes are (left, top, right, bottom) in pixels; landmarks are eyes, nose
and mouth corners as (x, y).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from mmerc import weights
from mmerc.encoders.face import integral_image as area
from mmerc.encoders.face.boxes import corrected, squared, suppressed
from mmerc.encoders.face.mtcnn_networks import OutputNetwork, ProposalNetwork, RefinementNetwork

STRIDE, CELL = 2, 12  # the proposal network looks at 12x12 windows, two pixels apart
IMAGES_AT_ONCE = 8  # the largest pyramid level of eight 720p frames takes about 350 MB
CROPS_AT_ONCE = 512
LARGE = 6  # of a picture's shorter side, the part that a large face takes
PIECE = 48  # pixels of a level, cut out around a place to be looked at again: 19 by 19 windows
FITTING = 0.5, 2.0  # sizes of such a place, in windows of the level
APART = 0.3  # overlap from which two places are one


@dataclass(frozen=True)
class Faces:
    """The faces in one image, best score first.

    `likely`: windows, at distances from each other, in which the last network looked, whether it saw a face there or not:
    where the next frame of a film may show one.
    """

    boxes: Float[Tensor, "N 4"]
    scores: Float[Tensor, " N"]
    landmarks: Float[Tensor, "N 5 2"]
    likely: Float[Tensor, "K 4"]

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
                for place, there in zip(left, self._detect(table[:, :, left]), strict=True):
                    faces[place] = there
            found += faces
        return found

    @torch.inference_mode()
    def near(self, images: UInt8[Tensor, "B H W 3"], places: list[Float[Tensor, "_ 4"]]) -> list[Faces]:
        """The faces of each image that lie about these boxes in it: the same search, at those places and sizes alone.

        A face has the box that the whole search gives it, but for what windows of other sizes would have added to it.
        """
        found: list[Faces] = []
        for start in range(0, len(images), IMAGES_AT_ONCE):
            table = area.summed(images[start : start + IMAGES_AT_ONCE])
            boxes = places[start : start + IMAGES_AT_ONCE]
            found += self._found(table, *self._propose_near(table, boxes))
        return found

    def _detect(self, table: Int[Tensor, "h w B 3"], smallest: float = 0.0) -> list[Faces]:
        """`smallest`: side in pixels of the smallest windows looked at, beyond the detector's own."""
        return self._found(table, *self._propose(table, smallest))

    def _found(
        self, table: Int[Tensor, "h w B 3"], proposals: Float[Tensor, "N 4"], owner: Int[Tensor, " N"]
    ) -> list[Faces]:
        windows, owner = self._refine(table, proposals, owner)
        boxes, scores, points, source = self._finish(table, windows, owner)
        order = -torch.arange(len(windows), device=table.device).float()  # best first, as they come
        apart = suppressed(windows, order, owner, APART)
        return grouped(boxes, scores, points, owner[source], windows[apart], owner[apart], table.shape[2])

    def _propose(
        self, table: Int[Tensor, "h w B 3"], smallest: float
    ) -> tuple[Float[Tensor, "N 4"], Int[Tensor, " N"]]:
        """What the first network takes for a face, among windows of every size at every place."""
        found = Proposals(self.thresholds[0])
        every = torch.arange(table.shape[2], device=table.device)
        first = torch.zeros(len(every), 2, dtype=torch.long, device=table.device)
        for scale, height, width in self._levels(table, smallest):
            level = area.resized(table, height, width)
            correction, score = self.pnet(_normalised(level))
            found.add(correction, score, scale, every, first)
        return found.merged(table.device)

    def _propose_near(
        self, table: Int[Tensor, "h w B 3"], places: list[Float[Tensor, "_ 4"]]
    ) -> tuple[Float[Tensor, "N 4"], Int[Tensor, " N"]]:
        """The same among windows about these boxes: a piece of each fitting level, cut where `_propose` has its cells."""
        counts = torch.tensor([len(boxes) for boxes in places], device=table.device)
        owner = torch.repeat_interleave(torch.arange(len(places), device=table.device), counts)
        boxes = torch.cat(places)
        found = Proposals(self.thresholds[0])
        for scale, height, width in self._levels(table):
            sides = (boxes[:, 2:] - boxes[:, :2]).amax(1) * scale / CELL  # in windows
            fitting = ((sides > FITTING[0]) & (sides < FITTING[1])).nonzero()[:, 0]
            if not len(fitting):
                continue
            size = torch.tensor([min(PIECE, width), min(PIECE, height)], device=table.device)
            last = torch.tensor([width, height], device=table.device) - size
            centre = (boxes[fitting, :2] + boxes[fitting, 2:]) / 2 * scale  # [F, 2] x, y
            first = torch.minimum((centre - size / 2).long(), last).clamp(min=0) // STRIDE  # [F, 2] cells
            cut = area.pieces(table, owner[fitting], first * STRIDE, size.tolist(), (width, height))
            correction, score = self.pnet(_normalised(cut))
            found.add(correction, score, scale, owner[fitting], first)
        return found.merged(table.device)

    def _refine(
        self, table: Int[Tensor, "h w B 3"], boxes: Float[Tensor, "N 4"], owner: Int[Tensor, " N"]
    ) -> tuple[Float[Tensor, "M 4"], Int[Tensor, " M"]]:
        crops, boxes, owner = _crops(table, boxes, owner, 24, owner)
        if not len(boxes):
            return boxes, owner
        correction, score = (torch.cat(part) for part in zip(*map(self.rnet, crops.split(CROPS_AT_ONCE)), strict=True))
        passed = (score > self.thresholds[1]).nonzero()[:, 0]
        boxes, owner, correction = boxes[passed], owner[passed], correction[passed]
        kept = suppressed(boxes, score[passed], owner, 0.7)
        return squared(corrected(boxes[kept], correction[kept])), owner[kept]

    def _finish(
        self, table: Int[Tensor, "h w B 3"], windows: Float[Tensor, "N 4"], owner: Int[Tensor, " N"]
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
        boxes = corrected(boxes, correction)
        kept = suppressed(boxes, score, owner[source], 0.7, smaller=True)
        return boxes[kept], score[kept], points[kept], source[kept]

    def _levels(self, table: Int[Tensor, "h w B 3"], smallest: float = 0.0) -> Iterator[tuple[float, int, int]]:
        """Reductions of the pictures at which a cell covers `smallest` pixels or more, with their heights and widths."""
        height, width = table.shape[0] - 1, table.shape[1] - 1
        scale = CELL / self.smallest
        side = min(height, width) * scale
        while side >= CELL:
            if CELL / scale >= smallest:
                yield scale, int(height * scale + 1), int(width * scale + 1)
            scale *= self.factor
            side *= self.factor


class Proposals:
    """Windows that the first network takes for faces, level after level."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.parts: list[tuple[Tensor, ...]] = []  # boxes [N, 4], scores [N], corrections [N, 4], owners [N] each

    def add(
        self,
        correction: Float[Tensor, "P 4 h w"],
        score: Float[Tensor, "P h w"],
        scale: float,
        owner: Int[Tensor, " P"],
        first: Int[Tensor, "P 2"],
    ) -> None:
        """What the network says of some pieces of a level, each from its `first` cell (x, y) on."""
        piece, row, column = (score >= self.threshold).nonzero(as_tuple=True)  # [N] each
        corner = (first[piece] + torch.stack([column, row], 1)).to(score.dtype) * STRIDE + 1  # [N, 2]
        boxes = torch.cat([(corner / scale).floor(), ((corner + CELL - 1) / scale).floor()], 1)
        scores = score[piece, row, column]
        kept = suppressed(boxes, scores, owner[piece], 0.5)
        piece, row, column = piece[kept], row[kept], column[kept]
        self.parts.append((boxes[kept], scores[kept], correction[piece, :, row, column], owner[piece]))

    def merged(self, device: torch.device) -> tuple[Float[Tensor, "N 4"], Int[Tensor, " N"]]:
        """Those of all levels, corrected and made square, and the picture of each."""
        if not self.parts:
            return torch.zeros(0, 4, device=device), torch.zeros(0, dtype=torch.long, device=device)
        boxes, scores, corrections, owner = (torch.cat(part) for part in zip(*self.parts, strict=True))
        kept = suppressed(boxes, scores, owner, 0.7)
        boxes = boxes[kept]
        size = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
        return squared(boxes + corrections[kept] * size), owner[kept]


def _normalised(pixels: Tensor) -> Tensor:
    return (pixels - 127.5) * 0.0078125


def grouped(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    points: Float[Tensor, "N 5 2"],
    owner: Int[Tensor, " N"],
    windows: Float[Tensor, "K 4"],
    owner_of_windows: Int[Tensor, " K"],
    images: int,
) -> list[Faces]:
    """The faces of each image by themselves, best first, and the windows in which they were looked for."""
    faces = []
    for image in range(images):
        mine = (owner == image).nonzero()[:, 0]
        mine = mine[scores[mine].argsort(descending=True)]
        faces.append(Faces(boxes[mine], scores[mine], points[mine], windows[owner_of_windows == image]))
    return faces


def _crops(
    table: Int[Tensor, "h w B 3"],
    boxes: Float[Tensor, "N 4"],
    marks: Int[Tensor, " N"],
    side: int,
    owner: Int[Tensor, " N"],
) -> tuple[Float[Tensor, "M 3 S S"], Float[Tensor, "M 4"], Int[Tensor, " M"]]:
    """Each box cut out of its owner and scaled; boxes that lie outside it are dropped, and with them their marks."""
    whole = boxes.trunc().long()
    most = torch.tensor([table.shape[1] - 1, table.shape[0] - 1], device=boxes.device)
    edges = torch.cat([whole[:, :2].clamp(min=1) - 1, torch.minimum(whole[:, 2:], most)], 1)
    inside = (edges[:, 2:] > edges[:, :2]).all(1).nonzero()[:, 0]
    return _normalised(area.cut(table, edges[inside], owner[inside], side)), boxes[inside], marks[inside]
