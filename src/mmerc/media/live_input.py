"""Samples and images of an utterance that is in no file, in the forms in which a clip is read."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
from jaxtyping import Float, UInt8

from mmerc.corpora import LiveRecording, Utterance
from mmerc.errors import ClipUnreadable, MissingModality, NoAudio, NoVideo
from mmerc.media.audio import MAX_SECONDS, SAMPLE_RATE, Channel, check_audible, read_waveform
from mmerc.media.image import read_picture
from mmerc.media.video import MAX_SIDE, Frames, space_evenly

UNREADABLE = "none of the camera's images can be read"
MAX_AMPLITUDE = 2.0  # a little over 1 is a filter's overshoot; integers go to 32,768


def read_utterance_waveform(
    utterance: Utterance, *, channel: Channel = "mean", max_seconds: float = MAX_SECONDS
) -> Float[np.ndarray, " S"]:
    """The utterance's samples as `read_waveform` gives them, from its clip or from the microphone.

    Raises:
        MissingModality: it has neither, or nothing can be heard.
    """
    if utterance.live is not None:
        return check_audible(_check_samples(utterance.live)[: int(max_seconds * SAMPLE_RATE)], "the microphone")
    if utterance.clip is None:
        raise MissingModality("it has no clip")
    return read_waveform(utterance.clip, channel=channel, max_seconds=max_seconds)


def read_live_frames(live: LiveRecording, count: int, *, max_side: int = MAX_SIDE) -> Frames:
    """At most `count` of the camera's images, evenly spaced; damaged ones are left out.

    Raises:
        NoVideo: there is none that can be read.
    """
    check_images(live)
    found = read_live_images(live, space_evenly(len(live.images), count), max_side=max_side)
    if not found:
        raise NoVideo(UNREADABLE)
    shape = next(iter(found.values())).shape
    same = {index: image for index, image in found.items() if image.shape == shape}
    return Frames(np.stack(list(same.values())), np.asarray([live.times[index] for index in same], np.float64))


def read_live_frames_at(live: LiveRecording, times: Sequence[float], *, max_side: int = MAX_SIDE) -> Frames:
    """The images nearest to these times, in seconds after the first sample. Raises NoVideo: none of them can be read."""
    check_images(live)
    known = np.asarray(live.times)
    indices = sorted({int(np.abs(known - time).argmin()) for time in times})
    chosen = replace(live, images=tuple(live.images[i] for i in indices), times=tuple(live.times[i] for i in indices))
    return read_live_frames(chosen, len(indices), max_side=max_side)


def check_images(live: LiveRecording) -> None:
    """Check that there are images, each with a time. Raises NoVideo if not."""
    if not live.images:
        raise NoVideo("there is no camera")
    if len(live.times) != len(live.images):
        raise NoVideo(f"there are {len(live.times)} times for {len(live.images)} images")
    if not all(isinstance(image, bytes) for image in live.images):
        raise NoVideo("the camera's images are not the bytes of JPEG or PNG")


def read_live_images(
    live: LiveRecording, indices: Sequence[int], *, max_side: int = MAX_SIDE
) -> dict[int, UInt8[np.ndarray, "H W 3"]]:
    """The pixels of these images, by index; damaged ones are left out."""
    found = {}
    for index in indices:
        with suppress(ClipUnreadable):
            found[index] = read_picture(live.images[index], max_side=max_side)
    return found


def _check_samples(live: LiveRecording) -> Float[np.ndarray, " S"]:
    try:
        samples = np.asarray(live.samples)
    except ValueError as error:
        raise NoAudio("the microphone's samples are rows of different lengths and not floats [S]") from error
    if not samples.size:
        raise NoAudio("there is no microphone")
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise NoAudio(f"the microphone's samples are {samples.dtype} {list(samples.shape)} and not floats [S]")
    if not np.isfinite(samples).all():
        raise NoAudio("the microphone's samples contain NaN or infinity: remove them")
    amplitude = float(np.abs(samples).max())
    if amplitude > MAX_AMPLITUDE:
        raise NoAudio(
            f"the microphone's samples reach {amplitude:.0f}, but must be in [-1, 1]: divide 16-bit samples by 32768"
        )
    return samples.astype(np.float32, copy=False)
