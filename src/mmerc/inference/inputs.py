"""What a user may give to `predict`: a split of a corpus, a folder of recordings, a recording."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mmerc.corpora import READERS, Clip, Corpus, Dialogue, Problem, Utterance, open_corpus
from mmerc.corpora.dialogue import group_into_dialogues
from mmerc.corpora.location import parse_location
from mmerc.corpora.paths import sort_clips
from mmerc.corpora.readers.meld import CLIP_NAME
from mmerc.corpora.transcripts import ENDINGS
from mmerc.errors import CorpusError
from mmerc.inference.paths import is_file, split_path
from mmerc.inference.recording import Treatment, read_recording
from mmerc.inference.transcription import Transcriber
from mmerc.media.decoding import is_media
from mmerc.speakers.diarization import Diarizer
from mmerc.suffixes import MEDIA_SUFFIXES

TABLES = (".csv", ".tsv", ".xlsx", ".json", ".jsonl")
Read = Callable[..., tuple[Dialogue, list[Problem]]]  # `read_recording` with its options
MAX_NAMED = 5  # number of omitted files that the log names

log = logging.getLogger(__name__)


def read_input(
    location: str,
    transcript: Path | None = None,
    *,
    treat_as: Treatment = "auto",
    transcriber: Transcriber | None = None,
    diarizer: Diarizer | None = None,
    audio_track: int | None = None,
) -> tuple[list[Dialogue], Sequence[Problem]]:
    """The dialogues of `KIND:PATH`, `KIND:PATH#split`, a folder of recordings, or one recording.

    Files named `dia<D>_utt<U>` in a folder form dialogues. Any other recording is a dialogue; one of more than 30 s is
    segmented (`read_recording`). What is not audio, video or a picture is left out of a folder; the log says so.

    `transcript`: the transcript, if the input is one recording. `treat_as`: whether each file is one utterance (`clips`) or is segmented
    (`conversations`, also files named `dia<D>_utt<U>`), instead of a decision by its length. `transcriber`: makes the text of an utterance from its
    samples where there is no transcript. `diarizer`: finds the speakers of recordings. `audio_track`: index among the audio tracks of each file;
    the default track without it.

    Raises:
        CorpusError: there is nothing to read, it has an unknown kind, a transcript is given without a recording, or what is said about
            recordings is said about a corpus or contradicts the transcript.
    """
    path = Path(location)
    read = partial(
        read_recording, treat_as=treat_as, transcriber=transcriber, diarizer=diarizer, audio_track=audio_track
    )
    if transcript is not None and treat_as == "clips":
        raise CorpusError(
            f"{transcript} has the utterances, so the recording is no clip: leave out --as clips or the transcript."
        )
    if transcript is not None and not is_file(path):
        raise CorpusError(
            f"{location[:120]} is not a recording, which a transcript belongs to: give the file of the recording."
        )
    try:
        path.stat()
    except (OSError, ValueError):  # absent, or no path at all: it may still be a corpus
        if treat_as != "auto" or (diarizer is not None and diarizer.is_asked_for):
            raise CorpusError(
                f"{location[:120]} is no recording and no folder of recordings, which --as, --speakers, --names and --voices are about: "
                "check the path, or leave them out for a corpus."
            ) from None
        return _read_corpus(location, audio_track)
    if path.is_file():
        if path.suffix.lower() in TABLES:
            raise CorpusError(f"{location} is a table and not a recording: write table:{location}.")
        if path.suffix.lower() in ENDINGS:
            raise CorpusError(
                f"{location} is a transcript and not a recording: give the recording, and this file with --transcript."
            )
        dialogue, problems = read(path, transcript)
        return [dialogue], problems
    if path.is_dir():
        recordings = _list_recordings(path)
        if treat_as != "conversations":
            return _group_clips(recordings, read, audio_track)
        return _read_conversations(recordings, read)
    return _read_corpus(location, audio_track)


def _read_corpus(location: str, audio_track: int | None) -> tuple[list[Dialogue], Sequence[Problem]]:
    if parse_location(location).kind not in READERS:
        raise CorpusError(
            f"{location[:120]} is not a file, a folder or KIND:PATH with KIND one of {', '.join(READERS)}: check the path."
        )
    corpus, split = open_corpus_and_split(location)
    splits = [split] if split else list(corpus.splits)
    dialogues = [dialogue for name in splits for dialogue in corpus.dialogues(name)]
    if audio_track is not None:
        dialogues = [_choose_track(dialogue, audio_track) for dialogue in dialogues]
    return dialogues, corpus.problems


def _choose_track(dialogue: Dialogue, audio_track: int) -> Dialogue:
    utterances = (
        replace(each, clip=replace(each.clip, audio_track=audio_track)) if each.clip else each
        for each in dialogue.utterances
    )
    return replace(dialogue, utterances=tuple(utterances))


def open_corpus_and_split(location: str) -> tuple[Corpus, str]:
    """The corpus of `KIND:PATH#SPLIT` and the split, empty if none is named. Raises CorpusError as `open_corpus` does."""
    kind, _, path = location.partition(":")
    path, split = split_path(path)
    return open_corpus(f"{kind}:{path}" if split else location), split


def _list_recordings(folder: Path) -> list[Path]:
    recordings: list[Path] = []
    others: list[Path] = []
    for file in sorted(folder.iterdir()):
        if file.name.startswith("."):
            continue
        is_recording = file.is_file() and (file.suffix.lower() in MEDIA_SUFFIXES or is_media(file))
        (recordings if is_recording else others).append(file)
    if not recordings:
        raise CorpusError(
            f"{folder} has no audio or video file: put the recordings directly into it, or name the kind of corpus, such as "
            f"meld:{folder}."
        )
    if others:
        names = ", ".join(file.name for file in others[:MAX_NAMED])
        more = f" and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
        log.warning(
            "%s: %d of %d entries are not audio, video or pictures and are left out: %s%s",
            folder.name,
            len(others),
            len(others) + len(recordings),
            names,
            more,
        )
    return recordings


def _group_clips(recordings: list[Path], read: Read, audio_track: int | None) -> tuple[list[Dialogue], list[Problem]]:
    named: dict[tuple[int, int], Utterance] = {}
    for file in sort_clips(recordings):  # the better clip of an utterance replaces the other
        match = CLIP_NAME.fullmatch(file.name)
        if match is not None:
            key = int(match["dialogue"]), int(match["utterance"])
            named[key] = Utterance("input", *key, clip=Clip(file, audio_track=audio_track))
    others = [file for file in recordings if CLIP_NAME.fullmatch(file.name) is None]
    dialogues, problems = _read_conversations(others, read)
    splits, repeated = group_into_dialogues(list(named.values()))
    return [*splits.get("input", ()), *dialogues], [*problems, *repeated]


def _read_conversations(recordings: list[Path], read: Read) -> tuple[list[Dialogue], list[Problem]]:
    """A dialogue for each file, named as its stem where no other file has the same."""
    dialogues: list[Dialogue] = []
    problems: list[Problem] = []
    stems = Counter(file.stem for file in recordings)
    for file in recordings:
        dialogue, found = read(file, name=file.stem if stems[file.stem] == 1 else file.name)
        dialogues.append(dialogue)
        problems += found
    return dialogues, problems
