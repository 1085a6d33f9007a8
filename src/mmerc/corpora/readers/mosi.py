"""`mosi:FOLDER`: CMU-MOSI (Zadeh et al. 2016) as utterance features, sentiment 0 or 1, a video a dialogue.

`utterances_<split>.csv` (row, video, utterance, text) and, row by row and without a header, `text_<split>.csv`,
`audio_<split>.csv` and `video_<split>.csv`; in the training files the last column is the label. The numbers become the
utterance's signals `text`, `audio` and `face`.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmerc.corpora.dialogue import SPLITS, Corpus, Problem, Utterance, gather
from mmerc.corpora.readers.rows import read_rows
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

SENTIMENT = LabelSet(("0", "1"))
FILES = {"text": "text", "audio": "audio", "video": "face"}  # file -> signal
# Linear classifiers have 98 and 91 % of training videos that they have not seen: more than there is to see.
TOLD = ("text", "face")
COLUMNS = ("row", "video", "utterance", "text")


def read_mosi(folder: Path) -> Corpus:
    """Read the splits whose `utterances_<split>.csv` is there; of its features those that are.

    Raises:
        CorpusError: no split is there, a file is unreadable, or its rows are not those of the utterances.
    """
    turns: list[Utterance] = []
    problems: list[Problem] = []
    for split in SPLITS:
        file = folder / f"utterances_{split}.csv"
        if file.is_file():
            turns += _split(folder, file, split, problems)
    if not turns:
        raise CorpusError(f"{folder} holds none of utterances_train.csv, utterances_test.csv: give the folder of MOSI.")
    splits, duplicates = gather(turns)
    return Corpus("CMU-MOSI", SENTIMENT, splits, tuple(problems + duplicates), TOLD)


def _split(folder: Path, file: Path, split: str, problems: list[Problem]) -> list[Utterance]:
    rows, complaints = read_rows(file, COLUMNS)
    problems += complaints
    labels: list[str | None] = [None] * len(rows)
    signals: list[dict[str, object]] = [{} for _ in rows]
    for name, signal in FILES.items():
        features = folder / f"{name}_{split}.csv"
        if not features.is_file():
            continue
        table = _numbers(features, len(rows))
        if split == "train":
            labels = [str(int(value)) if value in (0, 1) else None for value in table[:, -1]]
            table = table[:, :-1]
        for number, vector in enumerate(table):
            if np.isfinite(vector).all():
                signals[number][signal] = vector
            else:
                problems.append(Problem(signal, f"{features.name} row {number + 1}", "holds what is no number"))
    return [
        Utterance(
            split,
            row["video"],
            int(row["utterance"]) if row["utterance"].isdecimal() else row["utterance"],
            speaker=row["video"],  # one person speaks in each
            text=row["text"].strip() or None,
            emotion=label,
            source=row["video"],
            signals=found,
        )
        for row, label, found in zip(rows, labels, signals, strict=True)
    ]


def _numbers(file: Path, count: int) -> Float[np.ndarray, "N d"]:
    try:
        table = np.genfromtxt(file, delimiter=",", dtype=np.float32, ndmin=2, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CorpusError(f"{file} cannot be read ({str(error).splitlines()[0]}): is it whole?") from error
    if len(table) != count:
        raise CorpusError(
            f"{file} has {len(table)} rows, its utterances are {count}: the files do not belong together."
        )
    return table
