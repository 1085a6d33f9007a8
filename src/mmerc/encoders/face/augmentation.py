"""Random changes of face crops in training: geometry in one resampling, then exposure, blur, noise and a hidden part.

All frames of a face get the same change, as if another camera had filmed it. The random numbers are drawn face by face, and the
frames of all faces are computed together.
"""

import math
import random
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.face.config import FaceConfig

MAX_GAMMA = 1.6  # largest exponent of the exposure; the smallest is its inverse
MIN_BLUR, MAX_BLUR = 0.4, 1.2  # standard deviation of the blur in pixels
BLUR_RADIUS = 3  # pixels of the blur's kernel on each side of its centre
MAX_NOISE = 15.0  # standard deviation of the noise in grey levels
MIN_HIDDEN, MAX_HIDDEN = 0.2, 0.5  # side of the hidden part as a fraction of the crop's side


def augment_faces(
    faces: Sequence[UInt8[np.ndarray, "_ S S 3"]], config: FaceConfig, rng: random.Random
) -> list[UInt8[np.ndarray, "_ S S 3"]]:
    """Change the crops of each of the B faces, N in all."""
    affine = torch.tensor([draw_affine(config, rng) for _ in faces])  # [B, 2, 3]
    lengths = torch.tensor([len(crops) for crops in faces])  # [B]
    pixels = torch.from_numpy(np.concatenate(faces)).permute(0, 3, 1, 2).float()  # [N, 3, S, S]
    grid = F.affine_grid(affine.repeat_interleave(lengths, 0), list(pixels.shape), align_corners=False)
    pixels = F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)  # [N, 3, S, S]
    if config.augmentation_probability:
        pixels = change_light_and_focus(pixels, lengths, config.augmentation_probability, rng)
    changed = pixels.byte().permute(0, 2, 3, 1).numpy()  # [N, S, S, 3]
    return list(np.split(changed, lengths.cumsum(0)[:-1].tolist()))


def draw_affine(config: FaceConfig, rng: random.Random) -> list[list[float]]:
    """Draw a mirror, rotation, zoom, stretch and translation: from places in the output to places in the crop.

    Both images span -1 to 1.
    """
    angle = math.radians(rng.uniform(-config.max_rotation, config.max_rotation))
    scale = 1 + rng.uniform(-config.max_zoom, config.max_zoom)
    mirror = rng.choice((-1, 1))
    dx, dy = (2 * rng.uniform(-config.max_translation, config.max_translation) for _ in range(2))
    stretch = math.sqrt(1 + rng.uniform(-config.max_stretch, config.max_stretch)) if config.max_stretch else 1.0
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    return [
        [mirror * cosine * stretch, -sine * stretch, dx],
        [mirror * sine / stretch, cosine / stretch, dy],
    ]


def change_light_and_focus(
    pixels: Float[Tensor, "N 3 S S"], lengths: Tensor, probability: float, rng: random.Random
) -> Float[Tensor, "N 3 S S"]:
    """Change the exposure, blur the image, add noise, hide a square: each with this probability, in this order.

    `lengths` [B] are the numbers of frames of the faces, in the order of `pixels`. Values are from 0 to 255.
    """

    def draw(low: float, high: float, share: float = probability) -> Float[Tensor, "N 1 1 1"]:
        values = [rng.uniform(low, high) if rng.random() < share else 0.0 for _ in lengths]
        return torch.tensor(values).repeat_interleave(lengths)[:, None, None, None]

    pixels = 255 * (pixels / 255) ** (math.log(MAX_GAMMA) * draw(-1, 1)).exp()
    pixels = blur(pixels, draw(MIN_BLUR, MAX_BLUR))
    generator = torch.Generator().manual_seed(rng.getrandbits(31))
    pixels = pixels + draw(0, MAX_NOISE) * torch.randn(pixels.shape, generator=generator)
    pixels = hide_square(pixels, draw(MIN_HIDDEN, MAX_HIDDEN), draw(0, 1, share=1), draw(0, 1, share=1))
    return pixels.clamp(0, 255)


def blur(pixels: Float[Tensor, "N 3 S S"], std: Float[Tensor, "N 1 1 1"]) -> Float[Tensor, "N 3 S S"]:
    """Convolve each image with a Gaussian of its own standard deviation in pixels; 0 leaves it as it is."""
    chosen = (std > 0).flatten()
    if not chosen.any():
        return pixels
    offsets = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1)
    kernel = torch.exp(-0.5 * (offsets / std[chosen].flatten(1)) ** 2)  # [M, K]
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)[:, None]  # [3 * M, 1, K]
    images = pixels[chosen].flatten(0, 1)[None]  # [1, 3 * M, S, S]
    images = F.pad(images, [BLUR_RADIUS] * 4, mode="replicate")
    for weight in (kernel[..., None], kernel[:, :, None]):  # along the columns, then along the rows
        images = F.conv2d(images, weight, groups=images.shape[1])
    blurred = pixels.clone()
    blurred[chosen] = images[0].view(-1, *pixels.shape[1:])
    return blurred


def hide_square(
    pixels: Float[Tensor, "N 3 S S"],
    size: Float[Tensor, "N 1 1 1"],
    x: Float[Tensor, "N 1 1 1"],
    y: Float[Tensor, "N 1 1 1"],
) -> Float[Tensor, "N 3 S S"]:
    """Fill a square around (x, y) with the image's mean. All three are fractions of the side."""
    centres = (torch.arange(pixels.shape[-1]) + 0.5) / pixels.shape[-1]  # [S]
    is_hidden = ((centres - x).abs() < size / 2) & ((centres[:, None] - y).abs() < size / 2)  # [N, 1, S, S]
    return torch.where(is_hidden, pixels.mean((2, 3), keepdim=True), pixels)
