"""Pictures that nobody will look at are not decoded, where no other picture is predicted from them.

Half of the pictures of a usual H.264 film are such pictures. The decoder knows them by a field of the standard (`nal_ref_idc`). Which
picture is on show at a time follows from the time stamps of the packets, which are known before anything is decoded.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence

import av

from mmerc.media.container import Packet

# H.264 allows that 16 pictures are decoded before one that is shown earlier. So the picture that is shown next is one of the packets
# that are at most so far away.
LOOK_AHEAD = 17  # packets
# Codecs in which a picture that is not marked as a reference is never used by another one. In HEVC it may be used by pictures of a
# higher temporal layer.
CODECS = frozenset({"h264", "mpeg2video", "mpeg4"})
TOLERANCE = 1e-6  # seconds: time stamps are rounded


class WantedTimes:
    """The times, in seconds and in rising order, at which the pictures on show are wanted.

    `times` may be replaced by later ones while packets are read.
    """

    def __init__(self, times: Sequence[float] = ()) -> None:
        self.times = times

    def may_show(self, begun: float, end: float) -> bool:
        """Whether a picture on show from `begun` to `end` is wanted, or may be when `times` are replaced by later ones."""
        index = bisect_left(self.times, begun - TOLERANCE)
        return index == len(self.times) or self.times[index] <= end + TOLERANCE or end >= self.times[-1]


def skip_pictures(
    packets: Iterator[Packet], track: av.VideoStream, wanted: WantedTimes, origin: float
) -> Iterator[Packet]:
    """The same packets. Before each one, the decoder of `track` is told whether it may leave the picture out.

    `origin`: the time stamp, in seconds, at which the clock of `wanted` is 0.
    """
    context = track.codec_context
    if context.name not in CODECS:
        yield from packets
        return
    window: deque[tuple[Packet, float | None]] = deque()  # packets that were read and not given yet, and their times
    near: deque[float | None] = deque(maxlen=2 * LOOK_AHEAD + 1)  # times of the packets before and after the next one
    is_at_end = False
    while True:
        while not is_at_end and len(window) <= LOOK_AHEAD:
            packet = next(packets, None)
            if packet is None:
                is_at_end = True
            else:
                time = None if packet.pts is None else float(packet.pts * packet.time_base) - origin
                window.append((packet, time))
                near.append(time)
        if not window:
            break
        packet, begun = window.popleft()
        end = _find_next(begun, near)
        is_needed = begun is None or end is None or wanted.may_show(begun, end)
        context.skip_frame = "DEFAULT" if is_needed else "NONREF"
        yield packet
    context.skip_frame = "DEFAULT"


def _find_next(begun: float | None, times: Sequence[float | None] | deque[float | None]) -> float | None:
    """The first of the times that is later; None where that is uncertain, because a packet has no time, or there is none."""
    later = []
    for time in times:
        if time is None or begun is None:
            return None
        if time > begun:
            later.append(time)
    return min(later, default=None)
