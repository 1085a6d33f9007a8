"""`savee:FOLDER`: the acted speech of SAVEE (Haq and Jackson 2009, free for research), split by speaker.

Files `DC/a01.wav` (as published) or `DC_a01.wav` (as on Kaggle): speaker, emotion and number. A speaker is a dialogue. There
are four speakers, all male: DC and JE are train, JK is dev, KL is test.
"""

import re
from pathlib import Path

from mmerc.corpora.dialogue import Corpus
from mmerc.corpora.readers.takes import Take, read_takes
from mmerc.emotions import LabelSet

NAME = re.compile(r"(?:(?P<speaker>[A-Z]{2})_)?(?P<name>(?P<emotion>[a-z]{1,2})\d\d)")
EMOTIONS = {
    "a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "n": "neutral", "sa": "sadness", "su": "surprise",
}  # fmt: skip
SPLITS = {"DC": "train", "JE": "train", "JK": "dev", "KL": "test"}


def read_savee(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the files of the speakers that are there. The words are not in the file names, so there is no text.

    Raises:
        CorpusError: there is no file with a name of SAVEE.
    """
    return read_takes("SAVEE", folder, parse_take, example="DC/a01.wav or DC_a01.wav", labels=labels)


def parse_take(file: Path) -> Take | None:
    """What the name and the folder of a file tell; `None` where they are not of SAVEE.

    >>> parse_take(Path("JK/su03.wav")) == parse_take(Path("ALL/JK_su03.wav"))
    True
    >>> parse_take(Path("JK/su03.wav"))
    Take(split='dev', speaker='JK', name='su03', emotion='surprise', text=None)
    """
    found = NAME.fullmatch(file.stem)
    speaker = (found["speaker"] or file.parent.name) if found else ""
    if found is None or speaker not in SPLITS or found["emotion"] not in EMOTIONS:
        return None
    return Take(SPLITS[speaker], speaker, found["name"], EMOTIONS[found["emotion"]])
