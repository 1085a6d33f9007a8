"""What a recording or a transcript holds, and how it will be read: to be looked at before a long run."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from mmerc.corpora.transcripts import open_transcript, parse_transcript
from mmerc.errors import ClipNotFound, CorpusError, MediaError
from mmerc.media.inspection import TrackInfo, inspect_media

FIRST = 5  # utterances that are shown
FORMAT_NAMES = {
    "srt": "SubRip",
    "vtt": "WebVTT",
    "sbv": "YouTube SBV",
    "ass": "SubStation Alpha",
    "ttml": "TTML",
    "eaf": "ELAN",
    "textgrid": "Praat TextGrid",
    "rttm": "RTTM",
    "json": "JSON of a speech recogniser",
    "table": "table",
}


@dataclass(frozen=True)
class RecordingReport:
    """`container`: ffmpeg's name of the format. `duration`: seconds, measured. `warnings`: what may surprise."""

    file: str
    container: str
    duration: float
    tracks: tuple[TrackInfo, ...]
    warnings: tuple[str, ...]
    kind: Literal["recording"] = "recording"


@dataclass(frozen=True)
class TranscriptReport:
    """`speakers`: number of utterances of each speaker, "" for those without a name. `start` and `end`: seconds.

    `first`: the first utterances. `warnings`: what could not be read, or was assumed.
    """

    file: str
    format: str
    encoding: str
    utterances: int
    start: float
    end: float
    speakers: Mapping[str, int]
    first: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...]
    kind: Literal["transcript"] = "transcript"


@dataclass(frozen=True)
class UnreadableReport:
    """A file that is neither a recording nor a transcript; `reason` says why."""

    file: str
    reason: str
    kind: Literal["unreadable"] = "unreadable"


Report = RecordingReport | TranscriptReport | UnreadableReport


def inspect_file(file: Path) -> Report:
    """Inspect a recording or a transcript; a file that is neither gives the reason.

    Raises:
        ClipNotFound: there is no file.
    """
    if not file.is_file():
        raise ClipNotFound(f"there is no file {file}: check the path.")
    try:
        media = inspect_media(file)
    except MediaError as error:
        not_media = str(error)
    else:
        if media.tracks:  # ffmpeg opens subtitle files too
            return RecordingReport(str(file), media.container, media.duration, media.tracks, media.warnings)
        not_media = f"{file.name} has no audio, video or picture"
    try:
        return _inspect_transcript(file)
    except CorpusError as error:
        return UnreadableReport(str(file), f"{not_media}; as a transcript: {error}")


def _inspect_transcript(file: Path) -> TranscriptReport:
    opened = open_transcript(file)
    segments, problems = parse_transcript(file, opened)
    encoding = f"{opened.encoding} (guessed)" if opened.is_guess else opened.encoding
    return TranscriptReport(
        file=str(file),
        format=FORMAT_NAMES[opened.format],
        encoding=encoding,
        utterances=len(segments),
        start=min(segment.start for segment in segments),
        end=max(segment.end for segment in segments),
        speakers=dict(Counter(segment.speaker for segment in segments).most_common()),
        first=tuple(asdict(segment) for segment in segments[:FIRST]),
        warnings=tuple(f"{problem.where}: {problem.what}" for problem in problems),
    )
