"""From published files to the layouts that the readers read. Each function fills the new folder of one corpus."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from mmerc.corpora.download.archives import unpack_zip
from mmerc.corpora.download.sources import FileSource, RemoteFile
from mmerc.corpora.readers.takes import Take
from mmerc.errors import CorpusError

Layout = Callable[[FileSource, Sequence[RemoteFile], Path], None]

# The 27 emotions and neutral in the order of their ids, and their groups: `goemotions/data/emotions.txt` and
# `ekman_mapping.json` in google-research/google-research. Neutral is in no group there, and is its own here.
GOEMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy", "love",
    "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip
EKMAN = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": (
        "joy", "amusement", "approval", "excitement", "gratitude", "love", "optimism", "relief", "pride", "admiration",
        "desire", "caring",
    ),
    "neutral": ("neutral",),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
}  # fmt: skip
GROUPS = [next(index for index, members in enumerate(EKMAN.values()) if name in members) for name in GOEMOTIONS]


def copy_files(source: FileSource, files: Sequence[RemoteFile], folder: Path) -> None:
    """MELD: the published files are what the reader reads."""
    for file in files:
        source.place(source.get(file), folder / file.name)


def group_goemotions(source: FileSource, files: Sequence[RemoteFile], folder: Path) -> None:
    """GoEmotions: the ids of 28 labels become those of Ekman's six emotions and neutral."""
    for file in files:
        lines = source.get(file).read_text(encoding="utf-8").split("\n")
        grouped = [group_line(line, f"{file.name} line {number}") for number, line in enumerate(lines, start=1)]
        (folder / file.name).write_text("\n".join(grouped), encoding="utf-8")
    (folder / "labels.txt").write_text("\n".join(EKMAN) + "\n", encoding="utf-8")


def group_line(line: str, where: str) -> str:
    """A line of GoEmotions (text, ids, name) with the ids of the groups, each once and in order.

    >>> group_line("Odd, but I hope so.\\t6,20,22\\teczq8zg", "train.tsv line 1")
    'Odd, but I hope so.\\t3,6\\teczq8zg'

    Raises:
        CorpusError: the ids are none of GoEmotions.
    """
    if not line:
        return line
    text, _, rest = line.partition("\t")
    ids, _, name = rest.partition("\t")
    try:
        groups = sorted({GROUPS[int(label)] for label in ids.split(",")})
    except (ValueError, IndexError):
        raise CorpusError(f'{where}: "{ids[:40]}" is not a list of ids from 0 to 27: download it again.') from None
    return f"{text}\t{','.join(map(str, groups))}\t{name}"


def unpack_takes(parse: Callable[[Path], Take | None], *, has_folders: bool) -> Layout:
    """RAVDESS, EMO-DB, TESS: a ZIP archive with recordings, of which the names tell the speaker and the emotion.

    `has_folders`: each speaker gets a folder. Other files of the archive are not unpacked.
    """

    def place(path: PurePosixPath) -> PurePosixPath | None:
        take = parse(Path(path)) if path.suffix.lower() == ".wav" else None
        if take is None:
            return None
        return PurePosixPath(take.speaker, path.name) if has_folders else PurePosixPath(path.name)

    def unpack(source: FileSource, files: Sequence[RemoteFile], folder: Path) -> None:
        for file in files:
            unpack_zip(source.get(file), folder, place)

    return unpack
