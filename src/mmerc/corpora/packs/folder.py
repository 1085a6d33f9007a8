"""A pack that is a folder: `utterances.csv` (the columns of `table:`) and, for each signal, one file or folder of its name.

`NAME.npz`, `NAME.h5` or a folder `NAME` of .npy files hold an array [d] or [T, d] an utterance, under one of its `names`;
`NAME.csv` has the columns `dialogue`, `utterance`, perhaps `split`, and numbers, a line a step. A name that several utterances
answer to is nobody's.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from mmerc.corpora.dialogue import Corpus, Problem, Utterance
from mmerc.corpora.packs.array_files import Arrays, normal, read_arrays
from mmerc.corpora.packs.arrays import as_signal
from mmerc.corpora.readers.table import read_table
from mmerc.errors import CorpusError

TABLE = "utterances.csv"


def read_pack_folder(folder: Path) -> Corpus:
    """Read `utterances.csv` and every signal beside it."""
    if not (folder / TABLE).is_file():
        raise CorpusError(f"{folder} holds no {TABLE} (dialogue, utterance, speaker, text, ...): add it.")
    corpus = read_table(folder / TABLE)
    signals: dict[str, Arrays] = {}
    problems = list(corpus.problems)
    for place in sorted(folder.iterdir()):
        arrays, wrong = (None, []) if place.name == TABLE else read_arrays(place)
        problems += wrong
        if arrays is not None:
            signals[place.stem] = arrays
    if not signals:
        raise CorpusError(
            f"{folder} holds no features beside {TABLE}: add NAME.npz, NAME.h5, NAME.csv or a folder NAME."
        )
    refused: Counter[str] = Counter()
    bearers = Counter(name for split in corpus.splits for turn in corpus.utterances(split) for name in names(turn))

    def with_signals(turn: Utterance) -> Utterance:
        found: dict[str, object] = {}
        own = [name for name in names(turn) if bearers[name] == 1]
        for signal, arrays in signals.items():
            name = next((name for name in own if name in arrays.places), None)
            if name is None:
                continue
            array = as_signal(arrays.get(name))
            if array is None:
                refused[signal] += 1
            else:
                found[signal] = array
        return replace(turn, signals=found)

    splits = {
        split: tuple(replace(each, utterances=tuple(map(with_signals, each.utterances))) for each in dialogues)
        for split, dialogues in corpus.splits.items()
    }
    for name, arrays in signals.items():
        problems += _unread(name, arrays.names, bearers)
        if refused[name]:
            what = f"{refused[name]} of its arrays are damaged, or no numbers [d] or [T, d]"
            problems.append(Problem("signal", name, what))
    return replace(corpus, name=folder.name, splits=splits, problems=tuple(problems))


def names(turn: Utterance) -> tuple[str, ...]:
    """What an utterance's array may be called.

    >>> names(Utterance("dev", 12, 3))
    ('dev/12/3', 'dev/12_3', 'dev/dia12_utt3', '12/3', '12_3', 'dia12_utt3')
    """
    split, dialogue, utterance = turn.key
    own = (f"{dialogue}/{utterance}", f"{dialogue}_{utterance}", f"dia{dialogue}_utt{utterance}")
    return (*(f"{split}/{name}" for name in own), *own)


def _unread(signal: str, there: list[str], bearers: Counter[str]) -> list[Problem]:
    """A problem for the arrays that nobody's are, and one for those that are several utterances'."""
    nobodys = [name for name in there if not bearers[name] and not bearers[normal(name)]]
    severals = [name for name in there if max(bearers[name], bearers[normal(name)]) > 1]
    problems = []
    if nobodys:
        count = "" if len(nobodys) == len(there) else f"{len(nobodys)} of its {len(there)} arrays, such as "
        what = f"{count}{nobodys[0]}, match no utterance of {TABLE}" if count else f"matches no utterance of {TABLE}"
        problems.append(Problem("signal", signal, what))
    if severals:
        what = f"{len(severals)} of its arrays, such as {severals[0]}, have names of several utterances: name the split, too"
        problems.append(Problem("signal", signal, what))
    return problems
