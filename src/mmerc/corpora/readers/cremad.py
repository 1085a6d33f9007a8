"""`cremad:FOLDER`: the acted speech of CREMA-D (Cao et al. 2014, Open Database License), split by actor.

Files `1001_DFA_ANG_XX.wav`: actor, sentence, emotion and intensity; in `AudioWAV/`, as published, or in any other folder.
Where the folder also has `VideoFlash/`, its videos are read. An actor is a dialogue: 1001-1073 are train, 1074-1082 are dev,
1083-1091 are test.
"""

import re
from pathlib import Path

from mmerc.corpora.dialogue import Corpus
from mmerc.corpora.readers.takes import Take, read_takes
from mmerc.emotions import LabelSet

# The intensity of one published file, 1040_ITH_SAD_X.wav, has one letter.
NAME = re.compile(r"(?P<actor>10\d\d)_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(LO|MD|HI|XX?)")
EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
LAST_TRAINING, LAST_DEV = 1073, 1082  # 80, 10 and 10 percent of the 91 actors


def read_cremad(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the files of all actors that are there.

    Raises:
        CorpusError: there is no file with a name of CREMA-D.
    """
    return read_takes("CREMA-D", folder, parse_take, example="1001_DFA_ANG_XX.wav", labels=labels)


def parse_take(file: Path) -> Take | None:
    """What the name of a file tells; `None` where it is not one of CREMA-D.

    >>> parse_take(Path("1080_TSI_HAP_XX.wav"))
    Take(split='dev', speaker='1080', name='1080_TSI_HAP_XX', emotion='happy', text='The surface is slick.')
    """
    found = NAME.fullmatch(file.stem)
    if found is None or found["emotion"] not in EMOTIONS:
        return None
    return Take(
        choose_split(int(found["actor"])),
        found["actor"],
        file.stem,
        EMOTIONS[found["emotion"]],
        SENTENCES.get(found["sentence"]),
    )


def choose_split(actor: int) -> str:
    """The split of an actor.

    >>> [choose_split(number) for number in (1001, 1073, 1074, 1082, 1083)]
    ['train', 'train', 'dev', 'dev', 'test']
    """
    return "train" if actor <= LAST_TRAINING else "dev" if actor <= LAST_DEV else "test"
