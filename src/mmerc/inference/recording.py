"""A long recording as one conversation: segmented by its transcript, or by voice activity."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from mmerc.corpora import Clip, Dialogue, Problem, Utterance
from mmerc.corpora.dialogue import replace_surrogates, resolve_speakers
from mmerc.corpora.transcripts import Segment, read_transcript
from mmerc.errors import MissingModality
from mmerc.inference.transcription import Transcriber
from mmerc.media import read_waveform
from mmerc.media.image import is_picture
from mmerc.media.timeline import is_longer_than, measure_duration
from mmerc.media.voice_activity import find_utterances

MAX_SINGLE = 30.0  # seconds: a shorter recording without a transcript is one utterance

log = logging.getLogger(__name__)


def read_recording(
    file: Path,
    transcript: Path | None = None,
    *,
    transcriber: Transcriber | None = None,
    on_progress: Callable[[float], None] = lambda seconds: None,
    audio_track: int | None = None,
    name: str | None = None,
) -> tuple[Dialogue, list[Problem]]:
    """The recording's utterances, each a part of the file.

    Without a transcript a recording of more than 30 s is segmented by voice activity, and its speakers are unknown; a
    shorter one is one utterance.

    `transcriber`: makes the text of an utterance from its samples where there is no transcript (`transcription.Whisper`).
    `on_progress`: called with the seconds in which voice activity was searched; an exception in it ends the work.
    `audio_track`: index among the audio tracks of the file; by default the default track.
    `name`: the name of the dialogue; by default the stem of the file.

    Raises:
        CorpusError: the transcript cannot be used.
    """
    clip = Clip(file, audio_track=audio_track)
    name = replace_surrogates(file.stem if name is None else name)
    problems: list[Problem] = []
    if transcript is not None:
        segments, problems = read_transcript(transcript, name)
        problems += _find_late_lines(segments, file, transcript.name)
    else:
        segments = list(_segment(clip, transcriber, on_progress))
    if not segments:
        only = Utterance("input", name, 0, text=_transcribe(clip, transcriber), clip=clip)
        return Dialogue("input", name, (only,)), problems
    utterances = tuple(
        Utterance(
            "input",
            name,
            number,
            speaker=segment.speaker,
            text=segment.text or None,
            start=segment.start,
            end=segment.end,
            clip=replace(clip, start=segment.start, end=segment.end),
            source=replace_surrogates(file.name),
        )
        for number, segment in enumerate(segments)
    )
    return Dialogue("input", name, tuple(resolve_speakers(utterances))), problems


def _find_late_lines(segments: list[Segment], file: Path, transcript: str) -> list[Problem]:
    """A problem, where lines begin when the recording is over."""
    try:
        length = measure_duration(file)
    except MissingModality:
        return []
    late = [segment for segment in segments if segment.start >= length > 0]
    if not late:
        return []
    lines = "its only line begins" if len(segments) == 1 else f"{len(late)} of its {len(segments)} lines begin"
    what = f"{lines} after the end of {file.name} ({length:.1f} s), the first at {late[0].start:.1f} s"
    return [Problem("time", transcript, f"{what}: check that it is the transcript of this recording")]


def _segment(clip: Clip, transcriber: Transcriber | None, on_progress: Callable[[float], None]) -> Iterator[Segment]:
    """The utterances that voice activity finds; none where the recording is short or its sound cannot be read."""
    try:
        if is_picture(clip.path) or not is_longer_than(clip.path, MAX_SINGLE):
            return
        found = list(find_utterances(clip, on_progress))
    except MissingModality:
        return
    if found:
        log.warning("%s: %d utterances by voice activity; the speakers are not separated", clip.path.name, len(found))
    for start, end in found:
        yield Segment(start, end, _transcribe(replace(clip, start=start, end=end), transcriber) or "")


def _transcribe(clip: Clip, transcriber: Transcriber | None) -> str | None:
    """The words of a clip; None without a transcriber or without sound."""
    if transcriber is None:
        return None
    try:
        return transcriber(read_waveform(clip))
    except MissingModality:
        return None
