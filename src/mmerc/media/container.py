"""Open a media file and choose its tracks; every way in which a file can fail becomes a typed error with a reason.

PyAV's log level stays at its default, which is silence. Any other level makes ffmpeg's decoder threads call into Python,
and a thread that waits for the interpreter while another closes the decoder never returns.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.container
import av.error

from mmerc.addresses import RemotePath
from mmerc.corpora.paths import LFS_REASON, is_lfs_pointer
from mmerc.errors import ClipNotFound, ClipUnreadable, NoAudio, NoAudioStream, NoVideoStream
from mmerc.media.image import MAX_PIXELS
from mmerc.threads import get_num_threads

# The ffmpeg demuxers that may open a user's file. All of them hold their own data: a playlist is not among them, because
# it could make ffmpeg read other files.
FORMATS = ",".join(
    (
        "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,asf_o,flv,live_flv,mpegts,mpeg,mpegvideo,ogg,gif,dv,mxf,nut,rm,wtv",
        "ivf,m4v,wav,w64,aiff,au,caf,nistsphere,voc,sox,ircam,flac,mp3,aac,loas,ac3,eac3,dts,dtshd,amr",
        "wv,ape,tta,tak,shn,mpc,mpc8,qcp,dsf,oma,iff",
    )
)
# A title in a strange encoding is no reason to lose a clip; PyAV 19 removed the setting.
LENIENT: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}
BUFFER = 16 << 10  # bytes that ffmpeg reads at a time
MAX_TIME = 2**62  # in ffmpeg's microseconds, 64 bits

Track = av.AudioStream | av.VideoStream
if TYPE_CHECKING:
    Packet = av.Packet[Track]
else:  # PyAV's class is generic for type checkers only
    Packet = av.Packet


class Media:
    """An open file. `container` is PyAV's; it is another object after `rewind`, so hold stream indices, not streams."""

    def __init__(self, path: Path, seconds: float | None = None) -> None:
        self.path, self.seconds = path, seconds
        self.container = _open(path, seconds)
        self.has_moved = False  # whether packets were read since the file was opened

    @property
    def origin(self) -> float:
        """The time stamp, in seconds, at which the recording starts; all times are given relative to it."""
        return float(self.container.start_time or 0) / av.time_base

    def seek(self, seconds: float, *, any_frame: bool = False) -> None:
        """Go to the key frame at or before a time on the clock of the file. The landing may be late: check it.

        `any_frame`: pictures need not begin at a key frame, because only sound is read.
        """
        self.has_moved = True
        self.container.seek(min(int((seconds + self.origin) * av.time_base), MAX_TIME), any_frame=any_frame)

    def rewind(self) -> None:
        """Go to the first packet. The file is opened again, because not every format can seek to its start."""
        if self.has_moved:
            self.container.close()
            self.container = _open(self.path, self.seconds)
            self.has_moved = False

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def read_packets(self, *indices: int) -> Iterator[Packet]:
        """The packets of these streams, of all audio and video tracks by default, up to where the file ends or turns into
        something else."""
        streams = self.container.streams
        tracks = [streams[index] for index in indices] or [
            *streams.audio,
            *(track for track in streams.video if not is_cover(track)),
        ]
        packets: Iterator[Any] = self.container.demux(tracks)
        self.has_moved = True
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError, IndexError):
                return  # the rest is damaged, or belongs to a stream that the header never announced
            yield packet

    def video_track(self, index: int) -> av.VideoStream:
        """The stream `index`, which holds video."""
        track = self.container.streams[index]
        assert isinstance(track, av.VideoStream)
        return track

    def find_audio_tracks(self, wanted: int | None = None) -> list[int]:
        """Stream indices of the audio tracks in the order in which to try them: the default track first.

        `wanted`: index among the audio tracks; only this one is given then.

        Raises:
            NoAudio: there is no audio track, or not the wanted one.
        """
        tracks = self.container.streams.audio
        if not tracks:
            raise NoAudioStream(f"{self.path.name} has no audio stream")
        if wanted is None:
            return [track.index for track in _sort_by_default(tracks)]
        if not 0 <= wanted < len(tracks):
            raise NoAudio(f"{self.path.name} has no audio track {wanted}: give a track from 0 to {len(tracks) - 1}")
        return [tracks[wanted].index]

    def find_video_tracks(self) -> list[int]:
        """Stream indices of the video tracks without cover pictures, the default track first.

        Raises:
            NoVideo: there is none.
        """
        tracks = [track for track in self.container.streams.video if not is_cover(track)]
        if not tracks:
            raise NoVideoStream(f"{self.path.name} has no video stream")
        return [track.index for track in _sort_by_default(tracks)]


def is_cover(track: av.VideoStream) -> bool:
    """Whether the track is one picture of an album, as in MP3 files."""
    return bool(track.disposition & av.stream.Disposition.attached_pic)


def is_default(track: Track) -> bool:
    """Whether the file marks the track as the one to play."""
    return bool(track.disposition & av.stream.Disposition.default)


@contextmanager
def open_media(path: Path, seconds: float | None = None) -> Iterator[Media]:
    """The file, open for the length of a `with` block.

    `seconds`: of the part that will be read, so that the right number of bytes is asked from an address; None for all of it.

    Raises:
        ClipNotFound: there is no such file.
        ClipUnreadable: it is empty or cut off, is not audio or video, or is found to be damaged while it is read.
    """
    media = Media(path, seconds)
    with explain_damage(path):
        try:
            yield media
        finally:
            media.close()


@contextmanager
def explain_damage(path: Path) -> Iterator[None]:
    """Turn what libraries raise while they read a file into ClipUnreadable."""
    try:
        yield
    except (av.error.FFmpegError, ValueError, ArithmeticError, IndexError, OSError) as error:
        if isinstance(path, RemotePath) and isinstance(error, OSError) and error.strerror:
            raise ClipUnreadable(f"{path.name} cannot be read ({error.strerror})") from error
        raise ClipUnreadable(f"{path.name} is damaged ({str(error)[:120]})") from error


def _open(path: Path, seconds: float | None) -> av.container.InputContainer:
    try:
        if not path.is_file():
            raise ClipNotFound(f"{path.name} is absent")
        if path.stat().st_size == 0:
            raise ClipUnreadable(f"{path.name} is empty (0 bytes)")
        # An absolute path and only the file protocol: a name such as "concat:..." stays a name.
        options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
        source: Any = str(path.resolve())
        if isinstance(path, RemotePath):
            source = path.open("rb")
            if path.suffix.lower() == ".wav":  # its header says everything; ffmpeg would read five seconds of samples
                options |= {"analyzeduration": "100000", "max_probe_packets": "1"}  # microseconds
        container: av.container.InputContainer = av.open(source, options=options, buffer_size=BUFFER, **LENIENT)
        if isinstance(path, RemotePath) and seconds and container.duration:
            source.raw.expected = int(container.size * seconds * av.time_base / container.duration)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if is_lfs_pointer(path):
            raise ClipUnreadable(f"{path.name} {LFS_REASON}") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise ClipUnreadable(f"{path.name} cannot be opened as audio or video ({reason.lower()})") from error
    for track in container.streams.video:
        if track.codec_context is not None:
            if track.codec_context.width * track.codec_context.height > MAX_PIXELS:
                size = f"{track.codec_context.width}x{track.codec_context.height}"
                container.close()
                raise ClipUnreadable(f"{path.name} has frames of {size} pixels")
            track.thread_type = "AUTO"
            track.codec_context.thread_count = get_num_threads() or 0  # 0: ffmpeg chooses
            # A frame may be larger than the header says; ffmpeg checks it before it takes memory.
            track.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return container


def _sort_by_default(tracks: Iterable[Track]) -> list[Track]:
    """Tracks without a decoder come last; the order of the file decides ties."""
    return sorted(tracks, key=lambda track: (track.codec_context is None, not is_default(track)))
