"""A pack that is a folder: `utterances.csv` (the columns of `table:`) and for each signal a file or folder of its name.

`NAME.npz`, `NAME.h5` or a folder `NAME` of .npy files hold an array [d] or [T, d] for an utterance, under one of the names
that `list_array_names` gives. So does a folder of .csv files that OpenFace, py-feat or openSMILE wrote (`packs.tool_csv`). `NAME.csv` has the columns `dialogue`, `utterance`, an optional `split`, and numbers; a row is a
step. An array whose name fits several utterances is given to none of them.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from mmerc.corpora.dialogue import Corpus, Problem, Utterance
from mmerc.corpora.packs.array_files import NamedArrays, normalise_split, read_arrays
from mmerc.corpora.packs.arrays import convert_signal
from mmerc.corpora.readers.table import read_table
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

TABLE = "utterances.csv"


def read_pack_folder(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read `utterances.csv` and the signals next to it.

    Raises:
        CorpusError: there is no `utterances.csv` or no signal, or one of the files cannot be read.
    """
    if not (folder / TABLE).is_file():
        raise CorpusError(f"{folder} has no {TABLE} (dialogue, utterance, speaker, text, ...): add it.")
    corpus = read_table(folder / TABLE, labels)
    signals: dict[str, NamedArrays] = {}
    problems = list(corpus.problems)
    for path in sorted(folder.iterdir()):
        arrays, array_problems = (None, []) if path.name == TABLE else read_arrays(path)
        problems += array_problems
        if arrays is not None:
            signals[path.stem] = arrays
    if not signals:
        raise CorpusError(
            f"{folder} has no features next to {TABLE}: add NAME.npz, NAME.h5, NAME.csv or a folder NAME."
        )
    refused: Counter[str] = Counter()
    # How many utterances an array of each name fits.
    uses = Counter(
        name for split in corpus.splits for each in corpus.utterances(split) for name in list_array_names(each)
    )

    def add_signals(utterance: Utterance) -> Utterance:
        found: dict[str, object] = {}
        unique = [name for name in list_array_names(utterance) if uses[name] == 1]
        for signal, arrays in signals.items():
            name = next((name for name in unique if name in arrays.entries), None)
            if name is None:
                continue
            array = convert_signal(arrays.get(name))
            if array is None:
                refused[signal] += 1
            else:
                found[signal] = array
        return replace(utterance, signals=found)

    splits = {
        split: tuple(replace(each, utterances=tuple(map(add_signals, each.utterances))) for each in dialogues)
        for split, dialogues in corpus.splits.items()
    }
    for signal, arrays in signals.items():
        problems += _report_unmatched(signal, arrays.names, uses)
        if refused[signal]:
            what = f"{refused[signal]} of its arrays are damaged, or not numbers of the shape [d] or [T, d]"
            problems.append(Problem("signal", signal, what))
    return replace(corpus, name=folder.name, splits=splits, problems=tuple(problems))


def list_array_names(utterance: Utterance) -> tuple[str, ...]:
    """The names that an utterance's array may have.

    >>> list_array_names(Utterance("dev", 12, 3))
    ('dev/12/3', 'dev/12_3', 'dev/dia12_utt3', '12/3', '12_3', 'dia12_utt3')
    """
    split, dialogue, number = utterance.key
    short = (f"{dialogue}/{number}", f"{dialogue}_{number}", f"dia{dialogue}_utt{number}")
    return (*(f"{split}/{name}" for name in short), *short)


def _report_unmatched(signal: str, names: list[str], uses: Counter[str]) -> list[Problem]:
    """A problem for the arrays that match no utterance, and one for those that match several."""
    unmatched = [name for name in names if not uses[name] and not uses[normalise_split(name)]]
    ambiguous = [name for name in names if max(uses[name], uses[normalise_split(name)]) > 1]
    problems = []
    if unmatched:
        what = f"{len(unmatched)} of its {len(names)} arrays, such as {unmatched[0]}, match no utterance of {TABLE}"
        problems.append(Problem("signal", signal, what))
    if ambiguous:
        what = f"{len(ambiguous)} of its arrays, such as {ambiguous[0]}, match several utterances: name the split, too"
        problems.append(Problem("signal", signal, what))
    return problems
