"""A long recording as one conversation: segmented by its transcript, or by voice activity."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmerc.corpora import Clip, Dialogue, Problem, Utterance
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.corpora.transcripts import Segment, read_transcript
from mmerc.errors import MissingModality
from mmerc.media import read_waveform
from mmerc.media.image import is_picture
from mmerc.media.timeline import is_longer_than, measure_duration
from mmerc.media.voice_activity import find_utterances

Words = Callable[[np.ndarray], str | None]
MAX_SINGLE = 30.0  # seconds: a shorter recording without a transcript is one utterance

log = logging.getLogger(__name__)


def read_recording(
    file: Path,
    transcript: Path | None = None,
    *,
    words: Words | None = None,
    watch: Callable[[float], None] = lambda seconds: None,
    audio_track: int | None = None,
    name: str | None = None,
) -> tuple[Dialogue, list[Problem]]:
    """The recording's utterances, each a part of the file.

    Without a transcript a recording of more than 30 s is segmented by voice activity, and its speakers are unknown; a
    shorter one is one utterance.

    `words`: makes the text of an utterance from its samples where there is no transcript (`transcription.Whisper`).
    `watch`: called with the seconds that voice activity has heard; an exception in it ends the work.
    `audio_track`: index among the audio tracks of the file; the default track without it.
    `name`: of the dialogue; the file's stem without it.

    Raises:
        CorpusError: the transcript cannot be used.
    """
    clip = Clip(file, audio_track=audio_track)
    name = replace_surrogates(file.stem if name is None else name)
    problems: list[Problem] = []
    if transcript is not None:
        segments, problems = read_transcript(transcript)
        problems += _find_late_lines(segments, file, transcript.name)
    else:
        segments = list(_segment(clip, words, watch))
    if not segments:
        only = Utterance("input", name, 0, text=_transcribe(clip, words), clip=clip)
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
    return Dialogue("input", name, utterances), problems


def _find_late_lines(segments: list[Segment], file: Path, transcript: str) -> list[Problem]:
    """A problem, where lines begin when the recording is over."""
    try:
        length = measure_duration(file)
    except MissingModality:
        return []
    late = [segment for segment in segments if segment.start >= length > 0]
    if not late:
        return []
    what = (
        f"{len(late)} of its {len(segments)} lines begin behind the end of {file.name} ({length:.1f} s), the first at "
    )
    hint = "are the times seconds, and of this recording?"
    return [Problem("time", transcript, f"{what}{late[0].start:.1f} s: {hint}")]


def _segment(clip: Clip, words: Words | None, watch: Callable[[float], None]) -> Iterator[Segment]:
    """The utterances that voice activity finds; none where the recording is short or its sound cannot be read."""
    try:
        if is_picture(clip.path) or not is_longer_than(clip.path, MAX_SINGLE):
            return
        found = list(find_utterances(clip, watch))
    except MissingModality:
        return
    if found:
        log.warning("%s: %d utterances by voice activity; the speakers are not separated", clip.path.name, len(found))
    for start, end in found:
        yield Segment(start, end, _transcribe(replace(clip, start=start, end=end), words) or "")


def _transcribe(clip: Clip, words: Words | None) -> str | None:
    """The words of a clip; none without a recogniser or without sound."""
    if words is None:
        return None
    try:
        return words(read_waveform(clip))
    except MissingModality:
        return None
