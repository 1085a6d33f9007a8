"""What the networks of a model answer on their labelled dev utterances: logits and labels, kept in the model folder.

`mmerc.combine` calibrates each network with them, years later and without the corpus. They hold no words, sounds or images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from mmerc import weights
from mmerc.corpora import Key
from mmerc.errors import RunError
from mmerc.model.collation import FeatureRows

FOLDER = "dev_outputs"  # in the model folder; a file for each modality


@dataclass(frozen=True)
class DevOutputs:
    """The probabilities of one network for N labelled dev utterances, in the order of the network's C labels."""

    probabilities: Float[np.ndarray, "N C"]
    labels: Int[np.ndarray, " N"]


def write_dev_outputs(folder: Path, features: Mapping[str, FeatureRows], labels: Mapping[Key, int]) -> None:
    """Write `folder/MODALITY.safetensors` with the logits of every utterance of `labels` that has the modality."""
    folder.mkdir()
    for name, store in features.items():
        present = [key for key in labels if store[key].values is not None]
        tensors = {
            "logits": torch.tensor([store[key].metadata["logits"] for key in present], dtype=torch.float32),  # [N, C]
            "labels": torch.tensor([labels[key] for key in present], dtype=torch.int64),  # [N]
        }
        weights.write_tensors(folder / f"{name}.safetensors", tensors)


def read_dev_outputs(model: Path, modality: str, num_classes: int) -> DevOutputs:
    """What `write_dev_outputs` wrote into the model folder `model`.

    Raises:
        RunError: the folder has no such file, or it is damaged.
    """
    file = model / FOLDER / f"{modality}.safetensors"
    if not file.is_file():
        raise RunError(f"{model} has no dev outputs of {modality}: train it again with this mmerc.")
    tensors = weights.read_tensors(file)
    logits, labels = tensors.get("logits"), tensors.get("labels")
    is_sound = (
        logits is not None
        and labels is not None
        and logits.shape == (len(labels), num_classes)
        and len(labels) > 0
        and bool(torch.isfinite(logits).all())
        and 0 <= int(labels.min()) <= int(labels.max()) < num_classes
    )
    if logits is None or labels is None or not is_sound:
        raise RunError(f"{file} does not fit the model or is empty: the folder is damaged, train the model again.")
    return DevOutputs(logits.double().softmax(1).numpy(), labels.numpy())
