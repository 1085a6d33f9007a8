"""Which clips of a corpus are broken, and why, without decoding all of each."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mmerc.corpora import Clip, Corpus, Problem, Utterance
from mmerc.errors import MissingModality
from mmerc.media.audio import read_waveform
from mmerc.media.video import read_frames


def broken_clips(corpus: Corpus, report: Callable[[int], None] = lambda done: None) -> list[Problem]:
    """A problem for every clip that gives no samples or no frame; `report` is told how many are done."""
    utterances = [turn for split in corpus.splits for turn in corpus.utterances(split) if turn.clip]
    problems: list[Problem] = []
    with ThreadPoolExecutor() as pool:
        for done, found in enumerate(pool.map(_inspect, utterances), start=1):
            problems += found
            report(done)
    return problems


def _inspect(turn: Utterance) -> list[Problem]:
    assert turn.clip is not None
    if not turn.clip.path.is_file():
        return []  # its reader has reported it
    problems = []
    for modality, read in (("audio", _listen), ("video", _look)):
        try:
            read(turn.clip)
        except MissingModality as error:
            problems.append(Problem(modality, turn.name, str(error)))
    return problems


def _listen(clip: Clip) -> None:
    read_waveform(clip, longest=5.0)


def _look(clip: Clip) -> None:
    read_frames(clip, 1, largest_side=64)
