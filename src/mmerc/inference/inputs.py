"""What a user may give to `predict`: a split of a corpus, a folder of recordings, a recording."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mmerc.corpora import READERS, Clip, Corpus, Dialogue, Problem, Utterance, open_corpus
from mmerc.corpora.dialogue import gather
from mmerc.corpora.location import parts
from mmerc.corpora.readers.meld import NAME, sort_clips
from mmerc.corpora.transcripts import ENDINGS
from mmerc.errors import ConfigError, CorpusError
from mmerc.inference.recording import Words, read_recording
from mmerc.media.decoding import is_media
from mmerc.suffixes import MEDIA_SUFFIXES

TABLES = (".csv", ".tsv", ".xlsx", ".json", ".jsonl")
ANSWERS = (".jsonl", ".xlsx", ".html")  # suffixes that only predictions have in a corpus or a model
MAX_NAMED = 5  # of the files that are left out

log = logging.getLogger(__name__)


def read_input(
    location: str, transcript: Path | None = None, *, words: Words | None = None, audio_track: int | None = None
) -> tuple[list[Dialogue], Sequence[Problem]]:
    """The dialogues of `KIND:PATH`, `KIND:PATH#split`, a folder of recordings, or one recording.

    Files named `dia<D>_utt<U>` in a folder form dialogues. Any other recording is a dialogue; one of more than 30 s is
    segmented (`read_recording`). What is not audio, video or a picture is left out of a folder; the log says so.

    `transcript`: of the one recording. `words`: makes the text of an utterance from its samples where there is no
    transcript. `audio_track`: index among the audio tracks of each file; the default track without it.

    Raises:
        CorpusError: there is nothing to read, it has an unknown kind, or a transcript is given without a recording.
    """
    path = Path(location)
    if transcript is not None and not is_file(path):
        raise CorpusError(f"a transcript belongs to one recording, and {location[:120]} is none: give its file.")
    try:
        path.stat()
    except (OSError, ValueError):  # absent, or no path at all: it may still be a corpus
        return _read_corpus(location, audio_track)
    if path.is_file():
        if path.suffix.lower() in TABLES:
            raise CorpusError(f"{location} is a table and no clip: write table:{location}.")
        if path.suffix.lower() in ENDINGS:
            raise CorpusError(
                f"{location} is a transcript and no clip: give the recording, and this with --transcript."
            )
        dialogue, problems = read_recording(path, transcript, words=words, audio_track=audio_track)
        return [dialogue], problems
    if path.is_dir():
        return _read_folder(path, words, audio_track)
    return _read_corpus(location, audio_track)


def check_output(file: Path, location: str, *others: Path) -> None:
    """Raises ConfigError: writing `file` would overwrite what is read at `location` or `others`, or any recording, or put it among
    the files of a corpus or a model, where it would be read as one of them."""
    kind, path, _ = parts(location)
    of_corpus = [_expanded(each) for each in {path, divided(path)[0]} if each] if kind in READERS else []
    read = [place.resolve() for place in (Path(location), *of_corpus, *others)]
    target = file.resolve()
    if is_file(file) and (file.suffix.lower() in MEDIA_SUFFIXES or target in read):
        raise ConfigError(f"{file} is there already, and no rows of an earlier answer: give another file.")
    ours = file.suffix.lower() in ANSWERS
    becomes_a_signal = kind == "pack" and not ours
    for place in read[1:]:
        if (
            _there(place, Path.is_dir)
            and target.is_relative_to(place)
            and (becomes_a_signal or (is_file(file) and not ours))
        ):
            raise ConfigError(f"{file} lies in {place}, which is read: give a file elsewhere.")


def divided(path: str) -> tuple[str, str]:
    """A path and the split behind its last `#`, empty where there is none: a folder's own name may hold a `#`.

    >>> divided("/no/such/meld#test"), divided("/no/such/meld")
    (('/no/such/meld', 'test'), ('/no/such/meld', ''))
    """
    before, mark, split = path.rpartition("#")
    return (before, split) if mark and not _there(_expanded(path), Path.exists) else (path, "")


def is_file(place: Path) -> bool:
    return _there(place, Path.is_file)


def _there(place: Path, ask: Callable[[Path], bool]) -> bool:
    """Whether it is; what is no path at all is not."""
    try:
        return ask(place)
    except (OSError, ValueError):
        return False


def _expanded(path: str) -> Path:
    """With the home folder in it, where `~` or `~NAME` means one."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _read_corpus(location: str, audio_track: int | None) -> tuple[list[Dialogue], Sequence[Problem]]:
    if parts(location)[0] not in READERS:
        raise CorpusError(
            f"{location[:120]} is neither a file nor a folder, nor KIND:PATH with KIND one of {', '.join(READERS)}: check it."
        )
    corpus, split = corpus_and_split(location)
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


def corpus_and_split(location: str) -> tuple[Corpus, str]:
    """The corpus of `KIND:PATH#split`, and the split, empty where none is named. Raises CorpusError as `open_corpus` does."""
    kind, _, path = location.partition(":")
    path, split = divided(path)
    return open_corpus(f"{kind}:{path}" if split else location), split


def _read_folder(
    folder: Path, words: Words | None, audio_track: int | None
) -> tuple[list[Dialogue], Sequence[Problem]]:
    recordings: list[Path] = []
    others: list[Path] = []
    for file in sorted(folder.iterdir()):
        if file.name.startswith("."):
            continue
        is_recording = file.is_file() and (file.suffix.lower() in MEDIA_SUFFIXES or is_media(file))
        (recordings if is_recording else others).append(file)
    if not recordings:
        raise CorpusError(
            f"{folder} holds no audio or video file: put the clips directly into it, or say what corpus it is, such as "
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
    return _group_clips(recordings, words, audio_track)


def _group_clips(
    recordings: list[Path], words: Words | None, audio_track: int | None
) -> tuple[list[Dialogue], list[Problem]]:
    named: dict[tuple[int, int], Utterance] = {}
    dialogues: list[Dialogue] = []
    problems: list[Problem] = []
    for file in sort_clips(recordings):  # the better clip of an utterance replaces the other
        match = NAME.fullmatch(file.name)
        if match is not None:
            key = int(match["dialogue"]), int(match["utterance"])
            named[key] = Utterance("input", *key, clip=Clip(file, audio_track=audio_track))
    others = [file for file in recordings if NAME.fullmatch(file.name) is None]
    stems = Counter(file.stem for file in others)
    for file in others:
        name = file.stem if stems[file.stem] == 1 else file.name
        dialogue, found = read_recording(file, words=words, audio_track=audio_track, name=name)
        dialogues.append(dialogue)
        problems += found
    splits, repeated = gather(list(named.values()))
    return [*splits.get("input", ()), *dialogues], [*problems, *repeated]
