"""Which of several faces speaks: the one whose mouth moves when the voice is loud.

Each mouth is cut out between its own corners, so that a head that moves is no mouth that moves. How much it changes from
frame to frame is set against the loudness of the sound at those times; a face that does not move has nothing to say for itself.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mmerc.encoders.face import integral_image as area
from mmerc.encoders.face.tracks import Track
from mmerc.media import SAMPLE_RATE

MOUTH = slice(3, 5)  # its corners among the landmarks
REACH = 0.8  # from the middle of the mouth to the edge of what is cut out, in widths of the mouth
SIDE = 16  # pixels of a mouth
SMOOTH = 3  # frames: lips lead and follow the sound by some tens of milliseconds
AT_ONCE = 8  # frames whose table of sums is in memory
FEWEST = 6  # frames from which there is a course to compare


def speaking_scores(
    tracks: Sequence[Track],
    images: UInt8[Tensor, "F H W 3"],
    times: Float[np.ndarray, " F"],
    waveform: Float[np.ndarray, " S"],
    *,
    start: float = 0.0,
) -> list[float]:
    """A score for each track, from -1 to 1: the correlation of mouth and voice, less for a mouth that moves less than
    others, and -1 for a face that was not seen long enough.

    `times` are seconds in the recording, `start` the time of the waveform's first sample.
    """
    loud = smoothed(loudness(waveform, times - start))
    courses: list[tuple[float, float] | None] = []
    for track in tracks:
        motion = smoothed(mouth_motion(track, images))
        heard = loud[track.frames[1:]] if len(track) > 1 else motion
        if len(motion) < FEWEST:
            courses.append(None)
        elif motion.std() == 0 or heard.std() == 0:
            courses.append((0.0, 0.0))
        else:
            courses.append((float(np.corrcoef(motion, heard)[0, 1]), float(motion.std())))
    liveliest = max((course[1] for course in courses if course), default=0.0) or 1.0
    return [-1.0 if course is None else course[0] * course[1] / liveliest for course in courses]


def loudness(waveform: Float[np.ndarray, " S"], times: Float[np.ndarray, " F"]) -> Float[np.ndarray, " F"]:
    """The root mean square of the sound around each time, over half the way to its neighbours."""
    if len(times) < 2 or not len(waveform):
        return np.zeros(len(times))
    half = max(1, int(np.median(np.diff(times)) / 2 * SAMPLE_RATE))
    middles = (times * SAMPLE_RATE).astype(int)
    parts = [waveform[max(0, middle - half) : max(0, middle + half)] for middle in middles]
    return np.asarray([float(np.sqrt(np.mean(part**2))) if len(part) else 0.0 for part in parts])


def mouth_motion(track: Track, images: UInt8[Tensor, "F H W 3"]) -> Float[np.ndarray, " n"]:
    """How much the mouth changes from each of the track's frames to the next: mean change of grey, in its own deviations."""
    corners = track.landmarks[:, MOUTH]  # [N, 2, 2]
    middle = corners.mean(1)
    reach = ((corners[:, 1] - corners[:, 0]).norm(dim=1) * REACH).clamp(min=2)[:, None]
    boxes = torch.cat([middle - reach, middle + reach], 1).round().long()
    most = torch.tensor([images.shape[2], images.shape[1]])
    low = torch.minimum(boxes[:, :2].clamp(min=0), most - 1)
    boxes = torch.cat([low, torch.maximum(torch.minimum(boxes[:, 2:], most), low + 1)], 1)
    mouths = torch.cat(
        [
            area.cut(area.summed(images[frames]), part, torch.arange(len(part)), SIDE).mean(1)
            for frames, part in zip(torch.tensor(track.frames).split(AT_ONCE), boxes.split(AT_ONCE), strict=True)
        ]
    )  # [N, S, S]
    mouths = (mouths - mouths.mean((1, 2), keepdim=True)) / mouths.std((1, 2), keepdim=True).clamp(min=1)
    return (mouths[1:] - mouths[:-1]).abs().mean((1, 2)).numpy()


def smoothed(course: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The running mean over three values; a shorter course as it is."""
    return np.convolve(course, np.ones(SMOOTH) / SMOOTH, "same") if len(course) >= SMOOTH else course
