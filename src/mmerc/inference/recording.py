"""A long recording as one conversation: cut by its transcript, or where voice activity says that somebody speaks."""

import os
from pathlib import Path

from mmerc.corpora import Clip, Dialogue, Problem, Utterance
from mmerc.corpora.transcript import Segment, read_transcript
from mmerc.errors import MissingModality
from mmerc.media.container import duration
from mmerc.media.voice_activity import turns_of_speech

WHOLE = 30.0  # seconds: a shorter recording without a transcript is one utterance


def read_recording(file: Path, transcript: Path | None = None) -> tuple[Dialogue, list[Problem]]:
    """The recording's utterances, each a part of the file.

    Without a transcript there are no words, and nobody's name; a recording of at most 30 s is one utterance then.

    Raises:
        CorpusError: the transcript cannot be used.
    """
    problems: list[Problem] = []
    if transcript is not None:
        segments, problems = read_transcript(transcript)
    else:
        segments = [Segment(start, end, "") for start, end in _spoken(file)]
    if not segments:
        return alone(file, file.stem), problems
    name = printable(file.stem)
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
            source=printable(file.name),
        )
        for number, segment in enumerate(segments)
    )
    return Dialogue("input", name, turns), problems


def alone(clip: Path, name: str) -> Dialogue:
    """A clip that is one utterance."""
    turn = Utterance("input", printable(name), 0, clip=Clip(clip))
    return Dialogue("input", turn.dialogue, (turn,))


def printable(name: str) -> str:
    """A file's name may be any bytes."""
    return os.fsencode(name).decode("utf-8", "replace")


def _spoken(file: Path) -> list[tuple[float, float]]:
    """The stretches of speech; none where the recording is short, or its sound cannot be read."""
    try:
        if 0 < duration(file) <= WHOLE:  # some files do not say how long they are
            return []
        return list(turns_of_speech(Clip(file)))
    except MissingModality:
        return []
