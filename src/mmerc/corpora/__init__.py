"""Corpora: who said what, when, and with which expressed emotion."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmerc.addresses import make_path
from mmerc.corpora.dialogue import (
    ChosenFace,
    Clip,
    Corpus,
    Dialogue,
    FaceOf,
    Identity,
    Key,
    LiveRecording,
    Problem,
    Utterance,
    replace_surrogates,
)
from mmerc.corpora.dimensions import fit_dimensions
from mmerc.corpora.folds import open_fold
from mmerc.corpora.joined import join_corpora
from mmerc.corpora.location import (
    HUB,
    add_fold,
    add_label_set,
    make_absolute,
    parse_location,
    read_parameters,
    split_fold,
    split_locations,
)
from mmerc.corpora.packs.reader import read_pack
from mmerc.corpora.readers.cremad import read_cremad
from mmerc.corpora.readers.emodb import read_emodb
from mmerc.corpora.readers.fer2013 import read_fer2013
from mmerc.corpora.readers.goemotions import read_goemotions
from mmerc.corpora.readers.huggingface import read_huggingface
from mmerc.corpora.readers.iemocap import read_iemocap
from mmerc.corpora.readers.lhotse import read_lhotse
from mmerc.corpora.readers.meld import read_meld
from mmerc.corpora.readers.mosei import read_mosei
from mmerc.corpora.readers.mosi import read_mosi
from mmerc.corpora.readers.ravdess import read_ravdess
from mmerc.corpora.readers.savee import read_savee
from mmerc.corpora.readers.table import read_table
from mmerc.corpora.readers.tess import read_tess
from mmerc.corpora.readers.webdataset import read_webdataset
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

__all__ = [
    "READERS",
    "ChosenFace",
    "Clip",
    "Corpus",
    "Dialogue",
    "FaceOf",
    "Identity",
    "Key",
    "LiveRecording",
    "Problem",
    "Utterance",
    "open_corpus",
]


SYNTHETIC_WARNING = (
    "This model is a toy: it was trained on synthetic people, so its predictions about real people mean nothing."
)


def read_synthetic(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """`synthetic:FOLDER`: the demo's corpus in MELD's layout. It is made in the folder on first use."""
    from mmerc.corpora.synthetic import make_corpus  # draws and encodes video: not loaded for other corpora

    make_corpus(folder)
    return replace(read_meld(folder, labels), name="synthetic", warning=SYNTHETIC_WARNING)


READERS: dict[str, Callable[[Path, LabelSet | None], Corpus]] = {
    "meld": read_meld,
    "table": read_table,
    "fer2013": read_fer2013,
    "goemotions": read_goemotions,
    "mosi": read_mosi,
    "mosei": read_mosei,
    "pack": read_pack,
    "ravdess": read_ravdess,
    "emodb": read_emodb,
    "cremad": read_cremad,
    "tess": read_tess,
    "savee": read_savee,
    "iemocap": read_iemocap,
    "synthetic": read_synthetic,
    "hf": read_huggingface,
    "wds": read_webdataset,
    "lhotse": read_lhotse,
}
# Those that also read the parameters behind the path.
READERS_WITH_PARAMETERS: dict[str, Callable[[Path, LabelSet | None, Mapping[str, str]], Corpus]] = {
    "pack": read_pack,
    "iemocap": read_iemocap,
    "hf": read_huggingface,
    "lhotse": read_lhotse,
}
MADE_ON_DEMAND = ("synthetic", HUB)  # kinds whose path need not exist


def open_corpus(location: str, labels: Sequence[str] | None = None) -> Corpus:
    """Read the corpus at `KIND:PATH`, or several corpora as one (`join_corpora`).

    Args:
        location: the kind, a colon and a path; `?label_set=a,b,c` may follow, and for a pack its map. Several corpora are joined by
            `+`, such as `ravdess:A+emodb:B`. `fold=0/5,speaker,0` gives one fold of the corpus or corpora (see `corpora.folds`).
        labels: the names of the label set, in their order. Without them the reader chooses a set from the labels that occur:
            MELD's seven where all are among these or their aliases, otherwise the corpus's own.

    Raises:
        CorpusError: the kind is unknown, the path is absent, or the reader finds nothing that it can use.
        ConfigError: `labels` has fewer than two names, or one twice.
    """
    location, fold = split_fold(location)
    parts = split_locations(location, READERS)
    if labels is not None:
        parts = [add_label_set(part, ",".join(labels)) for part in parts]
    corpus = _open_one(parts[0]) if len(parts) == 1 else _open_several(parts)
    if fold:
        corpus = replace(open_fold(corpus, fold), location=add_fold(corpus.location, fold))
    return fit_dimensions(corpus)


def _open_several(locations: Sequence[str]) -> Corpus:
    seen, corpora = Counter[str](), {}
    for location in locations:
        kind = parse_location(location).kind
        seen[kind] += 1
        corpora[kind if seen[kind] == 1 else f"{kind}-{seen[kind]}"] = _open_one(location)
    return join_corpora(corpora)


def _open_one(location: str) -> Corpus:
    kind, name, _ = parse_location(location)
    if ":" not in location or kind not in READERS:
        raise CorpusError(f'"{location}" is not a corpus: write KIND:PATH with KIND one of {", ".join(READERS)}.')
    if not name:
        raise CorpusError(f'"{location}" has no path: write {kind}:PATH.')
    try:
        path = make_path(name)
        exists = path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise CorpusError(f"{location[:120]} is not a path ({error}): check the path.") from error
    if kind not in MADE_ON_DEMAND and not exists:
        raise CorpusError(f"{location}: there is nothing at {path}: check the path.")
    parameters, names = read_parameters(location)
    label_set = LabelSet(names) if names else None
    corpus = (
        READERS_WITH_PARAMETERS[kind](path, label_set, parameters) if parameters else READERS[kind](path, label_set)
    )
    problems = tuple(
        Problem(problem.kind, replace_surrogates(problem.where), replace_surrogates(problem.what))
        for problem in corpus.problems
    )
    return replace(corpus, name=replace_surrogates(corpus.name), problems=problems, location=make_absolute(location))
