"""Opening a clip: every way in which a file can fail to be one becomes a typed error with a reason.

PyAV's log level is left at its default, which is silence. Any level set through it makes ffmpeg's decoder threads
call into Python, and a thread that waits for the interpreter while another closes the decoder never returns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import av.container
import av.error

from mmerc.corpora.paths import LFS_REASON, is_lfs_pointer
from mmerc.errors import ClipNotFound, ClipUnreadable

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,wav,flac,mp3,ogg,aac,asf,mpegts,mpeg,aiff,caf,amr,flv"
# A title in a strange encoding is no reason to lose a clip; from version 19 on PyAV has no such setting.
LENIENT: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}
LATEST = 2**62  # in ffmpeg's microseconds, 64 bits
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".wmv", ".ts"})
SUFFIXES = AUDIO_SUFFIXES | VIDEO_SUFFIXES


@contextmanager
def opened(path: Path) -> Iterator[av.container.InputContainer]:
    """The clip's container.

    Raises:
        ClipNotFound: no file is there.
        ClipUnreadable: it is empty, cut off, or no medium; or it turns out to be damaged while it is read.
    """
    if not path.is_file():
        raise ClipNotFound(f"{path.name} is absent")
    if path.stat().st_size == 0:
        raise ClipUnreadable(f"{path.name} is empty (0 bytes)")
    if is_lfs_pointer(path):
        raise ClipUnreadable(f"{path.name} {LFS_REASON}")
    try:
        # An absolute path, only the file protocol, and only formats that hold their own data: a name such as
        # "concat:..." stays a name, and a playlist that arrives as a clip cannot make ffmpeg read other files.
        options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
        container = av.open(str(path.resolve()), options=options, **LENIENT)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ClipUnreadable(f"{path.name} cannot be opened as audio or video ({reason.lower()})") from error
    with container:
        try:
            yield container
        except (av.error.FFmpegError, ValueError, ArithmeticError, IndexError) as error:
            raise ClipUnreadable(f"{path.name} is damaged ({str(error)[:120]})") from error


def duration(path: Path) -> float:
    """Seconds of a recording; 0 where the file does not say.

    Raises:
        ClipNotFound, ClipUnreadable: it is no medium.
    """
    with opened(path) as container:
        return float(container.duration or 0) / av.time_base


def origin(container: av.container.InputContainer) -> float:
    """The time stamp at which the recording starts: transport streams count on from whatever came before them."""
    return float(container.start_time or 0) / av.time_base


def seek(container: av.container.InputContainer, seconds: float) -> None:
    """Go to the key frame before a time from the start; a time that no file reaches goes to its end."""
    container.seek(min(int((seconds + origin(container)) * av.time_base), LATEST))


def decoded(
    container: av.container.InputContainer, stream: av.AudioStream | av.VideoStream
) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """The stream's frames, with what is damaged left out."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, IndexError):
            return  # the container itself ends in rubbish, or in a stream it never announced: what came before it stands
        try:
            yield from packet.decode()  # type: ignore[misc]  # the stream has no subtitles
        except av.error.FFmpegError:
            continue
