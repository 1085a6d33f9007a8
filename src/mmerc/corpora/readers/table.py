"""`table:FILE.csv`: a user's own conversations, one utterance in a row.

Required columns: `dialogue`, `utterance`, `speaker`, `text`; cells of the last two may be empty. Optional columns: `start` and
`end` (seconds or [H:]MM:SS[.mmm]), `emotion`, `emotion_NAME` (the label of one annotator) or `votes_LABEL` (the number of annotators with
this label), the ratings `valence`, `arousal` and `dominance`, `clip` (a path relative to the table, inside its folder), `clip_start` and
`clip_end` (the utterance's part of a longer clip), and `split`; without a split a row is `test`. Other columns, such as `gender`, are
attributes of the utterance.
"""

from collections.abc import Sequence
from pathlib import Path

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import EMPTY, SPLITS, Clip, Corpus, Problem, Utterance
from mmerc.corpora.dimensions import COLUMNS as DIMENSIONS
from mmerc.corpora.dimensions import read_dimensions
from mmerc.corpora.paths import FileFinder
from mmerc.corpora.readers.ids import parse_ids, parse_split
from mmerc.corpora.readers.rows import TableRow, read_rows
from mmerc.corpora.readers.times import read_times
from mmerc.corpora.votes import ANNOTATOR, COUNTS, read_votes, settle_votes
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

COLUMNS = ("dialogue", "utterance", "speaker", "text")
KNOWN = {*COLUMNS, *DIMENSIONS, "start", "end", "emotion", "clip", "clip_start", "clip_end", "split"}


def read_table(file: Path, labels: LabelSet | None = None) -> Corpus:
    """Read a table. `labels` is its label set; without it `choose_labels` chooses one.

    Raises:
        CorpusError: the file cannot be read, lacks a column, or has no row that can be used.
    """
    rows, problems = read_rows(file, COLUMNS)
    if not rows:
        raise CorpusError(f"{file} has a header but no rows: add one line for each utterance.")
    return build_table(file.stem, rows, problems, FileFinder(file.parent), labels, where=file.name)


def build_table(
    name: str,
    rows: Sequence[TableRow],
    problems: list[Problem],
    finder: FileFinder,
    labels: LabelSet | None = None,
    *,
    where: str,
) -> Corpus:
    """The corpus of rows with the columns of `table:`, of which `dialogue`, `utterance`, `speaker` and `text` are there.

    `problems`: those that were found before. `finder` finds the files of the column `clip`. `where` names the file in problems.

    Raises:
        CorpusError: there is no row that can be used.
    """
    dialogues, numbers = (parse_ids(row[column] for row in rows) for column in ("dialogue", "utterance"))
    utterances = []
    other_splits: set[str] = set()
    for row in rows:
        if not row["dialogue"] or not row["utterance"]:
            problems.append(Problem("row", f"{where} row {row.number}", "has no dialogue or utterance id; skipped"))
            continue
        split = parse_split(row.get("split", ""))
        if split not in SPLITS and split not in other_splits:
            other_splits.add(split)
            what = f'the split "{split}" is not one of {", ".join(SPLITS)}: it can be predicted, but not trained on'
            problems.append(Problem("split", f"{where} row {row.number}", what))
        dialogue, utterance = dialogues[row["dialogue"]], numbers[row["utterance"]]
        key = f"{split} dialogue {dialogue} utterance {utterance}"
        start, end, time_problems = read_times(row.get("start", ""), row.get("end", ""), key)
        clip, clip_problems = _read_clip(finder, row, key)
        dimensions, dimension_problems = read_dimensions(row, key)
        votes, vote_problems = read_votes(row, key)
        problems += [*time_problems, *clip_problems, *dimension_problems, *vote_problems]
        utterances.append(
            Utterance(
                split=split,
                dialogue=dialogue,
                utterance=utterance,
                speaker=row["speaker"],
                text=row["text"] or None,
                start=start,
                end=end,
                emotion=row.get("emotion"),
                clip=clip,
                source=str(dialogue),
                votes=votes or EMPTY,
                dimensions=dimensions or EMPTY,
                attributes=_read_attributes(row) or EMPTY,
            )
        )
    return build_corpus(name, settle_votes(utterances), problems, labels)


def _read_attributes(row: dict[str, str]) -> dict[str, str]:
    """The cells of columns with another meaning than those that mmerc knows."""
    return {
        name: cell
        for name, cell in row.items()
        if name not in KNOWN and not name.startswith((ANNOTATOR, COUNTS)) and name and cell
    }


def _read_clip(finder: FileFinder, row: dict[str, str], where: str) -> tuple[Clip | None, list[Problem]]:
    name = row.get("clip")
    if not name:
        return None, []
    try:
        path = finder.find(name)
        is_file = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, a link to itself, a NUL
        return None, [Problem("clip", where, f"{name[:80]} is not a path ({type(error).__name__})")]
    if not path.is_relative_to(finder.root):  # a table from elsewhere must not read other files of this machine
        return None, [Problem("clip", where, f"{name} is outside {finder.root}; not opened")]
    start, end, problems = read_times(row.get("clip_start", ""), row.get("clip_end", ""), where)
    if start is None and end is None and problems:
        return None, problems  # the whole clip would be another utterance's, too
    if not is_file:
        problems.append(Problem("clip", where, f"{name} is absent"))
    return Clip(path, start or 0.0, end), problems
