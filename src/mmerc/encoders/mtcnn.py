"""MTCNN (Zhang et al. 2016): three small networks that find faces, each looking closer than the one before.

Parameter names, shapes and arithmetic are those of facenet-pytorch 2.5.3, whose weights load strictly. Boxes are
(left, top, right, bottom) in pixels; landmarks are eyes, nose and mouth corners as (x, y).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc import weights

STRIDE, CELL = 2, 12  # the proposal network looks at 12x12 windows, two pixels apart
IMAGES_AT_ONCE = 8  # the largest pyramid level of eight 720p frames takes about 350 MB
CROPS_AT_ONCE = 512


class ProposalNetwork(nn.Module):
    """P-Net: fully convolutional, a face score and a box correction for each window."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 10, 3)
        self.prelu1 = nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(10, 16, 3)
        self.prelu2 = nn.PReLU(16)
        self.conv3 = nn.Conv2d(16, 32, 3)
        self.prelu3 = nn.PReLU(32)
        self.conv4_1 = nn.Conv2d(32, 2, 1)
        self.conv4_2 = nn.Conv2d(32, 4, 1)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B 4 h w"], Float[Tensor, "B h w"]]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.prelu2(self.conv2(x))
        x = self.prelu3(self.conv3(x))
        return self.conv4_2(x), self.conv4_1(x).softmax(1)[:, 1]


class RefinementNetwork(nn.Module):
    """R-Net: 24x24 crops, a score and a box correction each."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 28, 3)
        self.prelu1 = nn.PReLU(28)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(28, 48, 3)
        self.prelu2 = nn.PReLU(48)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3 = nn.Conv2d(48, 64, 2)
        self.prelu3 = nn.PReLU(64)
        self.dense4 = nn.Linear(576, 128)
        self.prelu4 = nn.PReLU(128)
        self.dense5_1 = nn.Linear(128, 2)
        self.dense5_2 = nn.Linear(128, 4)

    def forward(self, x: Float[Tensor, "N 3 24 24"]) -> tuple[Float[Tensor, "N 4"], Float[Tensor, " N"]]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.prelu3(self.conv3(x))
        x = x.permute(0, 3, 2, 1).flatten(1)  # [N, 576], in the order in which the weights were trained
        x = self.prelu4(self.dense4(x))
        return self.dense5_2(x), self.dense5_1(x).softmax(1)[:, 1]


class OutputNetwork(nn.Module):
    """O-Net: 48x48 crops, a score, a box correction and five landmarks each."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.prelu1 = nn.PReLU(32)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.prelu2 = nn.PReLU(64)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.prelu3 = nn.PReLU(64)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4 = nn.Conv2d(64, 128, 2)
        self.prelu4 = nn.PReLU(128)
        self.dense5 = nn.Linear(1152, 256)
        self.prelu5 = nn.PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(
        self, x: Float[Tensor, "N 3 48 48"]
    ) -> tuple[Float[Tensor, "N 4"], Float[Tensor, "N 10"], Float[Tensor, " N"]]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.pool3(self.prelu3(self.conv3(x)))
        x = self.prelu4(self.conv4(x))
        x = x.permute(0, 3, 2, 1).flatten(1)  # [N, 1152]
        x = self.prelu5(self.dense5(x))
        return self.dense6_2(x), self.dense6_3(x), self.dense6_1(x).softmax(1)[:, 1]


@dataclass(frozen=True)
class Faces:
    """The faces in one image, best score first."""

    boxes: Float[Tensor, "N 4"]
    scores: Float[Tensor, " N"]
    landmarks: Float[Tensor, "N 5 2"]

    def __len__(self) -> int:
        return len(self.boxes)


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
            found += self._detect(part.permute(0, 3, 1, 2).to(self.pnet.conv1.weight.dtype))
        return found

    def _detect(self, images: Float[Tensor, "B 3 H W"]) -> list[Faces]:
        boxes, owner = self._propose(images)
        boxes, owner = self._refine(images, boxes, owner)
        boxes, scores, points, owner = self._finish(images, boxes, owner)
        faces = []
        for image in range(len(images)):
            mine = (owner == image).nonzero()[:, 0]
            mine = mine[scores[mine].argsort(descending=True)]
            faces.append(Faces(boxes[mine], scores[mine], points[mine]))
        return faces

    def _propose(self, images: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "N 4"], Int[Tensor, " N"]]:
        height, width = images.shape[-2:]
        boxes, scores, corrections, owners = [], [], [], []
        for scale in self._scales(min(height, width)):
            level = F.interpolate(images, (int(height * scale + 1), int(width * scale + 1)), mode="area")
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
            return images.new_zeros(0, 4), torch.zeros(0, dtype=torch.long, device=images.device)
        box, owner, correction = torch.cat(boxes), torch.cat(owners), torch.cat(corrections)
        kept = suppressed(box, torch.cat(scores), owner, 0.7)
        box, owner, correction = box[kept], owner[kept], correction[kept]
        size = (box[:, 2:] - box[:, :2]).repeat(1, 2)
        return _squared(box + correction * size), owner

    def _refine(
        self, images: Float[Tensor, "B 3 H W"], boxes: Float[Tensor, "N 4"], owner: Int[Tensor, " N"]
    ) -> tuple[Float[Tensor, "M 4"], Int[Tensor, " M"]]:
        crops, boxes, owner = _crops(images, boxes, owner, 24)
        if not len(boxes):
            return boxes, owner
        correction, score = (torch.cat(part) for part in zip(*map(self.rnet, crops.split(CROPS_AT_ONCE)), strict=True))
        passed = (score > self.thresholds[1]).nonzero()[:, 0]
        boxes, owner, correction = boxes[passed], owner[passed], correction[passed]
        kept = suppressed(boxes, score[passed], owner, 0.7)
        return _squared(_corrected(boxes[kept], correction[kept])), owner[kept]

    def _finish(
        self, images: Float[Tensor, "B 3 H W"], boxes: Float[Tensor, "N 4"], owner: Int[Tensor, " N"]
    ) -> tuple[Float[Tensor, "M 4"], Float[Tensor, " M"], Float[Tensor, "M 5 2"], Int[Tensor, " M"]]:
        crops, boxes, owner = _crops(images, boxes, owner, 48)
        if not len(boxes):
            return boxes, boxes.new_zeros(0), boxes.new_zeros(0, 5, 2), owner
        correction, points, score = (
            torch.cat(part) for part in zip(*map(self.onet, crops.split(CROPS_AT_ONCE)), strict=True)
        )
        passed = (score > self.thresholds[2]).nonzero()[:, 0]
        boxes, owner, correction, score = boxes[passed], owner[passed], correction[passed], score[passed]
        relative = points[passed].reshape(-1, 2, 5).transpose(1, 2)  # [M, 10] all x, then all y -> [M, 5, 2]
        size = (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]  # [M, 1, 2]
        points = relative * size + boxes[:, None, :2] - 1
        boxes = _corrected(boxes, correction)
        kept = suppressed(boxes, score, owner, 0.7, smaller=True)
        return boxes[kept], score[kept], points[kept], owner[kept]

    def _scales(self, side: float) -> Iterator[float]:
        scale = CELL / self.smallest
        side *= scale
        while side >= CELL:
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


def _crops(
    images: Float[Tensor, "B 3 H W"], boxes: Float[Tensor, "N 4"], owner: Int[Tensor, " N"], side: int
) -> tuple[Float[Tensor, "M 3 S S"], Float[Tensor, "M 4"], Int[Tensor, " M"]]:
    """Each box cut out and scaled; boxes that lie outside their image are dropped."""
    height, width = images.shape[-2:]
    whole = boxes.trunc().long()
    left, top = whole[:, 0].clamp(min=1) - 1, whole[:, 1].clamp(min=1) - 1
    right, bottom = whole[:, 2].clamp(max=width), whole[:, 3].clamp(max=height)
    inside = ((right > left) & (bottom > top)).nonzero()[:, 0]
    edges = torch.stack([owner, top, bottom, left, right], 1)[inside].tolist()
    crops = [
        F.interpolate(images[image : image + 1, :, a:b, c:d], (side, side), mode="area") for image, a, b, c, d in edges
    ]
    cut = torch.cat(crops) if crops else images.new_zeros(0, 3, side, side)
    return _normalised(cut), boxes[inside], owner[inside]


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
    boxes, owner = boxes[order], owner[order]
    extra = 1.0 if smaller else 0.0
    area = (boxes[:, 2] - boxes[:, 0] + extra) * (boxes[:, 3] - boxes[:, 1] + extra)
    alive: Bool[Tensor, " N"] = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    kept = []
    place = 0
    while place < len(boxes):
        kept.append(place)
        rest = boxes[place + 1 :]
        size = torch.minimum(boxes[place, 2:], rest[:, 2:]) - torch.maximum(boxes[place, :2], rest[:, :2]) + extra
        shared = size.clamp(min=0).prod(1)
        whole = torch.minimum(area[place], area[place + 1 :]) if smaller else area[place] + area[place + 1 :] - shared
        alive[place + 1 :] &= (shared <= threshold * whole) | (owner[place + 1 :] != owner[place])
        following = alive[place + 1 :].nonzero()
        if not len(following):
            break
        place += 1 + int(following[0, 0])
    return order[torch.tensor(kept, dtype=torch.long, device=order.device)]
