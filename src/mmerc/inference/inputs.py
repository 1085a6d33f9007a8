"""What a user may hand to `predict`: a split of a corpus, a folder of clips, a clip."""

from collections.abc import Sequence
from pathlib import Path

from mmerc.corpora import READERS, Clip, Dialogue, Problem, Utterance, open_corpus
from mmerc.corpora.conversation import gather
from mmerc.corpora.meld import NAME
from mmerc.errors import CorpusError
from mmerc.media.container import SUFFIXES


def read_input(location: str) -> tuple[list[Dialogue], Sequence[Problem]]:
    """The dialogues of `KIND:PATH`, `KIND:PATH#split`, a folder of clips, or one clip.

    Clips named `dia<D>_utt<U>` in a folder form dialogues; any other clip is a dialogue of one utterance.

    Raises:
        CorpusError: there is nothing there, or nothing of a kind that is known.
    """
    place = Path(location)
    if place.is_file():
        return [_alone(place)], []
    if place.is_dir():
        clips = sorted(
            file for file in place.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
        )
        if not clips:
            raise CorpusError(f"{place} holds no audio or video file: put the clips directly into it.")
        return _grouped(clips), []
    if location.partition(":")[0] not in READERS:
        raise CorpusError(
            f"{location} is neither a file nor a folder, nor KIND:PATH with KIND one of {', '.join(READERS)}: check it."
        )
    path, _, split = location.partition("#")
    corpus = open_corpus(path)
    splits = [split] if split else list(corpus.splits)
    return [dialogue for name in splits for dialogue in corpus.dialogues(name)], corpus.problems


def _alone(clip: Path) -> Dialogue:
    turn = Utterance("input", clip.stem, 0, clip=Clip(clip))
    return Dialogue("input", turn.dialogue, (turn,))


def _grouped(clips: list[Path]) -> list[Dialogue]:
    named, others = [], []
    for clip in clips:
        match = NAME.fullmatch(clip.name)
        if match is None:
            others.append(_alone(clip))
        else:
            named.append(Utterance("input", int(match["dialogue"]), int(match["utterance"]), clip=Clip(clip)))
    splits, _ = gather(named)
    return [*splits.get("input", ()), *others]
