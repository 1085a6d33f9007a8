"""One clock for a file: presentation time stamps relative to the start of the container, in seconds.

The header is trusted if its format stores exact times. Other files are scanned once: their packets are read, not
decoded. The scan finds the true duration, and finds where time stamps restart because two recordings were joined: there the
clock continues. The rule for a restart follows ffmpeg's discontinuity rule (fftools, `ts_discontinuity_detect`): decode
time stamps that go back by more than 0.1 s or, in formats that may restart, forward by more than 10 s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import av

from mmerc.media.container import Media, Packet, open_media
from mmerc.media.isolation import isolate

RESTARTING = frozenset({"mpegts", "mpeg", "ogg"})  # formats whose parts may be joined byte by byte
BACKWARD, FORWARD = 0.1, 10.0  # seconds
MAX_SOUND_PACKET = 60.0  # seconds: ffmpeg gives the last packet of a Vorbis page, which is cut, up to 2^32 samples


@dataclass(frozen=True)
class Timeline:
    """`duration`: seconds to the end of the last packet of any track. `spans`: start and end of each track by stream index.

    `joins`: for each stream index, the number of the first packet of each part but the first, and the seconds to add to its time
    stamps. It is empty unless recordings were joined.
    """

    duration: float
    spans: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    joins: Mapping[int, tuple[tuple[int, float], ...]] = field(default_factory=dict)


def read_timeline(media: Media) -> Timeline:
    """The clock of an open file: from its header where that is exact, otherwise from a scan that is kept in memory."""
    container = media.container
    if container.format.name in RESTARTING or not container.duration:
        return scan_timeline(media.path)
    duration = container.duration / av.time_base
    if container.format.name == "matroska,webm":
        duration -= media.origin  # the header counts from 0
    spans = {}
    for track in (*container.streams.video, *container.streams.audio):
        start = float((track.start_time or 0) * (track.time_base or 0)) - media.origin if track.start_time else 0.0
        length = float(track.duration * track.time_base) if track.duration and track.time_base else None
        spans[track.index] = start, duration if length is None else start + length
    return Timeline(duration, spans)


def scan_timeline(path: Path) -> Timeline:
    """The clock of a file, measured on its packets; the header is not trusted.

    Raises:
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    try:
        state = path.stat()
    except OSError:
        return _scan(path, 0, 0)
    return _scan(path, state.st_mtime_ns, state.st_size)


@isolate
def measure_duration(path: Path) -> float:
    """Seconds of a recording, measured on its packets: no header can make it longer or shorter.

    Raises:
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    return scan_timeline(path).duration


@isolate
def is_longer_than(path: Path, seconds: float) -> bool:
    """Whether a recording takes more than `seconds`, measured as in `measure_duration` but read only as far as needed.

    Raises:
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    with open_media(path) as media:
        return _scan_packets(media, seconds).duration > seconds


class _Part:
    """What lies between two joins: the lowest and the highest raw time stamp in it."""

    def __init__(self) -> None:
        self.start, self.end = float("inf"), float("-inf")


class _Scan:
    """Follows each track through the parts of a file."""

    def __init__(self, may_jump_forward: bool) -> None:
        self.may_jump_forward = may_jump_forward
        self.parts = [_Part()]
        self.part_of: dict[int, int] = {}  # the part in which each track is
        self.last: dict[int, float] = {}  # the latest decode time stamp of each track
        self.count: dict[int, int] = {}  # packets of each track
        self.joins: dict[int, list[tuple[int, int]]] = {}  # for each track: number of the packet, index of the part
        self.spans: dict[
            int, list[tuple[int, float, float]]
        ] = {}  # for each track: part, lowest, highest raw time stamp

    def add(self, packet: Packet) -> None:
        """Take the next packet of the file."""
        index, base = packet.stream.index, float(packet.time_base)
        number = self.count.get(index, 0)
        self.count[index] = number + 1
        shown = packet.pts if packet.pts is not None else packet.dts
        if shown is None:
            return
        decode_time = (packet.dts if packet.dts is not None else shown) * base
        # Decode times separate the parts. A track without them may show its frames out of order.
        if packet.dts is not None or packet.stream.type == "audio":
            if self._is_restart(index, decode_time):
                self._enter_part(index, decode_time)
                self.joins.setdefault(index, []).append((number, self.part_of[index]))
            self.last[index] = decode_time
        part = self.part_of.setdefault(index, len(self.parts) - 1)
        if packet.is_discard:
            return
        start, length = shown * base, (packet.duration or 0) * base
        end = start + (length if packet.stream.type == "video" or length < MAX_SOUND_PACKET else 0.0)
        self.parts[part].start = min(self.parts[part].start, start)
        self.parts[part].end = max(self.parts[part].end, end)
        spans = self.spans.setdefault(index, [])
        if not spans or spans[-1][0] != part:
            spans.append((part, start, end))
        else:
            spans[-1] = part, min(spans[-1][1], start), max(spans[-1][2], end)

    def _is_restart(self, index: int, decode_time: float) -> bool:
        if index not in self.last:
            return False
        if decode_time < self.last[index] - BACKWARD:
            return True
        return (
            self.may_jump_forward and decode_time > max(self.last[index], self.parts[self.part_of[index]].end) + FORWARD
        )

    def _enter_part(self, index: int, decode_time: float) -> None:
        """The part that another track has begun already, where the time fits into it; otherwise a new one."""
        latest = self.parts[-1]
        fits = latest.start - FORWARD < decode_time < latest.end + FORWARD
        if not (fits and self.part_of[index] < len(self.parts) - 1):
            self.parts.append(_Part())
        self.part_of[index] = len(self.parts) - 1

    def finish(self, origin: float) -> Timeline:
        shifts: list[float] = []  # seconds to add to the raw time stamps of each part
        end = origin
        for part in self.parts:
            known = part.end >= part.start
            shifts.append(end - part.start if shifts and known else 0.0)
            end = max(end, part.end + shifts[-1]) if known else end
        spans = {
            index: (
                min(start + shifts[part] for part, start, _ in found) - origin,
                max(stop + shifts[part] for part, _, stop in found) - origin,
            )
            for index, found in self.spans.items()
        }
        joins = {index: tuple((number, shifts[part]) for number, part in found) for index, found in self.joins.items()}
        return Timeline(end - origin, spans, joins)


@lru_cache(maxsize=64)
def _scan(path: Path, modified: int, size: int) -> Timeline:
    """`modified` and `size` are part of the key: a file that has changed is scanned again."""
    with open_media(path) as media:
        return _scan_packets(media)


def _scan_packets(media: Media, limit: float = float("inf")) -> Timeline:
    """Read packets to the end of the file, or to one that ends more than `limit` seconds after the start of its part."""
    scan = _Scan(media.container.format.name in RESTARTING)
    for packet in media.read_packets():
        scan.add(packet)
        if scan.parts[-1].end - media.origin > limit:
            break
    return scan.finish(media.origin)
