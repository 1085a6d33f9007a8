"""`ravdess:FOLDER`: the acted speech of RAVDESS (Livingstone and Russo 2018, CC BY-NC-SA 4.0), split by actor.

Files `MM-CC-EE-II-SS-RR-NN.flac` (or .wav, .mp4): modality, channel, emotion, intensity, statement, repetition and actor, two
digits each; in folders `Actor_NN` at any depth, or all in one folder. An actor is a dialogue and a speaker, so that no voice
is in two splits: actors 1-20 are train, 21 and 22 are dev, all others test.
"""

import re
from pathlib import Path

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import Clip, Corpus, Problem, Utterance
from mmerc.corpora.paths import CLIP_SUFFIXES
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

NAME = re.compile(r"0[1-3]-0[12]-(?P<emotion>\d\d)-\d\d-(?P<statement>\d\d)-\d\d-(?P<actor>\d\d)")
EMOTIONS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad",
    "05": "angry", "06": "fearful", "07": "disgust", "08": "surprised",
}  # fmt: skip
STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
LAST_TRAINING, LAST_DEV = 20, 22


def read_ravdess(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read the files of all actors that are there. Without `labels`, "calm" joins neutral, since MELD's seven lack it.

    Raises:
        CorpusError: there is no file with a name of RAVDESS.
    """
    utterances: list[Utterance] = []
    problems: list[Problem] = []
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in CLIP_SUFFIXES or file.name.startswith("."):
            continue
        found = NAME.fullmatch(file.stem)
        emotion = EMOTIONS.get(found["emotion"]) if found else None
        if found is None or emotion is None:
            problems.append(Problem("clip", str(file.relative_to(folder)), "its name is not one of RAVDESS"))
            continue
        actor = f"Actor_{found['actor']}"
        utterances.append(
            Utterance(
                choose_split(int(found["actor"])),
                actor,
                file.stem,
                speaker=actor,
                text=STATEMENTS.get(found["statement"]),
                emotion=emotion,
                clip=Clip(file),
                source="ravdess",
            )
        )
    if not utterances:
        raise CorpusError(f"{folder} has no file 03-01-EE-II-SS-RR-NN.flac or .wav: give the folder of RAVDESS.")
    return build_corpus("RAVDESS", utterances, problems, labels)


def choose_split(actor: int) -> str:
    """The split of an actor.

    >>> [choose_split(number) for number in (1, 20, 21, 22, 23)]
    ['train', 'train', 'dev', 'dev', 'test']
    """
    return "train" if actor <= LAST_TRAINING else "dev" if actor <= LAST_DEV else "test"
