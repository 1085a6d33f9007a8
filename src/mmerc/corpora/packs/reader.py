"""`pack:PATH[?role=index&...]`: features that exist already, as a corpus whose utterances have them as signals.

A folder is read by `packs.folder`. A pickle or torch file holds a tuple of dictionaries keyed by dialogue (`packs.dialogue_dicts`) or a
dictionary of splits of stacked arrays (`packs.split_arrays`). The known layouts need no map. For any other, `role=index` gives the
index of a role in the tuple, or its key in the dictionary. Roles are `ids`, `speakers`, `labels`, `sentences`, `train`, `dev`,
`test`; any other name is a signal. `names=a,b,...` names the labels 0, 1, ...
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import Corpus, Problem, Utterance
from mmerc.corpora.labels import tidy_label
from mmerc.corpora.location import split_label_names
from mmerc.corpora.packs.dialogue_dicts import read_dialogue_dicts
from mmerc.corpora.packs.folder import TABLE, read_pack_folder
from mmerc.corpora.packs.pickles import ENDINGS, TORCH_ENDINGS, read_pickle
from mmerc.corpora.packs.split_arrays import read_split_arrays
from mmerc.corpora.packs.values import check_labels
from mmerc.emotions import SEVEN, LabelSet
from mmerc.errors import CorpusError

# What Python raises for containers of another form than expected.
LAYOUT_ERRORS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError)
NAMES = "names"


def read_pack(path: Path, labels: LabelSet | None = None, mapping: Mapping[str, str] | None = None) -> Corpus:
    """Read a folder or a file; `mapping` is the map of its location.

    Raises:
        CorpusError: it is neither, the map does not fit it, its labels are not one class each, or it has no utterance.
    """
    mapping = dict(mapping or {})
    if path.is_dir():
        if mapping:
            raise CorpusError(f"{path} is a folder, whose files are named by their roles: leave out the map.")
        return read_pack_folder(path, labels)
    if path.suffix.lower() not in ENDINGS | TORCH_ENDINGS:
        raise CorpusError(f"{path} is neither a folder with {TABLE} nor a pickle or torch file: give one of these.")
    names = split_label_names(mapping.pop(NAMES, ""))
    content = read_pickle(path)
    problems: list[Problem] = []
    try:
        if isinstance(content, Mapping):
            utterances, values, problems = read_split_arrays(path, content, mapping)
        elif isinstance(content, Sequence) and not isinstance(content, str | bytes):
            utterances, values, known_names = read_dialogue_dicts(path, content, mapping)
            names = names or known_names
        else:
            raise CorpusError(
                f"{path} has a value of the type {type(content).__name__}: a tuple or dictionary of features is expected."
            )
    except LAYOUT_ERRORS as error:
        raise CorpusError(f"{path}: its parts do not fit together ({error}): correct the map.") from error
    if not utterances:
        raise CorpusError(f"{path} has no utterance in any split: check the map.")
    problems += check_labels(path, values, [utterance.name for utterance in utterances])
    if names:
        utterances = _name_labels(path, utterances, names)
        labels = labels or (SEVEN if all(name in SEVEN for name in names) else LabelSet(names))
    return build_corpus(path.stem, utterances, problems, labels)


def _name_labels(path: Path, utterances: list[Utterance], names: Sequence[str]) -> list[Utterance]:
    """The utterances with `names` in place of the labels 0, 1, ..."""
    numbers = {str(number): name for number, name in enumerate(names)}
    tidy = [tidy_label(utterance.emotion) for utterance in utterances]
    strange = next((label for label in tidy if label and label not in numbers), None)
    if strange is not None:
        raise CorpusError(f"{path}: the label {strange} is not one of the {len(names)} named: correct --map names=...")
    return [
        replace(utterance, emotion=numbers[label] if label else None)
        for utterance, label in zip(utterances, tidy, strict=True)
    ]
