"""`ravdess:FOLDER`: the acted speech of RAVDESS (Livingstone and Russo 2018, CC BY-NC-SA 4.0), split by actor.

Files `MM-CC-EE-II-SS-RR-NN.flac` (or .wav, .mp4): modality, channel, emotion, intensity, statement, repetition and actor, two
digits each; in folders `Actor_NN` at any depth, or all in one folder. An actor is a dialogue and a speaker, so that no voice
is in two splits: actors 1-20 are train, 21 and 22 are dev, all others test.
"""

import re
from pathlib import Path

from mmerc.corpora.dialogue import Corpus
from mmerc.corpora.readers.takes import Take, read_takes
from mmerc.emotions import LabelSet

NAME = re.compile(r"0[1-3]-0[12]-(?P<emotion>\d\d)-(?P<intensity>\d\d)-(?P<statement>\d\d)-\d\d-(?P<actor>\d\d)")
EMOTIONS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad",
    "05": "angry", "06": "fearful", "07": "disgust", "08": "surprised",
}  # fmt: skip
STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
INTENSITIES = {"01": "normal", "02": "strong"}
LAST_TRAINING, LAST_DEV = 20, 22


def read_ravdess(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the files of all actors that are there. Without `labels`, "calm" joins neutral, since MELD's seven lack it.

    Raises:
        CorpusError: there is no file with a name of RAVDESS.
    """
    return read_takes("RAVDESS", folder, parse_take, example="03-01-EE-II-SS-RR-NN.flac or .wav", labels=labels)


def parse_take(file: Path) -> Take | None:
    """What the name of a file tells; `None` where it is not one of RAVDESS.

    >>> parse_take(Path("03-01-03-01-02-01-21.wav"))
    Take(split='dev', speaker='Actor_21', name='03-01-03-01-02-01-21', emotion='happy', text='Dogs are sitting by the door.')
    """
    found = NAME.fullmatch(file.stem)
    if found is None or found["emotion"] not in EMOTIONS:
        return None
    return Take(
        choose_split(int(found["actor"])),
        f"Actor_{found['actor']}",
        file.stem,
        EMOTIONS[found["emotion"]],
        STATEMENTS.get(found["statement"]),
        {
            "gender": "male" if int(found["actor"]) % 2 else "female",
            "intensity": INTENSITIES.get(found["intensity"], ""),
        },
    )


def choose_split(actor: int) -> str:
    """The split of an actor.

    >>> [choose_split(number) for number in (1, 20, 21, 22, 23)]
    ['train', 'train', 'dev', 'dev', 'test']
    """
    return "train" if actor <= LAST_TRAINING else "dev" if actor <= LAST_DEV else "test"
