"""What a user may hand to `predict`: a split of a corpus, a folder of clips, a clip."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mmerc.corpora import READERS, Clip, Dialogue, Problem, Utterance, open_corpus
from mmerc.corpora.conversation import gather
from mmerc.corpora.location import parts
from mmerc.corpora.meld import NAME
from mmerc.errors import ConfigError, CorpusError
from mmerc.inference.recording import Words, alone, read_recording
from mmerc.media.container import SUFFIXES

TABLES = (".csv", ".tsv", ".xlsx", ".json", ".jsonl")
TRANSCRIPTS = (".srt", ".vtt")


def read_input(
    location: str, transcript: Path | None = None, *, words: Words | None = None
) -> tuple[list[Dialogue], Sequence[Problem]]:
    """The dialogues of `KIND:PATH`, `KIND:PATH#split`, a folder of clips, or one recording with or without a transcript.

    `words` makes words of the samples of a recording that has no transcript. Clips named `dia<D>_utt<U>` in a folder form dialogues; any other clip is a dialogue of one utterance.

    Raises:
        CorpusError: there is nothing there, or nothing of a kind that is known, or a transcript belongs to no recording.
    """
    place = Path(location)
    if transcript is not None and not is_file(place):
        raise CorpusError(f"a transcript belongs to one recording, and {location[:120]} is none: give its file.")
    try:
        place.stat()
    except (OSError, ValueError):  # absent, or no path at all: it may still be a corpus
        return _of_corpus(location)
    if place.is_file():
        if place.suffix.lower() in TABLES:
            raise CorpusError(f"{location} is a table and no clip: write table:{location}.")
        if place.suffix.lower() in TRANSCRIPTS:
            raise CorpusError(
                f"{location} is a transcript and no clip: give the recording, and this with --transcript."
            )
        dialogue, problems = read_recording(place, transcript, words=words)
        return [dialogue], problems
    if place.is_dir():
        clips = sorted(
            file for file in place.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
        )
        if not clips:
            raise CorpusError(
                f"{place} holds no audio or video file: put the clips directly into it, or say what corpus it is, such as "
                f"meld:{place}."
            )
        return _grouped(clips)
    return _of_corpus(location)


def check_output(file: Path, location: str, transcript: Path | None = None) -> None:
    """Raises ConfigError: writing `file` would overwrite what is read, a part of a corpus, or any recording."""
    if not is_file(file):
        return
    kind, path, _ = parts(location)
    of_corpus = [Path(path), Path(path.rpartition("#")[0])] if kind in READERS else []
    read = [Path(location), *of_corpus, *([transcript] if transcript else [])]
    if (
        file.suffix.lower() in SUFFIXES
        or any(is_file(place) and place.samefile(file) for place in read)
        or any(is_folder(place) and file.resolve().is_relative_to(place.resolve()) for place in of_corpus if place.name)
    ):
        raise ConfigError(f"{file} is there already, and no rows of an earlier answer: give another file.")


def is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except (OSError, ValueError):  # no path at all
        return False


def is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except (OSError, ValueError):  # no path at all
        return False


def _of_corpus(location: str) -> tuple[list[Dialogue], Sequence[Problem]]:
    if parts(location)[0] not in READERS:
        raise CorpusError(
            f"{location[:120]} is neither a file nor a folder, nor KIND:PATH with KIND one of {', '.join(READERS)}: check it."
        )
    path, mark, split = location.rpartition("#")
    if not mark or Path(location.partition(":")[2]).exists():  # a folder's own name may hold a "#"
        path, split = location, ""
    corpus = open_corpus(path)
    splits = [split] if split else list(corpus.splits)
    return [dialogue for name in splits for dialogue in corpus.dialogues(name)], corpus.problems


def _grouped(clips: list[Path]) -> tuple[list[Dialogue], list[Problem]]:
    named: dict[tuple[int, int], Utterance] = {}
    others = []
    stems = Counter(clip.stem for clip in clips)
    for clip in clips:  # sorted, so that a corrected "final_videos_test..." replaces the plain one, as in the reader
        match = NAME.fullmatch(clip.name)
        if match is None:
            others.append(alone(clip, clip.stem if stems[clip.stem] == 1 else clip.name))
        else:
            key = int(match["dialogue"]), int(match["utterance"])
            named[key] = Utterance("input", *key, clip=Clip(clip))
    splits, problems = gather(list(named.values()))
    return [*splits.get("input", ()), *others], problems
