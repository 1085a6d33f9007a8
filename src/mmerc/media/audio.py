"""A clip's sound: mono samples at 16 kHz on the clock of the file, in bounded memory."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Literal

import av
import numpy as np
import soxr
from jaxtyping import Float

from mmerc.corpora import Clip
from mmerc.errors import NoAudio, NoAudioStream
from mmerc.media.container import Media, explain_damage
from mmerc.media.decoding import decode_frames
from mmerc.media.image import is_picture
from mmerc.media.isolation import isolate, isolate_blocks
from mmerc.media.keeping import borrow
from mmerc.media.timeline import read_timeline

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.05  # a shorter clip has less than two windows with one pitch period of a deep voice in each
SILENCE = 1e-4  # root mean square; -80 dB of full scale, below the noise of any microphone
MAX_SECONDS = 60.0  # seconds of one utterance that are read

# Time stamps are rounded and jitter. A difference between them and the number of samples counts as a gap or an overlap
# if it is large, or if it lasts.
LARGE_DIFFERENCE, LASTING_DIFFERENCE = 0.1, 0.02  # seconds
LASTING_FRAMES = 8
MAX_GAP = 12 * 3600.0  # seconds: a time stamp that lies further ahead is damaged
CANCELLATION = 0.05  # the mean of independent channels has the energy sum / C^2; below this share of it they cancel

Channel = Literal["mean", "centre"]


@isolate
def read_waveform(
    clip: Clip, *, channel: Channel = "mean", max_seconds: float = MAX_SECONDS
) -> Float[np.ndarray, " S"]:
    """The clip's samples in [-1, 1], mono at 16 kHz: sample n is heard at `clip.start + n / 16000` seconds.

    Where the recording has a gap, or its sound begins late, the samples are 0.

    `channel`: the mean over all channels (the paper), or the front centre, where films keep their dialogue (the mean where
    there is none). Where the channels cancel each other in the mean, the louder one is taken.
    `max_seconds`: samples beyond this length are not read.

    Raises:
        NoAudio: there is no audio track, it is shorter than 0.05 s, or it is silent.
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    blocks: list[np.ndarray] = []
    num_remaining = int(max_seconds * SAMPLE_RATE)
    for block in read_waveform_blocks(clip, channel=channel):
        blocks.append(block)
        num_remaining -= len(block)
        if num_remaining <= 0:
            break
    samples = np.concatenate(blocks)[: int(max_seconds * SAMPLE_RATE)] if blocks else np.zeros(0, np.float32)
    return check_audible(samples, clip.path.name)


def check_audible(samples: Float[np.ndarray, " S"], name: str) -> Float[np.ndarray, " S"]:
    """The same samples, if there is something to hear in them.

    Raises:
        NoAudio: they are shorter than 0.05 s or silent; `name` says which recording.
    """
    if len(samples) < MIN_SECONDS * SAMPLE_RATE:
        raise NoAudio(f"{name} holds only {len(samples) / SAMPLE_RATE * 1000:.0f} ms of audio")
    if float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < SILENCE:
        raise NoAudio(f"{name} is silent")
    return samples


@isolate_blocks
def read_waveform_blocks(clip: Clip, *, channel: Channel = "mean") -> Iterator[Float[np.ndarray, " N"]]:
    """The samples of `read_waveform` block by block, however long the clip is.

    Raises:
        NoAudio: the clip has no audio track that can be decoded.
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    if is_picture(clip.path):
        raise NoAudioStream(f"{clip.path.name} is a picture and has no audio stream")
    with (
        explain_damage(clip.path),
        borrow("sound", clip.path, lambda: Media(clip.path, clip.seconds)) as media,
    ):
        converter: _Converter | None = None
        position = clip.start  # on the clock: where the next sample belongs
        has_begun, num_displaced = False, 0  # frames in a row whose time stamp is not `position`
        for time, frame in _decode_sound(media, clip):
            if clip.end is not None and time >= clip.end:
                # The recording goes on behind the clip's end: it is silent up to there.
                yield from (
                    converter.add_silence(clip.end - position) if converter else _make_silence(clip.end - position)
                )
                break
            if converter is None or not converter.has_same_format(frame):  # files that were joined change in the middle
                if converter is not None:
                    yield converter.finish()
                converter = _Converter(frame, channel)
            difference, first = time - position, 0
            if difference > MAX_GAP:
                difference = 0.0
            num_displaced = num_displaced + 1 if abs(difference) > LASTING_DIFFERENCE else 0
            if not has_begun or abs(difference) > LARGE_DIFFERENCE or num_displaced >= LASTING_FRAMES:
                num_displaced = 0
                if difference > 0:
                    yield from converter.add_silence(difference)
                    position = time
                else:
                    first = round(-difference * frame.sample_rate)
            last = frame.samples
            if clip.end is not None:
                last = min(last, first + round((clip.end - position) * frame.sample_rate))
            if last > first:
                yield from converter.add(frame, first, last)
                position += (last - first) / frame.sample_rate
                has_begun = True
        if converter is not None:
            yield converter.finish()


class _Converter:
    """Frames of one form in, mono blocks at 16 kHz out."""

    def __init__(self, frame: av.AudioFrame, channel: Channel) -> None:
        self.form = frame.format.name, frame.layout.name, frame.sample_rate
        self.rate = frame.sample_rate
        names = [each.name for each in frame.layout.channels]
        self.centre = names.index("FC") if channel == "centre" and "FC" in names else None
        # Only the sample format: mixing and rate are done here. Packed, because PyAV's planar frames end at 8 channels.
        self.to_float = av.AudioResampler(format="flt")
        self.resampler = soxr.ResampleStream(self.rate, SAMPLE_RATE, 1, dtype="float32")
        self.waiting: list[np.ndarray] = []  # [C, N] each: they are mixed a second at a time
        self.energies = np.zeros(len(names))  # energy of each channel up to now

    def has_same_format(self, frame: av.AudioFrame) -> bool:
        return (frame.format.name, frame.layout.name, frame.sample_rate) == self.form

    def add(self, frame: av.AudioFrame, first: int, last: int) -> Iterator[np.ndarray]:
        """Samples `first` to `last` of the frame."""
        for part in self.to_float.resample(frame):
            planes = part.to_ndarray().reshape(-1, len(self.energies)).T  # [1, N * C] interleaved -> [C, N]
            self.waiting.append(planes[:, first:last])
        if sum(planes.shape[1] for planes in self.waiting) >= self.rate:
            yield self._convert()

    def add_silence(self, seconds: float) -> Iterator[np.ndarray]:
        """This many seconds of zeros, not more than a second in one block."""
        if self.waiting:
            yield self._convert()
        yield from map(self.resampler.resample_chunk, _make_silence(seconds, self.rate))

    def finish(self) -> np.ndarray:
        """What is left."""
        rest = self._convert() if self.waiting else np.zeros(0, np.float32)
        return np.concatenate([rest, self.resampler.resample_chunk(np.zeros(0, np.float32), last=True)])

    def _convert(self) -> np.ndarray:
        planes = np.concatenate(self.waiting, axis=1)  # [C, N]
        self.waiting = []
        # A float file may hold anything: what is no number counts as silence, what is too loud is clipped.
        planes = np.clip(np.nan_to_num(planes, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)
        block: np.ndarray = self.resampler.resample_chunk(self._mix(planes))
        return block

    def _mix(self, planes: Float[np.ndarray, "C N"]) -> Float[np.ndarray, " N"]:
        if len(planes) == 1 or self.centre is not None:
            return np.asarray(planes[self.centre or 0])
        mean: np.ndarray = planes.mean(axis=0, dtype=np.float32)
        energies = np.square(planes).sum(axis=1, dtype=np.float64)  # [C]
        self.energies += energies
        if float(mean @ mean) >= CANCELLATION * energies.sum() / len(planes) ** 2:
            return mean
        # The first that is about as loud as any: the choice does not change from block to block.
        return np.asarray(planes[int(np.argmax(self.energies >= 0.5 * self.energies.max()))])


def _make_silence(seconds: float, rate: int = SAMPLE_RATE) -> Iterator[np.ndarray]:
    num_remaining = round(seconds * rate)
    while num_remaining > 0:
        yield np.zeros(min(num_remaining, rate), np.float32)
        num_remaining -= rate


def _decode_sound(media: Media, clip: Clip) -> Iterator[tuple[float, av.AudioFrame]]:
    """The frames of the first track that can be decoded."""
    timeline = read_timeline(media)
    for index in media.find_audio_tracks(clip.audio_track):
        frames: Iterator[Any] = decode_frames(
            media, index, timeline, clip.start
        )  # audio frames, because the track is audio
        first = next(frames, None)
        if first is not None:
            return chain([first], frames)
    raise NoAudio(f"{clip.path.name} has no audio track that can be decoded")
