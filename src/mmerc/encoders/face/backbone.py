"""Loading the face network of a trained model into another network."""

from pathlib import Path

from torch import nn

from mmerc import weights
from mmerc.errors import WeightsError
from mmerc.files import read_json

KIND = "face"  # the value of `encoder` in the configuration of a face encoder
PREFIX = "backbone."  # of the tensors of its face network


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
