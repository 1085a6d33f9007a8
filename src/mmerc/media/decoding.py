"""Frames of one track with their times on the clock of the file."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import av
import av.error

from mmerc.errors import MediaError
from mmerc.media.container import Media, Packet, Track, open_media
from mmerc.media.image import is_picture
from mmerc.media.skipping import WantedTimes, skip_pictures
from mmerc.media.timeline import Timeline

LOOK_BACK = (
    0.0,
    0.5,
    8.0,
    64.0,
    float("inf"),
)  # seconds before the wanted time: a seek that lands late is tried again earlier
PROBED_PACKETS = 30
NEAR_START = 4.0  # seconds: up to here, reading from the start is faster than a seek

Frame = av.AudioFrame | av.VideoFrame


def is_media(path: Path) -> bool:
    """Whether a file holds sound or pictures that can be decoded, whatever its name is. Only its beginning is read."""
    if is_picture(path):
        return True
    errors = frames = 0
    try:
        with open_media(path) as media:
            for packet in islice(media.read_packets(), PROBED_PACKETS):
                try:
                    frames += len(packet.decode())
                except av.error.FFmpegError:
                    errors += 1
            if not frames:  # a decoder may hold back its first frames
                tracks: list[Track] = [*media.container.streams.video, *media.container.streams.audio]
                for track in tracks:
                    if track.codec_context is not None:
                        frames += len(track.codec_context.decode(None))
    except (MediaError, OSError):
        return False
    return frames > errors  # any bytes may look like a few packets of MP3


def decode_frames(
    media: Media, index: int, timeline: Timeline, start: float = 0.0, wanted: WantedTimes | None = None
) -> Iterator[tuple[float, Frame]]:
    """Time and frame of the stream `index`, from a frame at or before `start` (seconds) where there is one.

    Damaged packets are left out. With `wanted`, so are pictures that are not on show at these times, where that saves work.
    """
    track, joins = media.container.streams[index], timeline.joins.get(index, ())
    # Of compressed sound, a decoder needs some before the wanted time to be exact.
    is_exact = track.type == "video" or (
        track.codec_context is not None and track.codec_context.name.startswith("pcm_")
    )
    for back in LOOK_BACK[0 if is_exact else 1 :]:
        landing = start - back
        if landing < NEAR_START:
            media.rewind()
            yield from _decode_packets(media, index, joins, wanted=wanted)
            return
        if timeline.joins:
            media.rewind()  # time stamps that occur twice cannot be sought
        else:
            try:
                media.seek(landing, any_frame=track.type == "audio")
            except av.error.FFmpegError:
                continue
        frames = _decode_packets(media, index, joins, landing, wanted)
        first = next(frames, None)
        if first is not None and first[0] <= start:
            yield first
            yield from frames
            return


def _decode_packets(
    media: Media,
    index: int,
    joins: tuple[tuple[int, float], ...],
    landing: float | None = None,
    wanted: WantedTimes | None = None,
) -> Iterator[tuple[float, Frame]]:
    """With `landing`, from the first key frame on that the reader meets; in joined files, from the first after this time."""
    track, origin = media.container.streams[index], media.origin
    following = 0.0  # the end of the frame before: the time of a frame without a time stamp
    packets = _read_packets(media, index, joins, landing)
    if wanted is not None and isinstance(track, av.VideoStream):
        packets = skip_pictures(packets, track, wanted, origin)
    for packet in packets:
        try:
            frames: list[Any] = packet.decode()
        except av.error.FFmpegError:
            continue
        for frame in frames:
            time = following if frame.time is None else frame.time - origin
            if isinstance(frame, av.AudioFrame):
                following = time + frame.samples / frame.sample_rate
            else:
                following = time + 1 / float(getattr(track, "average_rate", None) or 25)
            yield time, frame


def _read_packets(
    media: Media, index: int, joins: tuple[tuple[int, float], ...], landing: float | None
) -> Iterator[Packet]:
    """The packets from which to decode, on one clock where recordings were joined."""
    track, origin = media.container.streams[index], media.origin
    shift, later = 0.0, list(joins)
    is_waiting = landing is not None
    for number, packet in enumerate(media.read_packets(index)):
        while later and number >= later[0][0]:
            shift = later.pop(0)[1]
        if shift:
            ticks = round(shift / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        if is_waiting and packet.size:
            shown = packet.pts if packet.pts is not None else packet.dts
            is_early = bool(joins) and shown is not None and shown * packet.time_base - origin < (landing or 0.0)
            if is_early or (track.type == "video" and not packet.is_keyframe):
                continue
            is_waiting = False
        yield packet
