"""Active speaker detection without a network: the speaker is the person whose mouth moves when the voice is loud.

Each mouth is cropped between its own corners, so that a movement of the head does not count. The change of the crop from frame
to frame is correlated with the loudness of the audio at the same times. A face that does not move scores 0.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mmerc.encoders.face.integral_image import compute_integral_image, crop_boxes
from mmerc.encoders.face.tracks import Track
from mmerc.media import SAMPLE_RATE

MOUTH_CORNERS = slice(3, 5)  # among the landmarks
MOUTH_REACH = 0.8  # from the centre of the mouth to the edge of the crop, in widths of the mouth
MOUTH_SIZE = 16  # pixels of a crop
SMOOTHING_FRAMES = 3  # the lips move some tens of milliseconds before or after the sound
FRAMES_AT_ONCE = 8  # frames whose integral images are in memory
MIN_FRAMES = 6  # a shorter movement has no meaningful correlation


def score_speakers(
    tracks: Sequence[Track],
    images: UInt8[Tensor, "F H W 3"],
    times: Float[np.ndarray, " F"],
    waveform: Float[np.ndarray, " S"],
    *,
    start: float = 0.0,
) -> list[float]:
    """A score from -1 to 1 for each track: the correlation of mouth movement and loudness, times the relative movement.

    The relative movement is the standard deviation of the mouth's movement divided by the largest one among the tracks. A track
    of fewer than MIN_FRAMES + 1 frames scores -1.

    Args:
        times: seconds of the frames from the start of the recording.
        waveform: samples at 16 kHz.
        start: time of the first sample, in seconds from the start of the recording.
    """
    loudness = smooth(compute_loudness(waveform, times - start))
    results: list[tuple[float, float] | None] = []  # correlation, standard deviation of the movement
    for track in tracks:
        motion = smooth(compute_mouth_motion(track, images))
        voice = loudness[track.frames[1:]] if len(track) > 1 else motion
        if len(motion) < MIN_FRAMES:
            results.append(None)
        elif motion.std() == 0 or voice.std() == 0:
            results.append((0.0, 0.0))
        else:
            results.append((float(np.corrcoef(motion, voice)[0, 1]), float(motion.std())))
    largest = max((result[1] for result in results if result), default=0.0) or 1.0
    return [-1.0 if result is None else result[0] * result[1] / largest for result in results]


def compute_loudness(waveform: Float[np.ndarray, " S"], times: Float[np.ndarray, " F"]) -> Float[np.ndarray, " F"]:
    """The root mean square of the waveform around each time, over half the interval to each neighbour."""
    if len(times) < 2 or not len(waveform):
        return np.zeros(len(times))
    half = max(1, int(np.median(np.diff(times)) / 2 * SAMPLE_RATE))
    centres = (times * SAMPLE_RATE).astype(int)
    parts = [waveform[max(0, centre - half) : max(0, centre + half)] for centre in centres]
    return np.asarray([float(np.sqrt(np.mean(part**2))) if len(part) else 0.0 for part in parts])


def compute_mouth_motion(track: Track, images: UInt8[Tensor, "F H W 3"]) -> Float[np.ndarray, " n"]:
    """The mean change of the mouth's standardised grey values from each frame of the track to the next; n = N - 1."""
    corners = track.landmarks[:, MOUTH_CORNERS]  # [N, 2, 2]
    centre = corners.mean(1)
    reach = ((corners[:, 1] - corners[:, 0]).norm(dim=1) * MOUTH_REACH).clamp(min=2)[:, None]
    boxes = torch.cat([centre - reach, centre + reach], 1).round().long()
    limit = torch.tensor([images.shape[2], images.shape[1]])
    low = torch.minimum(boxes[:, :2].clamp(min=0), limit - 1)
    boxes = torch.cat([low, torch.maximum(torch.minimum(boxes[:, 2:], limit), low + 1)], 1)
    frames = torch.tensor(track.frames)
    mouths = torch.cat(
        [
            crop_boxes(compute_integral_image(images[some]), part, torch.arange(len(part)), MOUTH_SIZE).mean(1)
            for some, part in zip(torch.split(frames, FRAMES_AT_ONCE), torch.split(boxes, FRAMES_AT_ONCE), strict=True)
        ]
    )  # [N, S, S]
    mouths = (mouths - mouths.mean((1, 2), keepdim=True)) / mouths.std((1, 2), keepdim=True).clamp(min=1)
    return (mouths[1:] - mouths[:-1]).abs().mean((1, 2)).numpy()


def smooth(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The running mean over three values; fewer values are returned unchanged."""
    kernel = np.ones(SMOOTHING_FRAMES) / SMOOTHING_FRAMES
    return np.convolve(values, kernel, "same") if len(values) >= SMOOTHING_FRAMES else values
