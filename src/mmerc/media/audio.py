"""A clip in, mono samples at 16 kHz out, in bounded memory."""

from collections.abc import Iterator
from typing import Literal

import av
import numpy as np
import soxr
from jaxtyping import Float

from mmerc.corpora import Clip
from mmerc.errors import NoAudio
from mmerc.media.container import decoded, opened, origin, seek

SAMPLE_RATE = 16_000
SHORTEST = 0.05  # seconds: below it there is not one pitch period of a deep voice in each of two windows
SILENCE = 1e-4  # root mean square; -80 dB of full scale, below the noise of any microphone
LONGEST = 60.0  # seconds of one utterance that are looked at

Channel = Literal["mean", "centre"]


def read_waveform(clip: Clip, *, channel: Channel = "mean", longest: float = LONGEST) -> Float[np.ndarray, " S"]:
    """The clip's samples in [-1, 1], mono at 16 kHz, at most `longest` seconds of them.

    `channel`: the mean over all channels (the paper), or the front centre, where films keep their dialogue
    (the mean where there is none).

    Raises:
        NoAudio: there is no audio stream, it is shorter than 0.05 s, or it is silent.
        ClipNotFound, ClipUnreadable: the clip is no medium.
    """
    blocks: list[np.ndarray] = []
    wanted = int(longest * SAMPLE_RATE)
    for block in waveform_blocks(clip, channel=channel):
        blocks.append(block)
        wanted -= len(block)
        if wanted <= 0:
            break
    samples = np.concatenate(blocks)[: int(longest * SAMPLE_RATE)] if blocks else np.zeros(0, np.float32)
    return audible(samples, clip.path.name)


def audible(samples: Float[np.ndarray, " S"], name: str) -> Float[np.ndarray, " S"]:
    """The samples, where there is something to hear in them.

    Raises:
        NoAudio: they are shorter than 0.05 s or silent; `name` says whose they are.
    """
    if len(samples) < SHORTEST * SAMPLE_RATE:
        raise NoAudio(f"{name} holds only {len(samples) / SAMPLE_RATE * 1000:.0f} ms of audio")
    if float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < SILENCE:
        raise NoAudio(f"{name} is silent")
    return samples


def waveform_blocks(clip: Clip, *, channel: Channel = "mean") -> Iterator[Float[np.ndarray, " N"]]:
    """The same samples block by block, however long the clip is.

    Raises:
        NoAudio: the clip has no audio stream.
    """
    with opened(clip.path) as container:
        if not container.streams.audio:
            raise NoAudio(f"{clip.path.name} has no audio stream")
        stream = container.streams.audio[0]
        first = origin(container)
        if clip.start > 0:
            seek(container, clip.start)
        form: tuple[str, str, int] | None = None
        resampler: soxr.ResampleStream | None = None
        for frame in decoded(container, stream):
            assert isinstance(frame, av.AudioFrame)
            begin = frame.time - first if frame.time is not None else 0.0
            if clip.end is not None and begin >= clip.end:
                break
            rate = frame.sample_rate
            if form != (frame.format.name, frame.layout.name, rate):  # files that were joined change in the middle
                if resampler is not None:
                    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
                form = (frame.format.name, frame.layout.name, rate)
                # Only the sample format: mixing and rate are ours to choose. Packed, because PyAV's planar frames end at
                # eight channels.
                to_float = av.AudioResampler(format="flt")
                resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
            for part in to_float.resample(frame):
                mono = _mono(part, channel)
                mono = mono[_index(clip.start - begin, rate, len(mono)) : _index(clip.end, rate, len(mono), begin)]
                assert resampler is not None
                yield resampler.resample_chunk(mono)
        if resampler is not None:
            yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _index(time: float | None, rate: int, length: int, begin: float = 0.0) -> int:
    """The sample at `time`, `begin` being the time of sample 0, kept within the block."""
    return length if time is None else min(max(round((time - begin) * rate), 0), length)


def _mono(frame: av.AudioFrame, channel: Channel) -> np.ndarray:
    planes = frame.to_ndarray().reshape(-1, frame.layout.nb_channels).T  # [1, N * C] interleaved -> [C, N]
    # A float file may hold anything: what is no number counts as silence, what is too loud is clipped.
    planes = np.clip(np.nan_to_num(planes, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)
    if channel == "centre":
        names = [place.name for place in frame.layout.channels]
        if "FC" in names and len(names) > 1:
            return planes[names.index("FC")].astype(np.float32)
    return planes.mean(axis=0, dtype=np.float32)
