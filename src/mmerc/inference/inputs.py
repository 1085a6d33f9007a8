"""What a user may give to `predict`: a split of a corpus, a folder of recordings, a recording."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mmerc.addresses import is_address
from mmerc.corpora import READERS, Clip, Corpus, Dialogue, Problem, Utterance, open_corpus
from mmerc.corpora.dialogue import group_into_dialogues
from mmerc.corpora.location import parse_location
from mmerc.corpora.paths import explain_unreadable, sort_clips
from mmerc.corpora.readers.meld import CLIP_NAME
from mmerc.corpora.transcripts import ENDINGS
from mmerc.errors import CorpusError
from mmerc.inference.paths import expand_home, is_file, split_path
from mmerc.inference.recording import Treatment, read_recording
from mmerc.inference.transcription import Transcriber
from mmerc.media.decoding import is_media
from mmerc.speakers.diarization import Diarizer
from mmerc.suffixes import MEDIA_SUFFIXES

TABLES = (".csv", ".tsv", ".xlsx", ".json", ".jsonl")
Read = Callable[..., tuple[Dialogue, list[Problem]]]  # `read_recording` with its options
MAX_NAMED = 5  # number of omitted files that the log names

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """A file that `read_recording` has still to read. `name`: of its dialogue; None for the stem of the file."""

    file: Path
    name: str | None = None


Part = Dialogue | Recording


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
    path = expand_home(location)
    if transcript is not None and treat_as == "clips":
        raise CorpusError(
            f"{transcript} has the utterances, so the recording is no clip: leave out --as clips or the transcript."
        )
    if transcript is not None and not is_file(path):
        raise CorpusError(
            f"{location[:120]} is not a recording, which a transcript belongs to: give the file of the recording."
        )
    parts, problems = list_input(
        location,
        treat_as=treat_as,
        asks_for_speakers=diarizer is not None and diarizer.is_asked_for,
        audio_track=audio_track,
    )
    read = partial(
        read_recording, treat_as=treat_as, transcriber=transcriber, diarizer=diarizer, audio_track=audio_track
    )
    dialogues: list[Dialogue] = []
    for part in parts:
        dialogue, found = read_part(part, partial(read, transcript=transcript))
        dialogues.append(dialogue)
        problems += found
    return dialogues, problems


def list_input(
    location: str,
    *,
    treat_as: Treatment = "auto",
    asks_for_speakers: bool = False,
    audio_track: int | None = None,
) -> tuple[list[Part], list[Problem]]:
    """The parts of an input in their order, each of which can be read and predicted alone: see `read_input`.

    A recording is not opened. `asks_for_speakers`: whether the user has said anything about the speakers of recordings.

    Raises:
        CorpusError: as `read_input`.
    """
    path = expand_home(location)
    try:
        path.stat()
    except (OSError, ValueError) as error:  # absent, or no path at all: it may still be a corpus
        if is_address(location):
            raise CorpusError(explain_unreadable(path, error)) from error
        if treat_as != "auto" or asks_for_speakers:
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
        return [Recording(path)], []
    if path.is_dir():
        recordings = _list_recordings(path)
        if treat_as != "conversations":
            return _group_clips(recordings, audio_track)
        return list(_name_recordings(recordings)), []
    return _read_corpus(location, audio_track)


def read_part(part: Part, read: Read) -> tuple[Dialogue, list[Problem]]:
    """The dialogue of a part of an input; `read` is `read_recording` with its options."""
    return (part, []) if isinstance(part, Dialogue) else read(part.file, name=part.name)


def _read_corpus(location: str, audio_track: int | None) -> tuple[list[Part], list[Problem]]:
    if parse_location(location).kind not in READERS:
        raise CorpusError(
            f"{location[:120]} is not a file, a folder or KIND:PATH with KIND one of {', '.join(READERS)}: check the path."
        )
    corpus, split = open_corpus_and_split(location)
    splits = [split] if split else list(corpus.splits)
    dialogues = [dialogue for name in splits for dialogue in corpus.dialogues(name)]
    if audio_track is not None:
        dialogues = [_choose_track(dialogue, audio_track) for dialogue in dialogues]
    return list(dialogues), list(corpus.problems)


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


def _group_clips(recordings: list[Path], audio_track: int | None) -> tuple[list[Part], list[Problem]]:
    named: dict[tuple[int, int], Utterance] = {}
    for file in sort_clips(recordings):  # the better clip of an utterance replaces the other
        match = CLIP_NAME.fullmatch(file.name)
        if match is not None:
            key = int(match["dialogue"]), int(match["utterance"])
            named[key] = Utterance("input", *key, clip=Clip(file, audio_track=audio_track))
    splits, repeated = group_into_dialogues(list(named.values()))
    others = [file for file in recordings if CLIP_NAME.fullmatch(file.name) is None]
    return [*splits.get("input", ()), *_name_recordings(others)], repeated


def _name_recordings(files: list[Path]) -> Iterator[Recording]:
    """Each file, with the name of its dialogue: its stem where no other file has the same."""
    stems = Counter(file.stem for file in files)
    return (Recording(file, file.stem if stems[file.stem] == 1 else file.name) for file in files)
