"""Corpora: who said what, when, and with which expressed emotion."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mmerc.corpora.dialogue import (
    Clip,
    Corpus,
    Dialogue,
    Identity,
    Key,
    LiveRecording,
    Problem,
    Utterance,
    replace_surrogates,
)
from mmerc.corpora.folds import open_fold
from mmerc.corpora.location import add_label_set, make_absolute, parse_location, read_fold, read_parameters
from mmerc.corpora.packs.reader import read_pack
from mmerc.corpora.readers.fer2013 import read_fer2013
from mmerc.corpora.readers.goemotions import read_goemotions
from mmerc.corpora.readers.meld import read_meld
from mmerc.corpora.readers.mosi import read_mosi
from mmerc.corpora.readers.ravdess import read_ravdess
from mmerc.corpora.readers.table import read_table
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

__all__ = [
    "READERS",
    "Clip",
    "Corpus",
    "Dialogue",
    "Identity",
    "Key",
    "LiveRecording",
    "Problem",
    "Utterance",
    "open_corpus",
]


def read_synthetic(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """`synthetic:FOLDER`: the demo's corpus in MELD's layout. It is made in the folder on first use."""
    from mmerc.corpora.synthetic import make_corpus  # draws and encodes video: not loaded for other corpora

    make_corpus(folder)
    return replace(read_meld(folder, labels), name="synthetic")


READERS: dict[str, Callable[[Path, LabelSet | None], Corpus]] = {
    "meld": read_meld,
    "table": read_table,
    "fer2013": read_fer2013,
    "goemotions": read_goemotions,
    "mosi": read_mosi,
    "pack": read_pack,
    "ravdess": read_ravdess,
    "synthetic": read_synthetic,
}


def open_corpus(location: str, labels: Sequence[str] | None = None) -> Corpus:
    """Read the corpus at `KIND:PATH`.

    Args:
        location: the kind, a colon and a path; `?label_set=a,b,c` may follow, and for a pack its map. `fold=0/5,speaker,0`
            gives one fold of the corpus (see `corpora.folds`).
        labels: the names of the label set, in their order. Without them the reader chooses a set from the labels that occur:
            MELD's seven where all are among these or their aliases, otherwise the corpus's own.

    Raises:
        CorpusError: the kind is unknown, the path is absent, or the reader finds nothing that it can use.
        ConfigError: `labels` has fewer than two names, or one twice.
    """
    if labels is not None:
        location = add_label_set(location, ",".join(labels))
    kind, name, _ = parse_location(location)
    if ":" not in location or kind not in READERS:
        raise CorpusError(f'"{location}" is not a corpus: write KIND:PATH with KIND one of {", ".join(READERS)}.')
    if not name:
        raise CorpusError(f'"{location}" has no path: write {kind}:PATH.')
    try:
        path = Path(name).expanduser()
        exists = path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise CorpusError(f"{location[:120]} is not a path ({error}): check the path.") from error
    if kind != "synthetic" and not exists:
        raise CorpusError(f"{location}: there is nothing at {path}: check the path.")
    mapping, names = read_parameters(location)
    label_set = LabelSet(names) if names else None
    corpus = read_pack(path, label_set, mapping) if mapping else READERS[kind](path, label_set)
    problems = tuple(
        Problem(problem.kind, replace_surrogates(problem.where), replace_surrogates(problem.what))
        for problem in corpus.problems
    )
    corpus = replace(corpus, name=replace_surrogates(corpus.name), problems=problems, location=make_absolute(location))
    fold = read_fold(location)
    return replace(open_fold(corpus, fold), location=corpus.location) if fold else corpus
