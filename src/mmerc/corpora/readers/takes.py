"""Acted corpora in which the name of a file tells speaker and emotion: a file is an utterance, a speaker is a dialogue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import Clip, Corpus, Problem, Utterance
from mmerc.corpora.paths import CLIP_SUFFIXES, is_lfs_pointer
from mmerc.corpora.readers.speaker_splits import read_splits
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError


@dataclass(frozen=True)
class Take:
    """What the name of a file tells.

    Attributes:
        split: the split of the speaker, so that no voice is in two splits.
        speaker: the speaker, whose takes are one dialogue.
        name: the id of the utterance, unique among those of the speaker.
        emotion: the emotion in the corpus's word; `None` where the label set has no such emotion.
        text: the words that are said.
        attributes: what else is known, such as the gender of the speaker.
    """

    split: str
    speaker: str
    name: str
    emotion: str | None
    text: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_takes(
    name: str,
    folder: Path,
    parse: Callable[[Path], Take | None],
    *,
    example: str,
    labels: LabelSet | None = None,
) -> Corpus:
    """Read the audio and video files in a folder, at any depth.

    A file for which `parse` gives nothing is a problem. Of the files of one take in several formats the best one is read
    (`CLIP_SUFFIXES`). `splits.csv` in the folder may give speakers another split (`speaker_splits`). `example` is a file name of the
    corpus, for the error message.

    Raises:
        CorpusError: there is no file with a name of the corpus, or `splits.csv` cannot be read.
    """
    takes: dict[tuple[str, str], tuple[Take, list[Path]]] = {}
    splits, problems = read_splits(folder)
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in CLIP_SUFFIXES or file.name.startswith("."):
            continue
        take = parse(file)
        if take is None:
            problems.append(Problem("clip", str(file.relative_to(folder)), f"its name is not one of {name}"))
        else:
            takes.setdefault((take.speaker, take.name), (take, []))[1].append(file)
    if not takes:
        raise CorpusError(f"{folder} has no file such as {example}: give the folder of {name}.")
    utterances = []
    for take, files in takes.values():
        best = _choose_file(files)
        utterances.append(
            Utterance(
                splits.get(take.speaker, take.split),
                take.speaker,
                take.name,
                speaker=take.speaker,
                text=take.text,
                emotion=take.emotion,
                clip=Clip(best),
                source=name.lower(),
                attributes=take.attributes,
            )
        )
        problems += [
            Problem("duplicate", str(file.relative_to(folder)), f"is the same take as {best.relative_to(folder)}")
            for file in files
            if file != best and file.suffix.lower() == best.suffix.lower()
        ]
    return build_corpus(name, utterances, problems, labels)


def _choose_file(files: Sequence[Path]) -> Path:
    """The best of the files of one take. A file that Git LFS has not downloaded is the last choice."""
    if len(files) == 1:
        return files[0]
    return min(files, key=lambda file: (is_lfs_pointer(file), CLIP_SUFFIXES.index(file.suffix.lower())))
