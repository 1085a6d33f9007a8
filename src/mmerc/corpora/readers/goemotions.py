"""`goemotions:FOLDER`: Reddit comments with emotions (Demszky et al. 2020, Apache-2.0), to warm-start a text encoder.

`train.tsv`, `dev.tsv` and `test.tsv` (tab-separated: text, label ids, id) and `labels.txt`, one name in a line, with the
labels grouped after Ekman, which gives MELD's seven. A comment is a dialogue of one utterance.
"""

from pathlib import Path

from mmerc.corpora.dialogue import SPLITS, Corpus, Dialogue, Problem, Utterance
from mmerc.corpora.paths import explain_unreadable, refuse_lfs_pointer
from mmerc.corpora.readers.ids import parse_number
from mmerc.emotions import SEVEN, LabelSet
from mmerc.errors import CorpusError


def read_goemotions(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the splits that exist. A comment with several emotions is unlabelled, since none of them comes first.

    `labels` is the label set in place of MELD's seven; `labels.txt` names the same labels in the order of their ids.

    Raises:
        CorpusError: `labels.txt` or every split is absent, or `labels.txt` names another emotion.
    """
    file = folder / "labels.txt"
    label_set = labels or SEVEN
    found = [line.strip() for line in _read_lines(file) if line.strip()]
    strange = [name for name in found if name not in label_set]
    if strange:
        raise CorpusError(
            f"{file} names {', '.join(strange[:5])}, not among {', '.join(label_set.names)}: give GoEmotions grouped after "
            "Ekman, or name all its labels with --labels."
        )
    names = [label_set.normalise(name) for name in found]
    problems: list[Problem] = []
    splits = {
        split: tuple(_read_comments(folder / f"{split}.tsv", split, names, problems))
        for split in SPLITS
        if (folder / f"{split}.tsv").is_file()
    }
    if not splits:
        raise CorpusError(f"{folder} has none of train.tsv, dev.tsv, test.tsv: give the folder of GoEmotions.")
    return Corpus("GoEmotions", label_set, splits, tuple(problems))


def _read_lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(explain_unreadable(file, error)) from error
    refuse_lfs_pointer(file)
    return text.split("\n")


def _read_comments(file: Path, split: str, names: list[str], problems: list[Problem]) -> list[Dialogue]:
    dialogues = []
    for number, line in enumerate(_read_lines(file), start=1):
        if not line.strip():
            continue
        text, _, rest = line.partition("\t")
        ids, _, name = rest.partition("\t")
        identity = name.strip() or str(number)
        emotion = None
        numbers = [parse_number(label.strip()) for label in ids.split(",")]
        marked = [names[index] for index in numbers if index is not None and index < len(names)]
        if len(marked) < len(numbers):
            what = f'"{ids[:40]}" is not a list of label ids from 0 to {len(names) - 1}'
            problems.append(Problem("label", f"{file.name} line {number}", what))
        elif len(marked) == 1:
            emotion = marked[0]
        utterance = Utterance(split, identity, 0, text=text.strip() or None, emotion=emotion, source="reddit")
        dialogues.append(Dialogue(split, identity, (utterance,)))
    return dialogues
