"""A clip's picture: evenly spaced frames with their times on the clock of the file, in bounded memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import Colorspace, VideoReformatter
from jaxtyping import Float, UInt8

from mmerc.corpora import Clip
from mmerc.errors import NoVideo
from mmerc.media.container import Media, explain_damage
from mmerc.media.decoding import Frame, decode_frames
from mmerc.media.image import FILE_FORMATS, is_picture, read_picture
from mmerc.media.isolation import isolate
from mmerc.media.keeping import borrow
from mmerc.media.skipping import WantedTimes
from mmerc.media.timeline import read_timeline, scan_timeline

MAX_SIDE = 1280  # pixels; 1080p and 8K are reduced to it while they are decoded
SEEK_BEYOND = 4.0  # seconds between two wanted frames from which a seek is faster than decoding what lies between
# A time shortly before the first frame shows that frame, if the gap is shorter than this and than the frame's own length.
MAX_EARLY = 0.1  # seconds
HIGH_DEFINITION = (1280, 576)  # players treat unlabelled pictures of this width, or larger than this height, as BT.709
UNSPECIFIED = 2  # ffmpeg's AVCOL_SPC_UNSPECIFIED


@dataclass(frozen=True)
class Frames:
    """`images` in RGB as a player shows them, `times` in seconds from the start of the file."""

    images: UInt8[np.ndarray, "F H W 3"]
    times: Float[np.ndarray, " F"]


@isolate
def read_frames(clip: Clip, count: int, *, max_side: int = MAX_SIDE, rate: float = float("inf")) -> Frames:
    """At most `count` frames, and at most `rate` a second, evenly spaced over the clip; all where the clip has fewer.

    Each is the frame on show at its time: the last one that has begun. It may have begun before the clip; its time is then
    the clip's start. A picture file is a clip of one frame.

    `max_side`: pixels; frames whose larger side exceeds it are made smaller.

    Raises:
        NoVideo: the clip has no video track or shows no frame.
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    if is_picture(clip.path):
        image = read_picture(clip.path.read_bytes(), max_side=max_side, formats=FILE_FORMATS)
        return Frames(image[None], np.asarray([clip.start]))
    with _open_pictures(clip) as pictures:
        timeline = pictures.timeline
        first, last = timeline.spans.get(pictures.index, (0.0, timeline.duration))
        start = clip.start if clip.end is not None else max(clip.start, first)
        end = last if clip.end is None else clip.end
        if end > timeline.duration > start:
            end = min(end, scan_timeline(clip.path).duration)  # the header may be wrong
        end = max(start, end)  # the part may lie behind the end of the file
        if rate * (end - start) < count:
            count = max(1, round(rate * (end - start)))
        wanted = start + (np.arange(count) + 0.5) * (end - start) / count  # [F]
        shown = dict(_pick_frames(pictures, wanted, max_side))
    return _stack_frames(clip, shown, start, end)


@isolate
def read_frames_at(clip: Clip, times: Sequence[float], *, max_side: int = MAX_SIDE) -> Frames:
    """The frames on show at these times, in seconds from the start of the file and in rising order; each frame once.

    Raises:
        NoVideo: the clip has no video track or shows no frame then.
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    with _open_pictures(clip) as pictures:
        shown = dict(_pick_frames(pictures, np.asarray(times, np.float64), max_side))
    return _stack_frames(clip, shown, times[0], times[-1])


def space_evenly(length: int, count: int) -> list[int]:
    """Indices of at most `count` items of `length`, evenly spaced from the first one to the last one.

    >>> space_evenly(10, 3), space_evenly(2, 5), space_evenly(5, 1)
    ([0, 4, 9], [0, 1], [0])
    """
    found: list[int] = np.unique(np.linspace(0, length - 1, count).round().astype(int)).tolist()
    return found


def _stack_frames(clip: Clip, shown: Mapping[float, np.ndarray], start: float, end: float) -> Frames:
    if not shown:
        raise NoVideo(f"{clip.path.name} gives no frame between {start:.2f} and {end:.2f} s")
    shape = next(iter(shown.values())).shape
    same = {time: image for time, image in shown.items() if image.shape == shape}  # a track may change its size
    return Frames(np.stack(list(same.values())), np.maximum(list(same), clip.start))


@contextmanager
def _open_pictures(clip: Clip) -> Iterator["_Pictures"]:
    with (
        explain_damage(clip.path),
        borrow("pictures", clip.path, lambda: _Pictures(Media(clip.path, clip.seconds))) as pictures,
    ):
        yield pictures


class _Pictures:
    """The pictures of a file's first video track that are on show at rising times. It goes on from where it stopped."""

    def __init__(self, media: Media) -> None:
        try:
            self.media, self.index, self.timeline = media, media.find_video_tracks()[0], read_timeline(media)
            track = media.video_track(self.index)
        except BaseException:
            media.close()
            raise
        self.ratio = track.sample_aspect_ratio
        self.early = min(MAX_EARLY, 1 / float(track.average_rate or 25))
        self._wanted = WantedTimes()
        self._frames: Iterator[tuple[float, Frame]] = iter(())
        self._shown: tuple[float, av.VideoFrame] | None = None  # the last frame that was decoded

    def find(self, times: list[float]) -> Iterator[tuple[float, av.VideoFrame]]:
        """For each time the start of the frame on show then, and this frame; none where there is no frame."""
        pending = list(times)
        shown, self._shown = self._shown, None
        self._wanted.times = times
        if shown is None or not 0 <= times[0] - shown[0] < SEEK_BEYOND:
            shown = None
            self._frames = decode_frames(self.media, self.index, self.timeline, times[0], self._wanted)
        for begun, frame in self._frames:
            assert isinstance(frame, av.VideoFrame)
            while pending and begun > pending[0]:
                time = pending.pop(0)
                if shown is not None:
                    yield shown
                elif begun - time <= self.early:
                    yield begun, frame
            shown = begun, frame
            if not pending:
                break
        self._shown = shown
        if shown is not None and pending and pending[0] <= self.timeline.duration:
            yield shown  # the last frame stays on show to the end of the file

    def close(self) -> None:
        """Close the file."""
        self.media.close()


def _pick_frames(pictures: _Pictures, wanted: np.ndarray, max_side: int) -> Iterator[tuple[float, np.ndarray]]:
    """For each wanted time the start of the frame on show then, and its image; some may be the same."""
    is_sparse = len(wanted) > 1 and wanted[1] - wanted[0] > SEEK_BEYOND
    groups = [[time] for time in wanted.tolist()] if is_sparse else [wanted.tolist()]
    renderer = _Renderer(pictures.ratio, max_side)
    previous: float | None = None
    for times in groups:
        for begun, frame in pictures.find(times):
            if begun != previous:  # rendering is the larger part of the work
                yield begun, renderer.render(frame)
            previous = begun


def compute_display_size(width: int, height: int, ratio: Fraction | None) -> tuple[int, int]:
    """Pixels of a stored picture as a player shows it, before it is turned: none is lost.

    `ratio`: the sample aspect ratio, the width of a stored pixel in its heights.

    >>> compute_display_size(720, 576, Fraction(16, 15)), compute_display_size(720, 480, Fraction(8, 9))
    ((768, 576), (720, 540))
    """
    if not ratio or not 0.1 < ratio < 10:  # absent, or damaged
        return width, height
    return (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))


class _Renderer:
    """Makes RGB images of a track's frames, as a player shows them."""

    def __init__(self, ratio: Fraction | None, max_side: int) -> None:
        self.ratio, self.max_side = ratio, max_side
        self.reformatter = VideoReformatter()  # one for all frames: its set-up costs as much as a small frame
        self.rotation: int | None = (
            None  # rotation of the frame from which `matrix` was read: side data are slow to read
        )
        self.matrix: list[int] | None = None

    def render(self, frame: av.VideoFrame) -> UInt8[np.ndarray, "H W 3"]:
        """Scaled to square pixels and at most `max_side`, turned upright."""
        width, height = compute_display_size(frame.width, frame.height, self.ratio)
        scale = min(1.0, self.max_side / max(width, height))
        # swscale treats a picture without a named matrix as BT.601, whatever its size.
        is_high = frame.width >= HIGH_DEFINITION[0] or frame.height > HIGH_DEFINITION[1]
        is_guess = is_high and frame.colorspace == UNSPECIFIED and not frame.format.is_rgb
        image = self.reformatter.reformat(
            frame,
            width=max(1, round(width * scale)),
            height=max(1, round(height * scale)),
            format="rgb24",
            interpolation="AREA",
            src_colorspace=Colorspace.ITU709 if is_guess else None,
        ).to_ndarray()
        if frame.rotation != self.rotation:
            self.rotation, self.matrix = frame.rotation, _read_display_matrix(frame)
        return image if self.matrix is None else _turn(image, self.matrix)


def _read_display_matrix(frame: av.VideoFrame) -> list[int] | None:
    side_data: Mapping[Any, Any] = frame.side_data
    data = side_data.get(Type.DISPLAYMATRIX)
    return None if data is None else [int(value) for value in np.frombuffer(data, np.int32, 9)]


def _turn(image: UInt8[np.ndarray, "H W 3"], matrix: list[int]) -> UInt8[np.ndarray, "H2 W2 3"]:
    """The image turned and mirrored as a display matrix says: phones store portrait video lying on its side."""
    a, b, _, c, d, *_ = matrix  # x' = a x + c y, y' = b x + d y
    if abs(a) + abs(d) < abs(b) + abs(c):
        image, a, d = image.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
