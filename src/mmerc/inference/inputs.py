"""What a user may hand to `predict`: a split of a corpus, a folder of clips, a clip."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from mmerc.corpora import READERS, Clip, Corpus, Dialogue, Problem, Utterance, open_corpus
from mmerc.corpora.dialogue import gather
from mmerc.corpora.location import parts
from mmerc.corpora.readers.meld import NAME
from mmerc.errors import ConfigError, CorpusError
from mmerc.inference.recording import Words, alone, read_recording
from mmerc.media.container import SUFFIXES

TABLES = (".csv", ".tsv", ".xlsx", ".json", ".jsonl")
TRANSCRIPTS = (".srt", ".vtt")
ANSWERS = (".jsonl", ".xlsx", ".html")  # what nothing but an answer is called in a corpus or a model


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


def check_output(file: Path, location: str, *others: Path) -> None:
    """Raises ConfigError: writing `file` would overwrite what is read at `location` or `others`, or any recording, or put it among
    the files of a corpus or a model, where it would be read as one of them."""
    kind, path, _ = parts(location)
    of_corpus = [_expanded(each) for each in {path, divided(path)[0]} if each] if kind in READERS else []
    read = [place.resolve() for place in (Path(location), *of_corpus, *others)]
    target = file.resolve()
    if is_file(file) and (file.suffix.lower() in SUFFIXES or target in read):
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


def _of_corpus(location: str) -> tuple[list[Dialogue], Sequence[Problem]]:
    if parts(location)[0] not in READERS:
        raise CorpusError(
            f"{location[:120]} is neither a file nor a folder, nor KIND:PATH with KIND one of {', '.join(READERS)}: check it."
        )
    corpus, split = corpus_and_split(location)
    splits = [split] if split else list(corpus.splits)
    return [dialogue for name in splits for dialogue in corpus.dialogues(name)], corpus.problems


def corpus_and_split(location: str) -> tuple[Corpus, str]:
    """The corpus of `KIND:PATH#split`, and the split, empty where none is named. Raises CorpusError as `open_corpus` does."""
    kind, _, path = location.partition(":")
    path, split = divided(path)
    return open_corpus(f"{kind}:{path}" if split else location), split


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
