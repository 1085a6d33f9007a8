"""`tess:FOLDER`: the acted speech of TESS (Pichora-Fuller and Dupuis 2020, CC BY-NC-ND 4.0), split by speaker.

Files `OAF_back_angry.wav`: speaker, word and emotion; in a folder for each speaker and emotion, as published, or all in one.
A speaker is a dialogue. There are two speakers: the older one, OAF, is train, the younger one, YAF, is dev.
"""

import re
from pathlib import Path

from mmerc.corpora.dialogue import Corpus
from mmerc.corpora.readers.takes import Take, read_takes
from mmerc.emotions import LabelSet

NAME = re.compile(r"(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_(?P<emotion>[a-z_]+)", re.IGNORECASE)
SURPRISE = re.compile(r"ps|pleasant_surprise[ds]?", re.IGNORECASE)
EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad")
SPLITS = {"OAF": "train", "YAF": "dev"}


def read_tess(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the files of the speakers that are there.

    Raises:
        CorpusError: there is no file with a name of TESS.
    """
    return read_takes("TESS", folder, parse_take, example="OAF_back_angry.wav", labels=labels)


def parse_take(file: Path) -> Take | None:
    """What the name of a file tells; `None` where it is not one of TESS. A few published names lack a letter.

    >>> parse_take(Path("OA_bite_neutral.wav"))
    Take(split='train', speaker='OAF', name='bite_neutral', emotion='neutral', text='Say the word bite.')
    """
    found = NAME.fullmatch(file.stem)
    if found is None:
        return None
    word, emotion = found["word"].lower(), found["emotion"].lower()
    if SURPRISE.fullmatch(emotion):
        emotion = "surprise"
    elif emotion not in EMOTIONS:
        return None
    speaker = f"{found['speaker'][:2].upper()}F"
    return Take(SPLITS[speaker], speaker, f"{word}_{emotion}", emotion, f"Say the word {word}.")
