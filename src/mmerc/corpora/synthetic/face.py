"""A face that shows an expression: scikit-image's public-domain portrait (NASA), warped at its landmarks.

The portrait is a photograph, so that the face detector finds it. Each speaker has the portrait with other colours, another width,
and mirrored or not.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import UInt8
from scipy.ndimage import map_coordinates
from skimage import data
from skimage.transform import resize

WIDTH, HEIGHT = 320, 240
STEPS = 5  # intensities from rest to full expression

# (x, y) in pixels of the portrait.
BROW_INNER = ((211.7, 90.7), (240.0, 92.3))
BROW_OUTER = ((193.0, 90.0), (262.0, 95.0))
EYE = ((202.7, 100.0), (248.3, 102.7))
CORNER = ((204.3, 141.7), (242.7, 142.3))
UPPER_LIP, LOWER_LIP, CHIN = (222.7, 141.5), (222.7, 153.0), (221.7, 176.7)

Push = tuple[tuple[float, float], tuple[float, float], float]  # centre, shift (x, y), radius


def _push_pair(points: tuple[tuple[float, float], ...], outward: float, down: float, radius: float) -> list[Push]:
    return [(points[0], (-outward, down), radius), (points[1], (outward, down), radius)]


REST = [*_push_pair(CORNER, -3.5, 3.0, 9), (UPPER_LIP, (0, 1.5), 9), (LOWER_LIP, (0, -3.5), 8)]
EXPRESSIONS: dict[str, list[Push]] = {
    "rest": REST,
    "smile": [*_push_pair(CORNER, 4, -4.5, 10), (LOWER_LIP, (0, 2), 9), *_push_pair(EYE, 0, -1, 6)],
    "frown": [
        *_push_pair(CORNER, -4, 8, 10), (UPPER_LIP, (0, -1), 8), (LOWER_LIP, (0, -3), 8),
        *_push_pair(BROW_INNER, -2.5, 6, 8), *_push_pair(BROW_OUTER, 0, -2, 8),
    ],
    "wide": [
        *_push_pair(CORNER, -6, 1, 9), (LOWER_LIP, (0, 10), 10), (CHIN, (0, 7), 16), (UPPER_LIP, (0, -2), 8),
        *_push_pair(BROW_INNER, 0, -6, 10), *_push_pair(BROW_OUTER, 0, -6, 10), *_push_pair(EYE, 0, -2, 5),
    ],
}  # fmt: skip

# Mirrored or not, width factor, red/green/blue gains.
LOOKS = {
    "Ada": (False, 1.0, (1.0, 1.0, 1.0)),
    "Ben": (True, 1.12, (0.8, 0.72, 0.68)),
    "Cleo": (True, 0.94, (1.05, 0.92, 0.85)),
    "Dov": (False, 1.1, (0.7, 0.7, 0.8)),
    "Esi": (False, 0.92, (0.62, 0.5, 0.42)),
    "Finn": (True, 1.03, (1.1, 1.05, 1.1)),
}


@lru_cache(maxsize=256)
def draw_portrait(speaker: str, expression: str | None, step: int) -> UInt8[np.ndarray, "H W 3"]:
    """The speaker with the expression at intensity `step`, from 0 (rest) to `STEPS` - 1; the empty room without an expression."""
    mirrored, stretch, gains = LOOKS[speaker]
    left, top = 222 - 0.5 * 280 / stretch, 18.0
    x, y = np.meshgrid(left + np.arange(WIDTH) * 280 / stretch / WIDTH, top + np.arange(HEIGHT) * 210 / HEIGHT)
    if expression is None:
        x, y = x * 0.12 + 4, y * 0.25 + 4  # a corner of the backdrop
    else:
        share = step / (STEPS - 1)
        field = [(push, 1 - share) for push in REST] + [(push, share) for push in EXPRESSIONS[expression]]
        dx, dy = np.zeros_like(x), np.zeros_like(y)
        for ((centre_x, centre_y), (shift_x, shift_y), radius), weight in field:
            near = weight * np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / (2 * radius**2))
            dx += near * shift_x
            dy += near * shift_y
        x, y = x - dx, y - dy
    photo = data.astronaut().astype(np.float32)
    image = np.stack([map_coordinates(photo[..., band], [y, x], order=1, mode="nearest") for band in range(3)], -1)
    image *= np.asarray(gains, np.float32)
    pixels: np.ndarray = np.clip(image[:, ::-1] if mirrored else image, 0, 255).astype(np.uint8)
    return pixels


def render_frames(
    expression: str | None, speaker: str, count: int, rng: np.random.Generator
) -> UInt8[np.ndarray, "F H W 3"]:
    """`count` frames in which the expression rises, holds and falls, while the head and the light move a little."""
    peak = rng.uniform(0.75, 1.0)
    shape = np.interp(np.linspace(0, 1, count), [0, 0.25, 0.8, 1], [0.35, peak, peak, 0.6])
    drift = rng.integers(-7, 8, size=2)
    gain = rng.uniform(0.88, 1.08)
    frames = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    for index, share in enumerate(shape):
        image = draw_portrait(speaker, expression, round(share * (STEPS - 1)))
        sway = drift + np.round(3 * np.sin(index / 5 + drift)).astype(int)
        image = np.roll(image, (int(sway[1]), int(sway[0])), axis=(0, 1)).astype(np.float32) * gain
        grain = resize(rng.normal(0, 7, (HEIGHT // 4, WIDTH // 4)), (HEIGHT, WIDTH), order=0)
        frames[index] = np.clip(image + grain[..., None], 0, 255)
    return frames
