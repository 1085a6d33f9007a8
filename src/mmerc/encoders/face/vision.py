"""Any picture network of transformers as what reads each face: ViT, ConvNeXt, DINOv2 and their kin, by name or folder.

Their own image processors need torchvision, which does not go with every torch; what they do is two lines.
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

SIDE = 224  # where nothing says it
PROCESSOR = "preprocessor_config.json"
# Where a network does not say how its pixels were scaled: ImageNet's mean and standard deviation.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VisionNetwork(nn.Module):
    """Faces as bytes, [N, S, S, 3] -> [N, width]: the network's pooled answer, or the mean over its places.

    Raises:
        WeightsError: the network is neither here nor to be downloaded, or reads no pictures.
    """

    def __init__(self, name: str, *, pretrained: bool) -> None:
        super().__init__()
        with explain_load_errors("picture", name, "set face.backbone to its folder"):
            settings = AutoConfig.from_pretrained(name, trust_remote_code=False)
            network = load_network(name, settings, pretrained=pretrained)
            scaling = processor(name)
        self.network: Any = getattr(network, "vision_model", network)
        if getattr(self.network, "main_input_name", "") != "pixel_values":
            raise WeightsError(
                f'"{name}" is a {settings.model_type} network, which reads no pictures: set face.backbone.'
            )
        own = self.network.config
        widths = getattr(own, "hidden_sizes", None) or [own.hidden_size]  # networks of stages have several
        self.width = int(widths[-1])
        self.side = int(scaling.get("side") or getattr(own, "image_size", None) or SIDE)
        self.scaling = {**scaling, "side": self.side}
        for key, default in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(key, torch.tensor(scaling.get(key) or default)[:, None, None], persistent=False)

    mean: Tensor
    deviation: Tensor

    def forward(self, faces: UInt8[Tensor, "N H W 3"]) -> Float[Tensor, "N d"]:
        pixels = faces.permute(0, 3, 1, 2).float() / 255
        if pixels.shape[-1] != self.side:
            pixels = F.interpolate(pixels, (self.side, self.side), mode="bilinear", antialias=True)
        out = self.network(pixel_values=(pixels - self.mean) / self.deviation)
        pooled = getattr(out, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1).float()
        places = out.last_hidden_state  # [N, P, d], or [N, d, h, w] from convolutions
        return (places.mean(1) if places.ndim == 3 else places.mean((2, 3))).float()

    def save(self, folder: Path) -> None:
        """Write what `VisionNetwork(folder, pretrained=False)` needs, apart from the weights."""
        self.network.config.save_pretrained(folder)
        write_json(folder / PROCESSOR, self.scaling)


def processor(name: str) -> dict[str, Any]:
    """`side` in pixels, `mean` and `deviation` of a network, as far as its processor's file says them."""
    from transformers.utils import cached_file

    file = cached_file(name, PROCESSOR, _raise_exceptions_for_missing_entries=False)
    if file is None:
        return {}
    found = read_json(Path(file))
    size = found.get("crop_size") or found.get("size") or found.get("side")
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge")
    return {
        "side": size,
        "mean": found.get("image_mean") or found.get("mean"),
        "deviation": found.get("image_std") or found.get("deviation"),
    }
