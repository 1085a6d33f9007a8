"""`ravdess:FOLDER`: the acted speech of RAVDESS (Livingstone and Russo 2018, CC BY-NC-SA 4.0), split by actor.

`Actor_NN/MM-CC-EE-II-SS-RR-NN.flac` (or .wav, .mp4): modality, channel, emotion, intensity, statement, repetition and
actor, two digits each. An actor is a dialogue and a speaker, so that no voice is in two splits: actors 1-20 train,
21 and 22 are dev, all further ones test.
"""

import re
from pathlib import Path

from mmerc.corpora.dialogue import Clip, Corpus, Problem, Utterance, gather
from mmerc.emotions import SEVEN
from mmerc.errors import CorpusError

NAME = re.compile(r"0[1-3]-0[12]-(?P<emotion>\d\d)-\d\d-(?P<statement>\d\d)-\d\d-(?P<actor>\d\d)")
ENDINGS = {".flac", ".wav", ".mp4"}
CALM = "02"  # has no class among MELD's seven; joins neutral
EMOTIONS = {
    "01": "neutral", CALM: "neutral", "03": "joy", "04": "sadness",
    "05": "anger", "06": "fear", "07": "disgust", "08": "surprise",
}  # fmt: skip
STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
LAST_TRAINING, LAST_DEV = 20, 22


def read_ravdess(folder: Path) -> Corpus:
    """Read whichever actors are there.

    Raises:
        CorpusError: there is no file with a name of RAVDESS.
    """
    turns: list[Utterance] = []
    problems: list[Problem] = []
    for file in sorted(path for path in folder.glob("Actor_*/*") if path.suffix.lower() in ENDINGS):
        found = NAME.fullmatch(file.stem)
        emotion = EMOTIONS.get(found["emotion"]) if found else None
        if found is None or emotion is None:
            problems.append(Problem("clip", str(file.relative_to(folder)), "its name is not one of RAVDESS"))
            continue
        actor = f"Actor_{found['actor']}"
        turns.append(
            Utterance(
                split_of(int(found["actor"])),
                actor,
                file.stem,
                speaker=actor,
                text=STATEMENTS.get(found["statement"]),
                emotion=emotion,
                clip=Clip(file),
                source="ravdess",
            )
        )
    if not turns:
        raise CorpusError(f"{folder} holds no Actor_NN/03-01-EE-II-SS-RR-NN.flac or .wav: give the folder of RAVDESS.")
    splits, duplicates = gather(turns)
    return Corpus("RAVDESS", SEVEN, splits, tuple(problems + duplicates))


def split_of(actor: int) -> str:
    """The split of an actor.

    >>> [split_of(number) for number in (1, 20, 21, 22, 23)]
    ['train', 'train', 'dev', 'dev', 'test']
    """
    return "train" if actor <= LAST_TRAINING else "dev" if actor <= LAST_DEV else "test"
