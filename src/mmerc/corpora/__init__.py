"""Corpora: who said what, when, and with which emotion."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

from mmerc.corpora.dialogue import Clip, Corpus, Dialogue, Identity, Key, Live, Problem, Utterance, replace_surrogates
from mmerc.corpora.location import absolute, parts
from mmerc.corpora.packs.reader import read_pack
from mmerc.corpora.readers.fer2013 import read_fer2013
from mmerc.corpora.readers.goemotions import read_goemotions
from mmerc.corpora.readers.meld import read_meld
from mmerc.corpora.readers.mosi import read_mosi
from mmerc.corpora.readers.ravdess import read_ravdess
from mmerc.corpora.readers.table import read_table
from mmerc.errors import CorpusError

__all__ = ["READERS", "Clip", "Corpus", "Dialogue", "Identity", "Key", "Live", "Problem", "Utterance", "open_corpus"]


def read_synthetic(folder: Path) -> Corpus:
    """`synthetic:FOLDER`: the demo's corpus, made there on first use, in MELD's own layout."""
    from mmerc.corpora.synthetic import make_corpus  # draws and encodes video: not loaded for other corpora

    make_corpus(folder)
    return replace(read_meld(folder), name="synthetic")


READERS: dict[str, Callable[[Path], Corpus]] = {
    "meld": read_meld,
    "table": read_table,
    "fer2013": read_fer2013,
    "goemotions": read_goemotions,
    "mosi": read_mosi,
    "pack": read_pack,
    "ravdess": read_ravdess,
    "synthetic": read_synthetic,
}


def open_corpus(location: str) -> Corpus:
    """Read the corpus at `KIND:PATH`.

    Raises:
        CorpusError: the kind is unknown, the path is absent, or the reader finds nothing it can use.
    """
    kind, path, roles = parts(location)
    places = dict(parse_qsl(roles))
    if ":" not in location or kind not in READERS:
        raise CorpusError(f'"{location}" is not a corpus: write KIND:PATH with KIND one of {", ".join(READERS)}.')
    try:
        place = Path(path).expanduser()
        there = place.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise CorpusError(f"{location[:120]} is no path ({error}): check the path.") from error
    if not path:
        raise CorpusError(f'"{location}" names no place: write {kind}:PATH.')
    if kind != "synthetic" and not there:
        raise CorpusError(f"{location}: there is nothing at {place}: check the path.")
    corpus = read_pack(place, places) if places else READERS[kind](place)
    problems = tuple(
        Problem(each.kind, replace_surrogates(each.where), replace_surrogates(each.what)) for each in corpus.problems
    )
    return replace(corpus, name=replace_surrogates(corpus.name), problems=problems, location=absolute(location))
