"""MTCNN computed plainly, picture by picture: what the fast form is compared with.

Each size of the pyramid and each crop is made by torch's own area interpolation, each box that stays is compared with all
that are left, one after the other, as facenet-pytorch does it.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.face.boxes import divide_by_prior, squared
from mmerc.encoders.face.mtcnn import CELL, CROPS_AT_ONCE, STRIDE, FaceDetector, Faces, _normalised


class PlainDetector(FaceDetector):
    @torch.inference_mode()
    def forward(self, images: Tensor) -> list[Faces]:
        """The faces of each picture [H, W, 3]."""
        dtype = self.pnet.conv1.weight.dtype
        return [self._detect(picture[None].permute(0, 3, 1, 2).to(dtype))[0] for picture in images]

    def _detect(self, images: Tensor) -> list[Faces]:
        boxes, owner = self._propose(images)
        boxes, owner = self._refine(images, boxes, owner)
        boxes, scores, points, owner = self._finish(images, boxes, owner)
        faces = []
        for image in range(len(images)):
            mine = (owner == image).nonzero()[:, 0]
            mine = mine[scores[mine].argsort(descending=True)]
            faces.append(Faces(boxes[mine], scores[mine], points[mine], boxes[mine]))
        return faces

    def _propose(self, images: Tensor) -> tuple[Tensor, Tensor]:
        height, width = images.shape[-2:]
        boxes, scores, corrections, owners = [], [], [], []
        scale = CELL / self.smallest
        while min(height, width) * scale >= CELL:
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
            scale *= self.factor
        if not boxes:
            return images.new_zeros(0, 4), torch.zeros(0, dtype=torch.long, device=images.device)
        box, owner, correction = torch.cat(boxes), torch.cat(owners), torch.cat(corrections)
        kept = suppressed(box, torch.cat(scores), owner, 0.7)
        box, owner, correction = box[kept], owner[kept], correction[kept]
        size = (box[:, 2:] - box[:, :2]).repeat(1, 2)
        return squared(box + correction * size), owner

    def _refine(self, images: Tensor, boxes: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
        crops, boxes, owner = _crops(images, boxes, owner, 24)
        if not len(boxes):
            return boxes, owner
        correction, score = (torch.cat(part) for part in zip(*map(self.rnet, crops.split(CROPS_AT_ONCE)), strict=True))
        passed = (score > self.thresholds[1]).nonzero()[:, 0]
        boxes, owner, correction = boxes[passed], owner[passed], correction[passed]
        kept = suppressed(boxes, score[passed], owner, 0.7)
        return squared(divide_by_prior(boxes[kept], correction[kept])), owner[kept]

    def _finish(self, images: Tensor, boxes: Tensor, owner: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
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
        boxes = divide_by_prior(boxes, correction)
        kept = suppressed(boxes, score, owner, 0.7, smaller=True)
        return boxes[kept], score[kept], points[kept], owner[kept]


def _crops(images: Tensor, boxes: Tensor, owner: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
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
    boxes: Tensor,
    scores: Tensor,
    owner: Tensor,
    threshold: float,
    *,
    smaller: bool = False,
) -> Tensor:
    """Non-maximum suppression within each image: indices of the boxes that stay, best first.

    Overlap is intersection over union; with `smaller`, intersection over the smaller box, counted in whole pixels
    as the last stage of MTCNN does.
    """
    order = scores.argsort(descending=True, stable=True)
    boxes, owner = boxes[order], owner[order]
    extra = 1.0 if smaller else 0.0
    area = (boxes[:, 2] - boxes[:, 0] + extra) * (boxes[:, 3] - boxes[:, 1] + extra)
    alive: Tensor = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
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
