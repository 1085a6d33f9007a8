"""A clip in, evenly spaced frames with their times out, in bounded memory."""

from dataclasses import dataclass

import av
import numpy as np
from jaxtyping import Float, UInt8

from mmerc.corpora import Clip
from mmerc.errors import NoVideo
from mmerc.media.container import decoded, opened, origin, seek

LARGEST_SIDE = 1280  # pixels; 1080p and 8K are reduced to it while they are decoded
SEEK_BEYOND = 4.0  # seconds between two wanted frames from which seeking beats decoding what lies between


@dataclass(frozen=True)
class Frames:
    """`images` in RGB and upright, `times` in seconds from the start of the file."""

    images: UInt8[np.ndarray, "F H W 3"]
    times: Float[np.ndarray, " F"]


def read_frames(clip: Clip, count: int, *, largest_side: int = LARGEST_SIDE, rate: float = float("inf")) -> Frames:
    """At most `count` frames, and at most `rate` a second, evenly spaced over the clip; all where the clip has fewer.

    Raises:
        NoVideo: the clip has no video stream or gives no frame.
        ClipNotFound, ClipUnreadable: the clip is no medium.
    """
    with opened(clip.path) as container:
        streams = [stream for stream in container.streams.video if not _is_cover(stream)]
        if not streams:
            raise NoVideo(f"{clip.path.name} has no video stream")
        stream = streams[0]
        stream.thread_type = "AUTO"
        start, end = _span(container, stream, clip)
        end = max(start, end)  # a part behind the end of the file
        if rate * (end - start) < count:
            count = max(1, round(rate * (end - start)))
        wanted = start + (np.arange(count) + 0.5) * (end - start) / count
        images: list[np.ndarray] = []
        times: list[float] = []
        for time, image in _pick(container, stream, wanted, (end - start) / count, largest_side):
            images.append(image)
            times.append(time)
    if not images:
        raise NoVideo(f"{clip.path.name} gives no frame between {start:.2f} and {end:.2f} s")
    shape = images[0].shape
    whole = [place for place, image in enumerate(images) if image.shape == shape]  # a stream may change its size
    return Frames(np.stack([images[place] for place in whole]), np.asarray([times[place] for place in whole]))


def _is_cover(stream: av.VideoStream) -> bool:
    # An mp3's cover picture is a video stream of one image.
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _span(container: av.container.InputContainer, stream: av.VideoStream, clip: Clip) -> tuple[float, float]:
    start = clip.start
    if clip.end is not None:
        return start, clip.end
    if stream.duration and stream.time_base:
        first = float((stream.start_time or 0) * stream.time_base) - origin(container)
        return start, first + float(stream.duration * stream.time_base)
    if container.duration:
        return start, container.duration / av.time_base
    stamps = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
    container.seek(0)
    return start, float(max(stamps, default=0) * (stream.time_base or 0)) - origin(container) + 1e-3


def _pick(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    wanted: np.ndarray,
    spacing: float,
    largest_side: int,
) -> list[tuple[float, np.ndarray]]:
    """For each wanted time the frame on show then, each frame once."""
    picked: list[tuple[float, np.ndarray]] = []
    targets = list(wanted)
    seeking = spacing > SEEK_BEYOND
    groups = [[target] for target in targets] if seeking else [targets]
    for group in groups:
        if group[0] > SEEK_BEYOND:
            seek(container, max(group[0] - 0.5, 0))
        picked += _sweep(container, stream, group, spacing, largest_side)
    unique: dict[float, np.ndarray] = {}
    for time, image in picked:
        unique.setdefault(time, image)
    return list(unique.items())


def _sweep(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    targets: list[float],
    spacing: float,
    largest_side: int,
) -> list[tuple[float, np.ndarray]]:
    picked: list[tuple[float, np.ndarray]] = []
    pending, first = list(targets), origin(container)
    shown: tuple[float, av.VideoFrame] | None = None
    for number, frame in enumerate(decoded(container, stream)):
        assert isinstance(frame, av.VideoFrame)
        time = frame.time - first if frame.time is not None else number / float(stream.average_rate or 25)
        while pending and time > pending[0]:
            if shown is None or shown[0] < targets[0] - spacing:
                shown = (time, frame)  # nothing, or only what lies before the clip's part, was on show
            picked.append((shown[0], _image(shown[1], largest_side)))
            pending.pop(0)
        shown = (time, frame)
        if not pending:
            return picked
    if pending and shown is not None and shown[0] >= targets[0] - spacing:
        picked.append((shown[0], _image(shown[1], largest_side)))  # the last frame stays on show to the end
    return picked


def _image(frame: av.VideoFrame, largest_side: int) -> UInt8[np.ndarray, "H W 3"]:
    scale = min(1.0, largest_side / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    image = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    turns = round(getattr(frame, "rotation", 0) / 90) % 4  # phones store portrait video lying on its side
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
