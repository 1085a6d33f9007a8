"""A long recording as one conversation: cut by its transcript, or where voice activity says that somebody speaks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmerc.corpora import Clip, Dialogue, Problem, Utterance
from mmerc.corpora.dialogue import replace_surrogates, resolve_speakers
from mmerc.corpora.transcripts import Segment, read_transcript
from mmerc.errors import MissingModality
from mmerc.media import read_waveform
from mmerc.media.container import duration
from mmerc.media.voice_activity import turns_of_speech

Words = Callable[[np.ndarray], str | None]
WHOLE = 30.0  # seconds: a shorter recording without a transcript is one utterance


def read_recording(
    file: Path,
    transcript: Path | None = None,
    *,
    words: Words | None = None,
    watch: Callable[[float], None] = lambda seconds: None,
) -> tuple[Dialogue, list[Problem]]:
    """The recording's utterances, each a part of the file.

    `watch` is told how many seconds of a recording without a transcript have been heard; what it raises ends the work.

    Without a transcript there is nobody's name, and no words but those that `words` makes of each utterance's samples
    (`transcription.Whisper`); a recording of at most 30 s is one utterance then.

    Raises:
        CorpusError: the transcript cannot be used.
    """
    problems: list[Problem] = []
    if transcript is not None:
        segments, problems = read_transcript(transcript)
        problems += _behind(segments, file, transcript.name)
    else:
        segments = [
            Segment(start, end, _heard(Clip(file, start, end), words) or "") for start, end in _spoken(file, watch)
        ]
    if not segments:
        return alone(file, file.stem, _heard(Clip(file), words)), problems
    name = replace_surrogates(file.stem)
    turns = tuple(
        Utterance(
            "input",
            name,
            number,
            speaker=segment.speaker,
            text=segment.text or None,
            start=segment.start,
            end=segment.end,
            clip=Clip(file, segment.start, segment.end),
            source=replace_surrogates(file.name),
        )
        for number, segment in enumerate(segments)
    )
    return Dialogue("input", name, tuple(resolve_speakers(turns))), problems


def _behind(segments: list[Segment], file: Path, transcript: str) -> list[Problem]:
    """A problem, where lines are said when the recording is over."""
    try:
        length = duration(file)
    except MissingModality:
        return []
    behind = [segment for segment in segments if segment.start >= length > 0]
    if not behind:
        return []
    what = f"{len(behind)} of its {len(segments)} lines begin behind the end of {file.name} ({length:.1f} s), the first at "
    hint = "are the times seconds, and of this recording?"
    return [Problem("time", transcript, f"{what}{behind[0].start:.1f} s: {hint}")]


def alone(clip: Path, name: str, text: str | None = None) -> Dialogue:
    """A clip that is one utterance."""
    turn = Utterance("input", replace_surrogates(name), 0, text=text, clip=Clip(clip))
    return Dialogue("input", turn.dialogue, (turn,))


def _heard(clip: Clip, words: Words | None) -> str | None:
    """What is said, where somebody listens and there is a sound."""
    if words is None:
        return None
    try:
        return words(read_waveform(clip))
    except MissingModality:
        return None


def _spoken(file: Path, watch: Callable[[float], None]) -> list[tuple[float, float]]:
    """The stretches of speech; none where the recording is short, or its sound cannot be read."""
    try:
        if 0 < duration(file) <= WHOLE:  # some files do not say how long they are
            return []
        return list(turns_of_speech(Clip(file), watch))
    except MissingModality:
        return []
