"""A series over time: utterances cut into seconds, each predicted by the same networks from about two seconds around it.

The words of an utterance have no times, so a series comes from voice and face alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from mmerc.corpora import ChosenFace, Clip, Utterance
from mmerc.errors import MissingModality
from mmerc.media.timeline import measure_duration

WINDOW = 2.0  # seconds that are read for a row: the networks learned from utterances, and a second has few syllables


def cut_utterance(utterance: Utterance, every: float) -> Iterator[Utterance]:
    """The rows of one utterance: its start and end are those of the row, its clip is the window that is read.

    The rows meet at multiples of `every` seconds of the recording's clock and cover the utterance. Its first and last row are
    between half and one and a half times as long; an utterance that has no middle of such a step is one row. No window leaves the utterance.
    """
    clip = utterance.clip or (utterance.face.clip if utterance.face else None)
    if clip is None:
        return
    end = clip.end
    if end is None:
        try:
            end = measure_duration(clip.path)
        except MissingModality:
            return
    length = max(WINDOW, every)
    for number, (row_start, row_end) in enumerate(list_steps(clip.start, end, every)):
        start = max(clip.start, min((row_start + row_end - length) / 2, end - length))
        window = replace(clip, start=start, end=min(end, start + length))
        yield replace(
            utterance,
            utterance=f"{utterance.utterance}/{number}",
            text=None,
            start=round(row_start, 3),
            end=round(row_end, 3),
            clip=window if utterance.clip else None,
            face=cut_face(utterance.face, window) if utterance.face else None,
        )


def list_steps(start: float, end: float, every: float) -> Sequence[tuple[float, float]]:
    """Spans between multiples of `every`, from `start` to `end`.

    >>> list_steps(0.7, 3.2, 1.0)
    [(0.7, 2.0), (2.0, 3.2)]
    >>> list_steps(0.2, 0.4, 1.0), list_steps(1.0, 3.0, 1.0)
    ([(0.2, 0.4)], [(1.0, 2.0), (2.0, 3.0)])
    """
    first, last = round(start / every), round(end / every)  # the steps whose middle is inside
    inner = [number * every for number in range(first + 1, last)]
    edges = [start, *inner, end]
    return list(pairwise(edges))


def cut_face(face: ChosenFace, window: Clip) -> ChosenFace:
    """The face in the window; without frames, and with the reason, where it is not seen in it."""
    assert window.end is not None
    kept = [index for index, time in enumerate(face.times) if window.start <= time <= window.end]
    reason = face.reason or ("" if kept else "the face is not seen at this time")
    return ChosenFace(
        face.face_of,
        window,
        tuple(face.times[index] for index in kept),
        tuple(face.boxes[index] for index in kept),
        reason,
    )
