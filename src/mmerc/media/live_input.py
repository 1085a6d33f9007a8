"""An utterance that is in no file: what a microphone and a camera gave, in the forms that a clip is read in."""

import numpy as np
from jaxtyping import Float

from mmerc.corpora import Live, Utterance
from mmerc.errors import ClipUnreadable, MissingModality, NoAudio, NoVideo
from mmerc.media.audio import LONGEST, SAMPLE_RATE, Channel, audible, read_waveform
from mmerc.media.image import read_picture
from mmerc.media.video import LARGEST_SIDE, Frames

LOUDEST = 2.0  # a little over 1 is a filter's overshoot; integers go to 32,768


def waveform_of(turn: Utterance, *, channel: Channel = "mean", longest: float = LONGEST) -> Float[np.ndarray, " S"]:
    """The utterance's samples, from its clip or from the microphone, as `read_waveform` gives them.

    Raises:
        MissingModality: it has neither, or nothing can be heard.
    """
    if turn.live is not None:
        return audible(_samples(turn.live)[: int(longest * SAMPLE_RATE)], "the microphone")
    if turn.clip is None:
        raise MissingModality("it has no clip")
    return read_waveform(turn.clip, channel=channel, longest=longest)


def _samples(live: Live) -> Float[np.ndarray, " S"]:
    try:
        samples = np.asarray(live.samples)
    except ValueError as error:
        raise NoAudio("the microphone's samples are rows of different lengths and not floats [S]") from error
    if not samples.size:
        raise NoAudio("there is no microphone")
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise NoAudio(f"the microphone's samples are {samples.dtype} {list(samples.shape)} and not floats [S]")
    if not np.isfinite(samples).all():
        raise NoAudio("the microphone's samples hold what is no number")
    loudest = float(np.abs(samples).max())
    if loudest > LOUDEST:
        raise NoAudio(f"the microphone's samples reach {loudest:.0f} and not 1: divide them")
    return samples.astype(np.float32, copy=False)


def live_frames(live: Live, count: int, *, largest_side: int = LARGEST_SIDE) -> Frames:
    """At most `count` of the camera's pictures, evenly spaced; damaged ones are left out.

    Raises:
        NoVideo: there is none that can be read.
    """
    if not live.pictures:
        raise NoVideo("there is no camera")
    if len(live.times) != len(live.pictures):
        raise NoVideo(f"there are {len(live.times)} times for {len(live.pictures)} pictures")
    if not all(isinstance(picture, bytes) for picture in live.pictures):
        raise NoVideo("the camera's pictures are not the bytes of JPEG or PNG")
    places = np.unique(np.linspace(0, len(live.pictures) - 1, count).round().astype(int))
    images: list[np.ndarray] = []
    times: list[float] = []
    for place in places:
        try:
            image = read_picture(live.pictures[place], largest_side=largest_side)
        except ClipUnreadable:
            continue
        if not images or image.shape == images[0].shape:
            images.append(image)
            times.append(live.times[place])
    if not images:
        raise NoVideo("none of the camera's pictures can be read")
    return Frames(np.stack(images), np.asarray(times, np.float64))
