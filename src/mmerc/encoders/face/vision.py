"""Pre-trained image networks of transformers as the face's backbone: ViT, ConvNeXt, DINOv2 and others.

Their image processors need torchvision, which mmerc excludes. This module does the same scaling from the processor's file.
"""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig

from mmerc.encoders.pretrained import explain_load_errors, load_network
from mmerc.errors import WeightsError
from mmerc.files import read_json, write_json

DEFAULT_SIZE = 224  # pixels, if neither the processor nor the network has an image size
PROCESSOR_FILE = "preprocessor_config.json"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # if the processor has no mean and std


class VisionNetwork(nn.Module):
    """A network that turns faces [N, S, S, 3], as bytes, into vectors [N, width].

    The vector is the network's pooled output or, if it has none, the mean of its last hidden states.

    Raises:
        WeightsError: the network cannot be found or downloaded, or it does not read images.
    """

    def __init__(self, name: str, *, pretrained: bool) -> None:
        super().__init__()
        with explain_load_errors("image", name, "set backbone to its folder"):
            settings = AutoConfig.from_pretrained(name, trust_remote_code=False)
            network = load_network(name, settings, pretrained=pretrained)
            processor = read_processor(name)
        self.network: Any = getattr(network, "vision_model", network)
        if getattr(self.network, "main_input_name", "") != "pixel_values":
            raise WeightsError(
                f'"{name}" is a {settings.model_type} network, which reads no images: set backbone to an image network.'
            )
        config = self.network.config
        widths = getattr(config, "hidden_sizes", None) or [config.hidden_size]  # a network of stages has several widths
        self.width = int(widths[-1])
        self.image_size = int(processor.get("size") or getattr(config, "image_size", None) or DEFAULT_SIZE)
        self.processor = {**processor, "size": self.image_size}
        for key, default in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            self.register_buffer(key, torch.tensor(processor.get(key) or default)[:, None, None], persistent=False)

    mean: Tensor
    std: Tensor

    def forward(self, faces: UInt8[Tensor, "N H W 3"]) -> Float[Tensor, "N d"]:
        pixels = faces.permute(0, 3, 1, 2).float() / 255
        if pixels.shape[-1] != self.image_size:
            pixels = F.interpolate(pixels, (self.image_size, self.image_size), mode="bilinear", antialias=True)
        out = self.network(pixel_values=(pixels - self.mean) / self.std)
        pooled: Tensor | None = getattr(out, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1).float()
        states: Tensor = out.last_hidden_state  # [N, P, d], or [N, d, h, w] from a convolutional network
        return (states.mean(1) if states.ndim == 3 else states.mean((2, 3))).float()

    def save(self, folder: Path) -> None:
        """Write the files that `VisionNetwork(folder, pretrained=False)` reads: the configuration, without the weights."""
        self.network.config.save_pretrained(folder)
        write_json(folder / PROCESSOR_FILE, self.processor)


def read_processor(name: str) -> dict[str, Any]:
    """The `size` in pixels, `mean` and `std` in the processor's file; {} if there is no file, None for missing values."""
    from transformers.utils import cached_file

    file = cached_file(name, PROCESSOR_FILE, _raise_exceptions_for_missing_entries=False)
    if file is None:
        return {}
    found = read_json(Path(file))
    size = found.get("crop_size") or found.get("size")
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge")
    return {
        "size": size,
        "mean": found.get("image_mean") or found.get("mean"),
        "std": found.get("image_std") or found.get("std"),
    }
