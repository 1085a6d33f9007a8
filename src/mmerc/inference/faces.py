"""The faces of a recording: who is seen, and which face is each speaker's.

The recording is read a few seconds at a time. Only positions, movements, colours and some small crops of the faces are kept, so that
memory does not grow with the size of the pictures.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders import Encoder
from mmerc.encoders.face.detector import FaceDetector
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.face.matching import match_speakers, measure_evidence
from mmerc.encoders.face.people import identify_people
from mmerc.encoders.face.sightings import CropFaces, Sighting, find_sightings
from mmerc.errors import MissingModality
from mmerc.media import Frames, read_frames, read_waveform, space_evenly
from mmerc.media.keeping import keep_open

FPS = 12.5  # frames per second in which a mouth is followed
PART = 4.8  # seconds that are in memory: 60 frames
MAX_PARTS = 4  # of a long utterance that are read, evenly spaced
MAX_CROP_BYTES = 100_000_000  # half an hour with two faces of 48 pixels
PROBES = 12  # utterances of a recording with one speaker in which a second face is looked for


@dataclass(frozen=True)
class RecordingFaces:
    """Who is seen in a recording.

    Attributes:
        sightings: for each utterance, the sightings of each person in it; people have numbers.
        speakers: the person of each speaker whose face was found.
        evidence: for utterance and person, the log likelihood ratio that this person speaks.
        readable: the indices of the utterances that have frames.
    """

    sightings: Sequence[dict[int, list[Sighting]]]
    speakers: dict[str, int]
    evidence: dict[tuple[int, int], float]
    readable: frozenset[int]


def find_face_encoder(encoders: dict[str, Encoder]) -> Face | None:
    """The encoder that reads faces; None in a model without one."""
    return next((each for each in encoders.values() if isinstance(each, Face)), None)


def has_many_faces(dialogue: Dialogue, encoder: Face) -> bool:
    """Whether it is a question whose face an utterance takes.

    It is one in a recording of several utterances, if several speakers are named, or a frame shows several faces.
    """
    clips = [each.clip for each in dialogue.utterances if each.clip is not None and each.clip.end is not None]
    if len(clips) < max(2, len(dialogue)) or len({clip.path for clip in clips}) > 1:
        return False
    if len({each.speaker for each in dialogue.utterances if each.speaker}) > 1:
        return True
    for index in space_evenly(len(clips), PROBES):
        try:
            frames = read_frames(clips[index], 1, max_side=encoder.config.max_frame_side)
        except MissingModality:
            continue
        if len(encoder.detector(torch.from_numpy(frames.images))[0]) > 1:
            return True
    return False


def analyze_faces(
    dialogue: Dialogue,
    detector: FaceDetector,
    *,
    max_side: int,
    crop: CropFaces | None = None,
    on_progress: Callable[[], None] = lambda: None,
) -> RecordingFaces:
    """Find the people of a recording and match them to its speakers. `on_progress` is called after each utterance.

    `crop`: cuts faces out of frames, so that the encoder need not read them again. Crops are kept up to `MAX_CROP_BYTES`.
    """
    found: list[Sighting] = []
    readable: set[int] = set()
    kept = 0  # bytes of crops
    with keep_open():
        for index, utterance in enumerate(dialogue.utterances):
            for frames, waveform, start in read_parts(utterance, max_side):
                cut = crop if kept < MAX_CROP_BYTES else None
                new = find_sightings(detector, frames, waveform, start=start, utterance=index, crop=cut)
                found += new
                kept += sum(image.nbytes for each in new for image in each.crops.values())
                readable.add(index)
            on_progress()
    return match_sightings(found, [each.speaker for each in dialogue.utterances], frozenset(readable))


def match_sightings(found: Sequence[Sighting], speakers: Sequence[str], readable: frozenset[int]) -> RecordingFaces:
    """Who is who in these sightings, and which face is each speaker's. `speakers`: of the utterances; `readable`: those that have frames."""
    sightings: list[dict[int, list[Sighting]]] = [{} for _ in speakers]
    for sighting, person in zip(found, identify_people(found), strict=True):
        sightings[sighting.utterance].setdefault(person, []).append(sighting)
    evidence = {
        (index, person): measure_evidence(seen)
        for index, people in enumerate(sightings)
        for person, seen in people.items()
    }
    return RecordingFaces(sightings, match_speakers(evidence, speakers), evidence, readable)


def read_parts(utterance: Utterance, max_side: int) -> Iterator[tuple[Frames, Float[np.ndarray, " S"], float]]:
    """Frames, samples and the start of each part of an utterance; parts without a picture are left out."""
    clip = utterance.clip
    if clip is None or clip.end is None:
        return
    count = max(1, int(np.ceil((clip.end - clip.start) / PART)))
    length = (clip.end - clip.start) / count
    for number in space_evenly(count, MAX_PARTS):
        start = clip.start + number * length
        part = replace(clip, start=start, end=start + length)
        try:
            frames = read_frames(part, round(PART * FPS), max_side=max_side, rate=FPS)
        except MissingModality:
            continue
        try:
            waveform = read_waveform(part)
        except MissingModality:  # nothing is heard
            waveform = np.zeros(0, np.float32)
        yield frames, waveform, start
