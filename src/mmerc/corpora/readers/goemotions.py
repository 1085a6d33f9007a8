"""`goemotions:FOLDER`: Reddit comments with emotions (Demszky et al. 2020, Apache-2.0), to warm up a text encoder.

`train.tsv` and `dev.tsv` (tab-separated: text, label ids, id) and `labels.txt`, one name a line, with the labels
grouped after Ekman, which are MELD's seven. A comment is a dialogue of one utterance.
"""

from pathlib import Path

from mmerc.corpora.dialogue import SPLITS, Corpus, Dialogue, Problem, Utterance
from mmerc.emotions import SEVEN
from mmerc.errors import CorpusError


def read_goemotions(folder: Path) -> Corpus:
    """Read the splits that are there. A comment with several emotions is left unlabelled: which one leads is not said.

    Raises:
        CorpusError: `labels.txt` or every split is absent, or the labels are not MELD's seven.
    """
    labels = _lines(folder / "labels.txt")
    names = [SEVEN.normalise(label) for label in labels if label.strip()]
    problems: list[Problem] = []
    splits: dict[str, tuple[Dialogue, ...]] = {}
    for split in SPLITS:
        file = folder / f"{split}.tsv"
        if file.is_file():
            splits[split] = tuple(_comments(file, split, names, problems))
    if not splits:
        raise CorpusError(f"{folder} holds none of train.tsv, dev.tsv, test.tsv: give the folder of GoEmotions.")
    return Corpus("GoEmotions", SEVEN, splits, tuple(problems))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{file} cannot be read ({error}): give the folder of GoEmotions.") from error


def _comments(file: Path, split: str, names: list[str], problems: list[Problem]) -> list[Dialogue]:
    dialogues = []
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        text, _, rest = line.partition("\t")
        ids, _, name = rest.partition("\t")
        identity = name.strip() or str(number)
        emotion = None
        try:
            marked = [names[int(part)] for part in ids.split(",")]
            emotion = marked[0] if len(marked) == 1 else None
        except (ValueError, IndexError):
            problems.append(Problem("label", f"{file.name} line {number}", f'"{ids[:40]}" are no label ids'))
        turn = Utterance(split, identity, 0, text=text.strip() or None, emotion=emotion, source="reddit")
        dialogues.append(Dialogue(split, identity, (turn,)))
    return dialogues
