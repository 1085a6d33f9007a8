"""YuNet (Wu, Peng & Yu 2023): a face detector of one small network, which scores anchors of ten sizes in one pass over the image.

The arithmetic of the anchors is that of OpenCV's `FaceDetectorYN` for the network of September 2021.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.face.boxes import apply_nms
from mmerc.encoders.face.detector import LARGE_FACE_DIVISOR, FaceDetector, Faces, group_by_image
from mmerc.encoders.face.yunet_network import STRIDES, YuNetNetwork, make_anchors

SMALLEST_FACE = 11  # pixels of the smallest face that the network finds reliably
NUM_FINE_LEVELS = 2  # of the network, in the fine search: faces of up to about 80 pixels
COARSENESS = 4  # the image of the fine search is this much larger than that of the coarse one
PADDED_MULTIPLE, PADDED_MINIMUM = 32, 64  # pixels of the image's sides
PIXELS_AT_ONCE = 300_000  # of the images that go through the network together; more do not fit the processor's cache
CENTRE_SCALE, SIZE_SCALE = 0.1, 0.2  # of the network's values for positions and for sizes
MAX_LOG_SIZE = 4.0  # an anchor grows by at most this power of e, so that every box is finite

Candidates = tuple[Tensor, Tensor, Tensor, Tensor]  # boxes [N, 4], scores [N], landmarks [N, 5, 2], image indices [N]


class YuNet(FaceDetector):
    """The network on two sizes of each image.

    In the larger one, the smallest face of interest has 11 pixels. The network is reliable for small faces there, but it takes
    some empty scenes for one large face. So large faces are only searched in the smaller image, which costs little.

    Args:
        min_face_size: side of the smallest face that is searched for, in pixels.
        threshold: the score that a face must have.
        nms_threshold: the overlap above which the face with the lower score is dropped.

    The last two defaults are those of OpenCV's example program.
    """

    name = "yunet"

    def __init__(self, *, min_face_size: int = 20, threshold: float = 0.6, nms_threshold: float = 0.3) -> None:
        super().__init__(min_face_size=min_face_size)
        self.threshold, self.nms_threshold = threshold, nms_threshold
        self.network = YuNetNetwork()

    @torch.inference_mode()
    def forward(self, images: UInt8[Tensor, "B H W 3"]) -> list[Faces]:
        """The faces of each image."""
        if not len(images):
            return []
        fine, coarse = self._search(images, is_coarse=False), self._search(images, is_coarse=True)
        return self._select(join_candidates(fine, coarse), len(images))

    @torch.inference_mode()
    def detect_large_first(self, images: UInt8[Tensor, "B H W 3"]) -> list[Faces]:
        """The faces that a search of the smaller images finds; all faces of an image where it finds no large one."""
        if not len(images):
            return []
        coarse = self._search(images, is_coarse=True)
        faces = self._select(coarse, len(images))
        min_height = min(images.shape[1:3]) / LARGE_FACE_DIVISOR
        rest = [index for index, each in enumerate(faces) if not (each.heights >= min_height).any()]
        if rest:
            number = torch.full((len(images),), -1, device=images.device)  # of an image in `rest`
            number[rest] = torch.arange(len(rest), device=images.device)
            boxes, scores, landmarks, image_index = coarse
            kept = number[image_index] >= 0
            own = boxes[kept], scores[kept], landmarks[kept], number[image_index][kept]
            fine = self._search(images[rest], is_coarse=False)
            for index, each in zip(rest, self._select(join_candidates(fine, own), len(rest)), strict=True):
                faces[index] = each
        return faces

    def _search(self, images: UInt8[Tensor, "B H W 3"], *, is_coarse: bool) -> Candidates:
        """The anchors that score above the threshold, in one size of the images."""
        height, width = images.shape[1:3]
        scale = min(1.0, SMALLEST_FACE / self.min_face_size) / (COARSENESS if is_coarse else 1)
        size = max(1, round(height * scale)), max(1, round(width * scale))
        enlargement = torch.tensor([width / size[1], height / size[0]], device=images.device)
        num_levels = len(STRIDES) if is_coarse else NUM_FINE_LEVELS
        found: list[Candidates] = []
        count = max(1, PIXELS_AT_ONCE // (size[0] * size[1]))
        for start in range(0, len(images), count):
            pixels = resize_pixels(images[start : start + count], size)
            values = self.network(pixels, num_levels)  # [B, A, 17]
            scores = compute_scores(values)  # [B, A]
            image, anchor = (scores > self.threshold).nonzero(as_tuple=True)  # [N] each
            anchors = make_anchors(pixels.shape[2], pixels.shape[3], num_levels).to(pixels.device)[anchor]
            boxes, landmarks = decode_anchors(values[image, anchor], anchors)
            found.append((boxes * enlargement.repeat(2), scores[image, anchor], landmarks * enlargement, image + start))
        return join_candidates(*found)

    def _select(self, candidates: Candidates, image_count: int) -> list[Faces]:
        """The best box of each face."""
        boxes, scores, landmarks, image_index = candidates
        kept = apply_nms(boxes, scores, image_index, self.nms_threshold)
        boxes, image_index = boxes[kept], image_index[kept]
        return group_by_image(boxes, scores[kept], landmarks[kept], image_index, boxes, image_index, image_count)


def join_candidates(*parts: Candidates) -> Candidates:
    """All candidates."""
    boxes, scores, landmarks, image_index = (torch.cat(each) for each in zip(*parts, strict=True))
    return boxes, scores, landmarks, image_index


def resize_pixels(images: UInt8[Tensor, "B H W 3"], size: tuple[int, int]) -> Float[Tensor, "B 3 h w"]:
    """The images in `size` (height, width), in the order blue, green, red.

    Black pixels on the right and below fill up a size that the network reads.
    """
    pixels = images.permute(0, 3, 1, 2)  # torch resizes bytes in this order of memory fastest
    if pixels.shape[2:] != size:
        pixels = pixels if pixels.device.type == "cpu" else pixels.float()
        pixels = F.interpolate(pixels, size, mode="bilinear", antialias=True)
    height, width = (max(PADDED_MINIMUM, -(-side // PADDED_MULTIPLE) * PADDED_MULTIPLE) for side in size)
    padded = torch.zeros(len(images), 3, height, width, device=images.device)
    for channel in range(3):
        padded[:, channel, : size[0], : size[1]] = pixels[:, 2 - channel]
    return padded


def compute_scores(values: Float[Tensor, "B A 17"]) -> Float[Tensor, "B A"]:
    """The geometric mean of the probability of a face and the expected overlap of its box, from 0 to 1."""
    face = (values[..., 15] - values[..., 14]).sigmoid()  # the softmax of two classes
    return (face * values[..., 16].clamp(0, 1)).sqrt()


def decode_anchors(
    values: Float[Tensor, "N 17"], anchors: Float[Tensor, "N 3"]
) -> tuple[Float[Tensor, "N 4"], Float[Tensor, "N 5 2"]]:
    """The box and the landmarks that each anchor's values stand for, in pixels of the network's image."""
    centre, size = anchors[:, :2], anchors[:, 2:]  # [N, 2], [N, 1]
    middle = centre + values[:, :2] * CENTRE_SCALE * size
    half = size * (values[:, 2:4] * SIZE_SCALE).clamp(max=MAX_LOG_SIZE).exp() / 2
    landmarks = centre[:, None] + values[:, 4:14].reshape(-1, 5, 2) * CENTRE_SCALE * size[:, None]
    return torch.cat([middle - half, middle + half], 1), landmarks
