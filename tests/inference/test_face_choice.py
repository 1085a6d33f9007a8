"""Which face an utterance takes, and who listens."""

from pathlib import Path

import pytest

from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.inference.face_choice import assign_faces, list_listeners
from mmerc.inference.faces import RecordingFaces
from tests.encoders.face.sighting import make_sighting

LEFT, RIGHT = make_sighting(0, "red", 0.1), make_sighting(0, "blue", 0.6)


def make_dialogue(*speakers: str) -> Dialogue:
    clip = Clip(Path("talk.mp4"), 0.0, 1.0)
    return Dialogue(
        "input", "talk", tuple(Utterance("input", "talk", n, who, clip=clip) for n, who in enumerate(speakers))
    )


def make_faces(*visible: dict[int, float], speakers: dict[str, int], readable: int = 9) -> RecordingFaces:
    """`visible`: for each utterance, the evidence of each person; person 0 sits on the left and person 1 on the right."""
    sightings = [{person: [(LEFT, RIGHT)[person]] for person in people} for people in visible]
    evidence = {(index, person): value for index, people in enumerate(visible) for person, value in people.items()}
    return RecordingFaces(sightings, speakers, evidence, frozenset(range(readable)))


@pytest.mark.parametrize(
    ("visible", "face_of", "left", "reason"),
    [
        ({0: -1.0, 1: 5.0}, "speaker", 0.1, ""),  # the whole recording decides, not this utterance
        ({1: 5.0}, "listener", None, "only listeners are seen, and not Ann"),
        ({}, "unknown", None, "talk.mp4 shows no face in this utterance"),
    ],
)
def test_the_face_of_a_speaker_who_is_known(
    visible: dict[int, float], face_of: str, left: float | None, reason: str
) -> None:
    dialogue = assign_faces(make_dialogue("Ann"), make_faces(visible, speakers={"Ann": 0, "Bo": 1}))
    face = dialogue.utterances[0].face
    assert face is not None and (face.face_of, face.reason) == (face_of, reason)
    assert (face.boxes[0][0] if face.boxes else None) == left


def test_a_speaker_without_a_known_face_takes_one_that_nobody_else_has() -> None:
    faces = make_faces({0: 0.5, 1: 0.2}, {0: 0.5}, speakers={"Bo": 0})
    free, taken = (each.face for each in assign_faces(make_dialogue("Ann", "Ann"), faces).utterances)
    assert free is not None and free.face_of == "unknown" and free.boxes[0][0] == 0.6
    assert taken is not None and taken.face_of == "listener" and not taken.times
    assert taken.reason == "only listeners are seen; the face of Ann is not known"


def test_an_unknown_speaker_is_whose_mouth_follows_the_voice_in_this_utterance() -> None:
    faces = make_faces({0: 0.1, 1: 3.0}, {0: 0.1, 1: 0.2}, speakers={})
    clear, unclear = (each.face for each in assign_faces(make_dialogue("", ""), faces).utterances)
    assert clear is not None and (clear.face_of, clear.boxes[0][0]) == ("speaker", 0.6)
    assert unclear is not None and unclear.face_of == "unknown"


def test_an_utterance_without_frames_is_left_to_the_encoder() -> None:
    (utterance,) = assign_faces(make_dialogue("Ann"), make_faces({}, speakers={}, readable=0)).utterances
    assert utterance.face is None


def test_listeners_have_their_face_alone() -> None:
    faces = make_faces({0: 9.0, 1: 0.0}, {1: 0.0}, {0: 0.0, 1: 0.0}, speakers={"Ann": 0})
    dialogue = assign_faces(make_dialogue("Ann", "Ann", "Cy"), faces)
    listeners = list_listeners(dialogue, faces)
    assert [(index, each.speaker) for index, each in listeners] == [(0, "face 2"), (1, "face 2")]
    assert all(each.clip is None and each.text is None and each.face is not None for _, each in listeners)
    assert len({each.key for _, each in listeners}) == 2
