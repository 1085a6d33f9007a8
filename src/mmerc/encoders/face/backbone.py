"""The networks that compute the embeddings of faces, and loading that of a trained model into another network."""

from pathlib import Path

from torch import nn

from mmerc import weights
from mmerc.encoders.face import facenet
from mmerc.encoders.face.config import OWN_BACKBONES, FaceConfig
from mmerc.encoders.face.expression import ExpressionNetwork
from mmerc.encoders.face.facenet import InceptionResnetV1
from mmerc.encoders.face.resnet import ResidualNetwork
from mmerc.encoders.face.vision import VisionNetwork
from mmerc.errors import WeightsError
from mmerc.files import read_json

KIND = "face"  # the value of `encoder` in the configuration of a face encoder
PREFIX = "backbone."  # of the tensors of its face network


def build_backbone(config: FaceConfig, skip_weights: bool) -> tuple[nn.Module, int, int]:
    """The backbone, the side of its crops in pixels, and the size of its embeddings."""
    if config.backbone == "facenet":
        if skip_weights or not config.pretrained:
            return InceptionResnetV1(), facenet.IMAGE_SIZE, facenet.EMBEDDING_SIZE
        network = InceptionResnetV1.pretrained(config.backbone_weights or "vggface2")
        return network, facenet.IMAGE_SIZE, facenet.EMBEDDING_SIZE
    if config.backbone in OWN_BACKBONES:
        kind = ExpressionNetwork if config.backbone == "cnn" else ResidualNetwork
        own = kind(config.conv_channels, config.dropout)
        if config.backbone_weights and not skip_weights:
            load_face_backbone(own, Path(config.backbone_weights))
        return own, config.crop_size, own.width
    vision = VisionNetwork(config.backbone, pretrained=config.pretrained and not skip_weights)
    return vision, vision.image_size, vision.width


def load_face_backbone(network: nn.Module, folder: Path) -> None:
    """Load the face network of the trained model in `folder`. The model may have been trained for other emotions.

    Raises:
        WeightsError: the folder has no face encoder or several, or its face network has another shape.
    """
    file = find_face_encoder(folder) / "model.safetensors"
    tensors = weights.read_tensors(file)
    own = {name.removeprefix(PREFIX): value for name, value in tensors.items() if name.startswith(PREFIX)}
    weights.fill(network, own, str(file))


def find_face_encoder(folder: Path) -> Path:
    """The folder of the only face encoder of a trained model, under any name of its modality.

    Raises:
        WeightsError: the model has no face encoder, or several.
    """
    configs = sorted(folder.glob("encoders/*/config.json"))
    found = [config.parent for config in configs if read_json(config).get("encoder") == KIND]
    if len(found) != 1:
        count = f"{len(found)} face encoders ({', '.join(path.name for path in found)})" if found else "no face encoder"
        raise WeightsError(
            f"{folder} has {count}: set backbone_weights to the RUN/model folder of a run with exactly one face encoder."
        )
    return found[0]
