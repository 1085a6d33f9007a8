"""Which face an utterance takes: that of its speaker, and never a listener's as if it were the speaker's."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmerc.corpora import ChosenFace, Clip, Dialogue, FaceOf, Utterance
from mmerc.encoders.face.matching import MIN_EVIDENCE
from mmerc.encoders.face.sightings import Sighting
from mmerc.inference.faces import RecordingFaces


def assign_faces(dialogue: Dialogue, faces: RecordingFaces) -> Dialogue:
    """The dialogue in which each utterance says which face it takes."""
    utterances = tuple(
        replace(utterance, face=choose_face(utterance, index, faces))
        for index, utterance in enumerate(dialogue.utterances)
    )
    return replace(dialogue, utterances=utterances)


def choose_face(utterance: Utterance, index: int, faces: RecordingFaces) -> ChosenFace | None:
    """The speaker's face, where the speaker has one and it is seen; None for an utterance without frames.

    If the speaker has no known face, it is the most likely one of those that no other speaker has, as `unknown`. Otherwise there is
    none, with the reason.
    """
    clip = utterance.clip
    if (clip is None and utterance.live is None) or index not in faces.readable:
        return None
    visible = faces.sightings[index]
    person = faces.speakers.get(utterance.speaker)
    who = utterance.speaker or "the speaker"
    if not visible:
        return ChosenFace(
            "unknown", clip, reason=f"{clip.path.name if clip else 'the camera'} shows no face in this utterance"
        )
    if person is not None and person in visible:
        return take_face("speaker", clip, visible[person])
    if person is not None:
        return ChosenFace("listener", clip, reason=f"only listeners are seen, and not {who}")
    taken = set(faces.speakers.values()) if utterance.speaker else set()
    free = {number: seen for number, seen in visible.items() if number not in taken}
    if not free:
        return ChosenFace("listener", clip, reason=f"only listeners are seen; the face of {who} is not known")
    best = max(free, key=lambda number: (faces.evidence[index, number], count_frames(free[number])))
    is_clear = not utterance.speaker and faces.evidence[index, best] >= MIN_EVIDENCE
    return take_face("speaker" if is_clear else "unknown", clip, free[best])


def list_listeners(dialogue: Dialogue, faces: RecordingFaces) -> list[tuple[int, Utterance]]:
    """Each listener whose face is seen in an utterance: the index of this utterance, and one with this face alone.

    Its speaker is the listener: the name, or "face 1" for a person who is not matched to a speaker. There is none in an utterance
    that takes the face `unknown`, because this face may be the speaker's or not.
    """
    names = {person: name for name, person in faces.speakers.items()}
    listeners = []
    for index, utterance in enumerate(dialogue.utterances):
        if utterance.clip is None or utterance.face is None or utterance.face.face_of == "unknown":
            continue
        for person, seen in sorted(faces.sightings[index].items()):
            face = take_face("listener", utterance.clip, seen)
            if face.boxes == utterance.face.boxes:
                continue  # the speaker
            name = names.get(person, f"face {person + 1}")
            alone = replace(utterance, utterance=f"{index}/{person}", speaker=name, members=(), text=None, clip=None)
            listeners.append((index, replace(alone, face=face)))
    return listeners


def take_face(face_of: FaceOf, clip: Clip | None, sightings: Sequence[Sighting]) -> ChosenFace:
    """The face of these sightings, in the order of time."""
    times = np.concatenate([each.times for each in sightings])
    boxes = np.concatenate([each.boxes for each in sightings])
    order = np.argsort(times, kind="stable")
    crops = {time: crop for each in sightings for time, crop in each.crops.items()}
    return ChosenFace(
        face_of, clip, tuple(times[order].tolist()), tuple(map(tuple, boxes[order].tolist())), crops=crops
    )


def count_frames(sightings: Sequence[Sighting]) -> int:
    """The number of frames in which a person is seen."""
    return sum(len(each.times) for each in sightings)
