"""`table:FILE.csv`: a user's own conversations, one utterance a line.

Columns: `dialogue`, `utterance`, `speaker`, `text` (required, the last two may be empty in a row);
`start`, `end` (seconds or [H:]MM:SS[.mmm]), `emotion`, `clip` (a path relative to the file, inside its folder),
`split` (optional; without it every row is `test`). In a clip that holds a whole conversation, `clip_start` and
`clip_end` cut the utterance out.
"""

import re
from pathlib import Path

from mmerc.corpora.dialogue import HELD_OUT, SPLITS, Clip, Corpus, Identity, Problem, Utterance, gather
from mmerc.corpora.readers.rows import read_rows, times
from mmerc.emotions import ALIASES, SEVEN, LabelSet
from mmerc.errors import CorpusError

COLUMNS = ("dialogue", "utterance", "speaker", "text")
MOSTLY = 0.8
WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")
OTHER_NAMES = {"val": "dev", "valid": "dev", "validation": "dev", "training": "train"}


def read_table(file: Path) -> Corpus:
    """Read a table. Labels are MELD's seven where all of them fit, otherwise the set that occurs.

    Raises:
        CorpusError: the file cannot be read, lacks a column, or holds no row.
    """
    rows, problems = read_rows(file, COLUMNS)
    if not rows:
        raise CorpusError(f"{file} has a header but no rows: add one line for each utterance.")
    labels = _labels([row["emotion"] for row in rows if row.get("emotion")])
    utterances = []
    odd: set[str] = set()
    for number, row in enumerate(rows, start=2):
        if not row["dialogue"] or not row["utterance"]:
            problems.append(Problem("row", f"{file.name} row {number}", "has no dialogue or utterance id; skipped"))
            continue
        split = split_of(row)
        if split not in SPLITS and split not in odd:
            odd.add(split)
            what = f'the split "{split}" is none of {", ".join(SPLITS)}: it can be predicted, nothing else'
            problems.append(Problem("split", f"{file.name} row {number}", what))
        where = f"{split} dialogue {row['dialogue']} utterance {row['utterance']}"
        start, end, wrong_times = times(row.get("start", ""), row.get("end", ""), where)
        clip, wrong_clip = _clip(file, row, where)
        emotion, wrong_label = _label(labels, row.get("emotion", ""), where)
        problems += [*wrong_times, *wrong_clip, *wrong_label]
        utterances.append(
            Utterance(
                split=split,
                dialogue=identity(row["dialogue"]),
                utterance=identity(row["utterance"]),
                speaker=row["speaker"],
                text=row["text"] or None,
                start=start,
                end=end,
                emotion=emotion,
                clip=clip,
                source=str(row["dialogue"]),
            )
        )
    splits, duplicates = gather(utterances)
    return Corpus(file.stem, labels, splits, tuple(problems + duplicates))


def split_of(row: dict[str, str]) -> str:
    """The split that a row names; what names none is to be predicted.

    >>> split_of({"split": "Validation"}), split_of({"split": "TRAIN"}), split_of({})
    ('dev', 'train', 'test')
    """
    split = row.get("split") or "test"
    known = OTHER_NAMES.get(split.lower(), split.lower())
    return known if known in SPLITS else f"{split} (own)" if split == HELD_OUT else split


def _labels(found: list[str]) -> LabelSet:
    """MELD's seven where four fifths of the labels are among them (the rest are slips), else the set that occurs."""
    plain = [ALIASES.get(label.lower(), label.lower()) for label in found]
    if sum(label in SEVEN.names for label in plain) >= MOSTLY * len(plain):
        return SEVEN
    return LabelSet(tuple(sorted({label.lower() for label in found})))


def _label(labels: LabelSet, label: str, where: str) -> tuple[str | None, list[Problem]]:
    if not label:
        return None, []
    try:
        return labels.normalise(label), []
    except CorpusError as error:
        return None, [Problem("label", where, str(error))]


def identity(value: str) -> Identity:
    """A whole number where the text is one as one would write it, else the text."""
    return int(value) if WHOLE.fullmatch(value) else value


def _clip(file: Path, row: dict[str, str], where: str) -> tuple[Clip | None, list[Problem]]:
    name = row.get("clip")
    if not name:
        return None, []
    root = file.parent.resolve()
    try:
        path = (root / name).resolve()
        path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, a link to itself, a NUL
        return None, [Problem("clip", where, f"{name[:80]} is no path ({type(error).__name__})")]
    if not path.is_relative_to(root):  # a table from a stranger must not read this machine's other files
        return None, [Problem("clip", where, f"{name} lies outside {root}; not opened")]
    start, end, problems = times(row.get("clip_start", ""), row.get("clip_end", ""), where)
    if start is None and end is None and problems:
        return None, problems  # without its part, the clip would be another utterance's
    if not path.is_file():
        problems.append(Problem("clip", where, f"{name} is absent"))
    return Clip(path, start or 0.0, end), problems
