"""What a face detector is: a network that takes frames and returns the faces in each of them.

Boxes are (left, top, right, bottom) in pixels. Landmarks are the eyes, the nose and the corners of the mouth, as (x, y). Of two eyes
or corners, the one on the left in the image comes first.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from mmerc import weights

Detector = TypeVar("Detector", bound="FaceDetector")
LARGE_FACE_DIVISOR = 6  # a large face is at least as high as the image's shorter side divided by this


@dataclass(frozen=True)
class Faces:
    """The faces in one image, highest score first.

    `candidates`: where the next frame of a video probably shows its faces. MTCNN gives the windows that reached its last network,
    with or without a face in them.
    """

    boxes: Float[Tensor, "N 4"]
    scores: Float[Tensor, " N"]
    landmarks: Float[Tensor, "N 5 2"]
    candidates: Float[Tensor, "K 4"]

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def heights(self) -> Float[Tensor, " N"]:
        """Height of each box in pixels."""
        return self.boxes[:, 3] - self.boxes[:, 1]


class FaceDetector(nn.Module, ABC):
    """A detector of faces from about `min_face_size` pixels.

    `detect_large_first` and `detect_near` save time where a detector has a shorter way than to search each image completely.
    """

    name: ClassVar[str]  # of its public weights

    def __init__(self, *, min_face_size: int = 20) -> None:
        super().__init__()
        self.min_face_size = min_face_size

    @classmethod
    def pretrained(cls: type[Detector], *, min_face_size: int = 20) -> Detector:
        """A detector with the public weights.

        Raises:
            WeightsError: the weights are not on this machine.
        """
        detector = cls(min_face_size=min_face_size)
        weights.fill_public(detector, cls.name)
        return detector.eval().requires_grad_(False)

    @abstractmethod
    def forward(self, images: UInt8[Tensor, "B H W 3"]) -> list[Faces]:
        """The faces of each image."""

    def detect_large_first(self, images: UInt8[Tensor, "B H W 3"]) -> list[Faces]:
        """The large faces of each image and perhaps others; all faces of an image without a large one."""
        return self.forward(images)

    def detect_near(self, images: UInt8[Tensor, "B H W 3"], candidates: list[Float[Tensor, "_ 4"]]) -> list[Faces]:
        """The faces of each image near its `candidates`, which are those of the frame before, and perhaps others."""
        return self.forward(images)


def group_by_image(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    landmarks: Float[Tensor, "N 5 2"],
    image_index: Int[Tensor, " N"],
    candidates: Float[Tensor, "K 4"],
    candidate_image: Int[Tensor, " K"],
    image_count: int,
) -> list[Faces]:
    """The faces and the candidates of each image, highest score first."""
    faces = []
    for image in range(image_count):
        own = (image_index == image).nonzero()[:, 0]
        own = own[scores[own].argsort(descending=True)]
        faces.append(Faces(boxes[own], scores[own], landmarks[own], candidates[candidate_image == image]))
    return faces
