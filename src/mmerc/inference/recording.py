"""A long recording as one conversation: segmented by its transcript, or by voice activity and by who speaks."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mmerc import weights
from mmerc.campplus import WEIGHTS
from mmerc.corpora import Clip, Dialogue, Problem, Utterance
from mmerc.corpora.dialogue import replace_surrogates, resolve_speakers
from mmerc.corpora.transcripts import Segment, read_transcript
from mmerc.errors import MissingModality
from mmerc.inference.transcription import Transcriber
from mmerc.media import read_waveform
from mmerc.media.image import is_picture
from mmerc.media.timeline import is_longer_than, measure_duration
from mmerc.media.voice_activity import find_utterances
from mmerc.speakers.diarization import MAX_STRETCH_PAUSE, Diarizer
from mmerc.speakers.segmentation import WEIGHTS as SEGMENTATION
from mmerc.speakers.turns import Turn, find_main_speakers, join_turns

MAX_SINGLE = 30.0  # seconds: a shorter recording without a transcript is one utterance
# What a file without a transcript is: `auto` decides by its length.
Treatment = Literal["auto", "clips", "conversations"]

log = logging.getLogger(__name__)


def read_recording(
    file: Path,
    transcript: Path | None = None,
    *,
    treat_as: Treatment = "auto",
    transcriber: Transcriber | None = None,
    diarizer: Diarizer | None = None,
    on_progress: Callable[[float], None] = lambda seconds: None,
    audio_track: int | None = None,
    name: str | None = None,
) -> tuple[Dialogue, list[Problem]]:
    """The recording's utterances, each a part of the file.

    Without a transcript a recording of more than 30 s is segmented by voice activity; a shorter one is one utterance. `treat_as` decides
    for all lengths: `clips` are one utterance, `conversations` are segmented.

    `diarizer`: finds the speakers where a transcript names none, or where there is no transcript; without it they are unknown.
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
        segments = _name_lines(clip, segments, diarizer, on_progress)
    else:
        is_conversation = treat_as == "conversations" or (treat_as == "auto" and _is_long(file))
        segments = list(_segment(clip, transcriber, diarizer, on_progress)) if is_conversation else []
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


def _is_long(file: Path) -> bool:
    try:
        return not is_picture(file) and is_longer_than(file, MAX_SINGLE)
    except MissingModality:
        return False


def _segment(
    clip: Clip, transcriber: Transcriber | None, diarizer: Diarizer | None, on_progress: Callable[[float], None]
) -> Iterator[Segment]:
    """The utterances that voice activity finds; none where the sound cannot be read."""
    turns = _find_turns(clip, diarizer, on_progress)
    utterances = join_turns(turns)
    if utterances:
        speakers = len({turn.speaker for turn in utterances})
        found = (
            f"{speakers} {'speaker' if speakers == 1 else 'speakers'} by their voices{_explain_changes(diarizer)}"
            if diarizer
            else explain_unknown()
        )
        log.warning("%s: %d utterances by voice activity; %s", clip.path.name, len(utterances), found)
    for start, end, speaker in utterances:
        text = _transcribe(replace(clip, start=start, end=end), transcriber) or ""
        yield Segment(start, end, text, speaker)


def _name_lines(
    clip: Clip, segments: list[Segment], diarizer: Diarizer | None, on_progress: Callable[[float], None]
) -> list[Segment]:
    """The lines of a transcript with their speakers, if it names none."""
    if any(segment.speaker for segment in segments):
        if diarizer is not None and diarizer.is_asked_for:
            log.warning("%s: the transcript names the speakers, so they are not found by their voices", clip.path.name)
        return segments
    if diarizer is None:
        log.warning("%s: the transcript names no speakers; %s", clip.path.name, explain_unknown())
        return segments
    turns = _find_turns(clip, diarizer, on_progress)
    speakers = find_main_speakers([(segment.start, segment.end) for segment in segments], turns)
    return [replace(segment, speaker=speaker) for segment, speaker in zip(segments, speakers, strict=True)]


def _find_turns(clip: Clip, diarizer: Diarizer | None, on_progress: Callable[[float], None]) -> list[Turn]:
    """Stretches of speech with their speakers; none where the sound cannot be read."""
    try:
        stretches = list(find_utterances(clip, on_progress, min_pause=MAX_STRETCH_PAUSE, min_length=0.0))
        return (
            [Turn(*each) for each in stretches]
            if diarizer is None
            else diarizer.find_turns(clip, stretches, on_progress)
        )
    except MissingModality:
        return []


def _explain_changes(diarizer: Diarizer) -> str:
    """What to do about changes of the speaker without a pause, where the network that finds them is absent."""
    if diarizer.segmenter is not None:
        return ""
    return f"; `mmerc weights fetch {SEGMENTATION}` fetches a network that finds changes of the speaker without a pause"


def explain_unknown() -> str:
    """That the speakers are unknown, and what to do about it where the weights are absent."""
    how = "" if weights.find(WEIGHTS) else f": `mmerc weights fetch {WEIGHTS}` fetches the network that finds them"
    return f"the speakers are unknown{how}"


def _transcribe(clip: Clip, transcriber: Transcriber | None) -> str | None:
    """The words of a clip; None without a transcriber or without sound."""
    if transcriber is None:
        return None
    try:
        return transcriber(read_waveform(clip))
    except MissingModality:
        return None
