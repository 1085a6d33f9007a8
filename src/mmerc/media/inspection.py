"""What a media file holds, and which clips of a corpus are broken."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import av

from mmerc.corpora import Clip, Corpus, Problem, Utterance
from mmerc.errors import MediaError, MissingModality, NoAudioStream, NoVideoStream
from mmerc.media.audio import read_waveform
from mmerc.media.container import Media, Track, is_cover, is_default, open_media
from mmerc.media.decoding import decode_frames
from mmerc.media.image import FILE_FORMATS, is_picture, read_picture
from mmerc.media.timeline import Timeline, scan_timeline
from mmerc.media.video import compute_display_size, read_frames

SAME_DURATION = 0.5  # seconds by which the header may differ from the measured duration without a warning
SAME_START = 0.1  # seconds by which tracks may begin apart without a warning


@dataclass(frozen=True)
class TrackInfo:
    """One track. `index` counts the tracks of its kind from 0, as `Clip.audio_track` does.

    `start` and `duration` are seconds on the clock of the file. `is_read`: whether mmerc reads this track by default.
    The fields of the other kind are None: `width`, `height` (pixels as shown), `frame_rate` (a second) and `rotation`
    (degrees clockwise) of a video track, `sample_rate` (Hz) and `channels` of an audio track.
    """

    kind: Literal["audio", "video"]
    index: int
    codec: str
    language: str | None
    is_default: bool
    is_read: bool
    start: float
    duration: float
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    rotation: int | None = None
    sample_rate: int | None = None
    channels: int | None = None


@dataclass(frozen=True)
class MediaInfo:
    """`container`: ffmpeg's name of the format. `duration`: seconds, measured on the packets of the file.

    `warnings`: sentences about what a user may not expect: a wrong header, a late track, joined recordings.
    """

    path: Path
    container: str
    duration: float
    tracks: tuple[TrackInfo, ...]
    warnings: tuple[str, ...]


def inspect_media(path: Path) -> MediaInfo:
    """Read the header and all packets of a file, and decode the first frame of its video.

    Raises:
        ClipNotFound, ClipUnreadable: the file does not exist, or is not readable audio or video.
    """
    if is_picture(path):
        height, width, _ = read_picture(path.read_bytes(), formats=FILE_FORMATS).shape
        picture = TrackInfo("video", 0, "picture", None, True, True, 0.0, 0.0, width, height, rotation=0)
        return MediaInfo(path, "picture", 0.0, (picture,), ())
    with open_media(path) as media:
        measured = scan_timeline(path)
        read = {*_find_default(media.find_video_tracks), *_find_default(media.find_audio_tracks)}
        streams = media.container.streams
        video = [_describe_video(media, track, measured) for track in streams.video if not is_cover(track)]
        audio = [_describe_audio(track, measured) for track in streams.audio]
        tracks = [
            replace(track, index=number, is_read=stream in read)
            for found in (video, audio)
            for number, (stream, track) in enumerate(found)
        ]
        duration = media.container.duration
        header = None if not duration else duration / av.time_base
        warnings = _find_warnings(tracks, measured, header)
        return MediaInfo(path, media.container.format.name, round(measured.duration, 6), tuple(tracks), warnings)


@dataclass(frozen=True)
class ClipCheck:
    """The broken clips of a corpus. `absent`: `audio` or `video` where no clip has any, which is then no problem of a clip."""

    problems: tuple[Problem, ...]
    absent: tuple[str, ...]


def check_clips(corpus: Corpus, on_progress: Callable[[int], None] = lambda done: None) -> ClipCheck:
    """A problem for every clip that gives no samples or no frame. `on_progress` is called with the number of clips done.

    A corpus of speech recordings has no video at all: then the clips without video are not listed one by one.
    """
    utterances = [each for split in corpus.splits for each in corpus.utterances(split) if each.clip]
    checked: list[tuple[Utterance, dict[str, MissingModality]]] = []
    with ThreadPoolExecutor() as pool:
        for done, (utterance, failures) in enumerate(
            zip(utterances, pool.map(_check_clip, utterances), strict=True), 1
        ):
            if failures is not None:
                checked.append((utterance, failures))
            on_progress(done)
    absent = []
    for medium, (_, lacks) in CHECKS.items():
        errors = [failures.get(medium) for _, failures in checked]
        if all(errors) and any(isinstance(error, lacks) for error in errors):
            absent.append(medium)
    problems = [
        Problem(medium, utterance.name, str(error))
        for utterance, failures in checked
        for medium, error in failures.items()
        if medium not in absent or not isinstance(error, CHECKS[medium][1])
    ]
    return ClipCheck(tuple(problems), tuple(absent))


def _find_default(find: Callable[[], list[int]]) -> list[int]:
    try:
        return find()[:1]
    except MediaError:
        return []


def _describe_video(media: Media, track: av.VideoStream, timeline: Timeline) -> tuple[int, TrackInfo]:
    info = _describe(track, timeline)
    if track.codec_context is None:
        return track.index, info
    width, height = compute_display_size(track.width, track.height, track.sample_aspect_ratio)
    with open_media(media.path) as other:  # this one's container goes on being used
        _, frame = next(decode_frames(other, track.index, timeline), (0.0, None))
    rotation = -frame.rotation % 360 if isinstance(frame, av.VideoFrame) else 0
    if rotation in (90, 270):
        width, height = height, width
    rate = float(track.average_rate) if track.average_rate else None
    return track.index, replace(info, width=width, height=height, frame_rate=rate, rotation=rotation)


def _describe_audio(track: av.AudioStream, timeline: Timeline) -> tuple[int, TrackInfo]:
    context = track.codec_context
    rate, channels = (context.sample_rate, context.channels) if context is not None else (None, None)
    return track.index, replace(_describe(track, timeline), sample_rate=rate, channels=channels)


def _describe(track: Track, timeline: Timeline) -> TrackInfo:
    start, end = timeline.spans.get(track.index, (0.0, 0.0))
    codec = track.codec_context.codec.canonical_name if track.codec_context is not None else "unknown"
    kind: Literal["audio", "video"] = "video" if isinstance(track, av.VideoStream) else "audio"
    return TrackInfo(
        kind, 0, codec, track.metadata.get("language"), is_default(track), False, round(start, 6), round(end - start, 6)
    )


def _find_warnings(tracks: list[TrackInfo], timeline: Timeline, header: float | None) -> tuple[str, ...]:
    warnings = []
    if header is None:
        warnings.append("The header gives no duration; it was measured.")
    elif abs(header - timeline.duration) > SAME_DURATION and not timeline.joins:
        warnings.append(f"The header gives {header:.1f} s, but the packets end at {timeline.duration:.1f} s.")
    if timeline.joins:
        parts = 1 + max(len(joins) for joins in timeline.joins.values())
        warnings.append(
            f"{parts} recordings are joined: time stamps restart in each part, and mmerc reads the parts in sequence."
        )
    for track in tracks:
        if track.codec == "unknown":
            warnings.append(f"No decoder is known for {track.kind} track {track.index}; it cannot be read.")
        elif track.start > SAME_START:
            warnings.append(
                f"The {track.kind} track {track.index} begins {track.start:.2f} s after the start of the file."
            )
    others = [str(track.index) for track in tracks if track.kind == "audio" and not track.is_read]
    if others:
        warnings.append(f"One audio track is read; choose among the others ({', '.join(others)}) with --audio-track.")
    return tuple(warnings)


def _check_clip(utterance: Utterance) -> dict[str, MissingModality] | None:
    """Why each medium of the clip cannot be read; empty for a good clip, None for an absent one."""
    assert utterance.clip is not None
    if not utterance.clip.path.is_file():
        return None  # the reader of the corpus has reported it
    failures = {}
    for medium, (read, _) in CHECKS.items():
        try:
            read(utterance.clip)
        except MissingModality as error:
            failures[medium] = error
    return failures


def _check_sound(clip: Clip) -> None:
    read_waveform(clip, max_seconds=5.0)


def _check_picture(clip: Clip) -> None:
    read_frames(clip, 1, max_side=64)


# How each medium of a clip is tried, and the error of a clip that lacks it.
CHECKS: dict[str, tuple[Callable[[Clip], None], type[MediaError]]] = {
    "audio": (_check_sound, NoAudioStream),
    "video": (_check_picture, NoVideoStream),
}
