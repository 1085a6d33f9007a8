"""`emodb:FOLDER`: the acted German speech of EMO-DB (Burkhardt et al. 2005, free for research), split by speaker.

Files `SSTTTEv.wav` (or .flac): speaker, text, emotion (a letter of the German word) and version; in the folder or in `wav/`,
as published. A speaker is a dialogue. Of the ten speakers, 03, 08, 09, 10 and 11 are train, 12 is dev, 13 to 16 are test.
"""

import re
from functools import partial
from pathlib import Path

from mmerc.corpora.dialogue import Corpus
from mmerc.corpora.readers.takes import Take, read_takes
from mmerc.emotions import SEVEN, LabelSet

NAME = re.compile(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<emotion>[A-Z])[a-z]")
BOREDOM = "boredom"
EMOTIONS = {
    "W": "anger", "E": "disgust", "A": "fear", "F": "joy", "T": "sadness", "N": "neutral", "L": BOREDOM,
}  # fmt: skip
TEXTS = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
MEN = {3, 10, 11, 12, 15}  # of the ten speakers (Burkhardt et al. 2005)
LAST_TRAINING, LAST_DEV = 11, 12


def read_emodb(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the files of all speakers that are there. Boredom has no label, unless it is one of `labels`.

    Raises:
        CorpusError: there is no file with a name of EMO-DB.
    """
    labels = labels or SEVEN
    parse = partial(parse_take, has_boredom=BOREDOM in labels)
    return read_takes("EMO-DB", folder, parse, example="03a01Fa.wav or .flac", labels=labels)


def parse_take(file: Path, *, has_boredom: bool = False) -> Take | None:
    """What the name of a file tells; `None` where it is not one of EMO-DB.

    >>> parse_take(Path("12a02Wb.flac"))
    Take(split='dev', speaker='12', name='12a02Wb', emotion='anger', text='Das will sie am Mittwoch abgeben.')
    """
    found = NAME.fullmatch(file.stem)
    if found is None or found["emotion"] not in EMOTIONS:
        return None
    emotion = EMOTIONS[found["emotion"]]
    return Take(
        choose_split(int(found["speaker"])),
        found["speaker"],
        file.stem,
        emotion if has_boredom or emotion != BOREDOM else None,
        TEXTS.get(found["text"]),
        {"gender": "male" if int(found["speaker"]) in MEN else "female"},
    )


def choose_split(speaker: int) -> str:
    """The split of a speaker.

    >>> [choose_split(number) for number in (3, 11, 12, 13)]
    ['train', 'train', 'dev', 'test']
    """
    return "train" if speaker <= LAST_TRAINING else "dev" if speaker <= LAST_DEV else "test"
