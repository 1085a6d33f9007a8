"""`mosi:FOLDER`: CMU-MOSI (Zadeh et al. 2016) as utterance features, with sentiment 0 or 1; a video is a dialogue.

`utterances_<split>.csv` (row, video, utterance, text) and, with the same rows and without a header, `text_<split>.csv`,
`audio_<split>.csv` and `video_<split>.csv`; in the training files the last column is the label. The numbers become the
utterance's signals `text`, `audio` and `face`.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import SPLITS, Corpus, Problem, Utterance
from mmerc.corpora.packs.arrays import is_signal
from mmerc.corpora.paths import explain_unreadable
from mmerc.corpora.readers.ids import parse_ids
from mmerc.corpora.readers.rows import read_rows
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

SENTIMENT = LabelSet(("0", "1"))
FILES = {"text": "text", "audio": "audio", "video": "face"}  # file -> signal
# Linear classifiers on these get 98 and 91 % of held-out training videos right: their networks saw the labels.
LEAKY = ("text", "face")
COLUMNS = ("row", "video", "utterance", "text")


def read_mosi(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the splits whose `utterances_<split>.csv` exists, with those of their features that exist.

    Raises:
        CorpusError: no split exists, a file cannot be read, or its rows are not those of the utterances.
    """
    utterances: list[Utterance] = []
    problems: list[Problem] = []
    for split in SPLITS:
        file = folder / f"utterances_{split}.csv"
        if file.is_file():
            utterances += _read_split(folder, file, split, problems)
    if not utterances:
        raise CorpusError(
            f"{folder} has no row in utterances_train.csv or utterances_test.csv: give the folder of MOSI."
        )
    return build_corpus("CMU-MOSI", utterances, problems, labels or SENTIMENT, leaky_signals=LEAKY)


def _read_split(folder: Path, file: Path, split: str, problems: list[Problem]) -> list[Utterance]:
    rows, row_problems = read_rows(file, COLUMNS)
    problems += row_problems
    labels: list[str | None] = [None] * len(rows)
    signals: list[dict[str, object]] = [{} for _ in rows]
    for name, signal in FILES.items():
        features = folder / f"{name}_{split}.csv"
        if not features.is_file():
            continue
        table = _read_numbers(features, len(rows))
        if split == "train":
            labels = [str(int(value)) if value in (0, 1) else None for value in table[:, -1]]
            table = table[:, :-1]
            if not table.shape[1]:
                raise CorpusError(f"{features} has one column, and needs numbers before the label: export it again.")
        for index, vector in enumerate(table):
            if is_signal(vector):
                signals[index][signal] = vector
            else:
                problems.append(Problem(signal, f"{features.name} row {index + 1}", "has a value that is not a number"))
    ids = parse_ids(row["utterance"] for row in rows)
    return [
        Utterance(
            split,
            row["video"],
            ids.get(row["utterance"], row["utterance"]),
            speaker=row["video"],  # one person speaks in each
            text=row["text"] or None,
            emotion=label,
            source=row["video"],
            signals=found,
        )
        for row, label, found in zip(rows, labels, signals, strict=True)
    ]


def _read_numbers(file: Path, count: int) -> Float[np.ndarray, "N d"]:
    try:
        table = np.genfromtxt(file, delimiter=",", dtype=np.float32, ndmin=2, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CorpusError(explain_unreadable(file, error)) from error
    if len(table) != count:
        raise CorpusError(
            f"{file} has {len(table)} rows and its utterances are {count}: copy both files from the same source."
        )
    return table
