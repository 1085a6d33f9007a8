"""A film of two people who speak in turn, with a detector that knows where they sit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.reference.group_video import write_film

from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.encoders.face.config import FaceConfig
from mmerc.encoders.face.detector import FaceDetector, Faces
from mmerc.encoders.face.encoder import Face
from mmerc.inference.face_choice import assign_faces
from mmerc.inference.faces import analyze_faces, find_face_encoder, has_many_faces, read_parts
from mmerc.media import SAMPLE_RATE

SECONDS, FPS = 2, 12.5
BOXES = torch.tensor([[10.0, 10, 50, 60], [90, 10, 130, 60]])
LANDMARKS = torch.stack(
    [torch.tensor([[20.0, 25], [40, 25], [30, 35], [23, 48], [37, 48]]) + torch.tensor([x, 0]) for x in (0.0, 80)]
)


class Seats(FaceDetector):
    """Finds a face on each seat that is not black."""

    name = "seats"

    def forward(self, images: torch.Tensor) -> list[Faces]:
        found = []
        for image in images.float():
            kept = [seat for seat in (0, 1) if image[:, 80 * seat : 80 * seat + 80].mean() > 10]
            found.append(Faces(BOXES[kept], torch.ones(len(kept)), LANDMARKS[kept], BOXES[kept]))
        return found


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four utterances of 2 s: left, right, left, and the left one speaks while only the right one is seen."""
    rng = np.random.default_rng(0)
    heads = [rng.integers(80, 200, (16, 16, 3)).repeat(5, 0).repeat(5, 1) // (1 + seat) for seat in (0, 1)]
    frames, sound = [], []
    for utterance, speaker in enumerate((0, 1, 0, 0)):
        voice = rng.uniform(0, 1, round(SECONDS * FPS))
        sound.append(np.repeat(voice, round(SAMPLE_RATE / FPS)) * rng.normal(0, 0.2, round(SECONDS * SAMPLE_RATE)))
        for opening in voice:
            image = np.concatenate(heads, 1).astype(np.uint8)
            image[48 : 48 + round(8 * opening * (len(frames) % 2)), 80 * speaker + 24 : 80 * speaker + 37] = 0
            image[:, :80] *= utterance < 3
            frames.append(image)
    file = tmp_path_factory.mktemp("film") / "talk.mp4"
    write_film(file, frames, np.concatenate(sound).astype(np.float32))
    return file


def make_dialogue(film: Path, *speakers: str) -> Dialogue:
    utterances = (
        Utterance("input", "talk", index, who, clip=Clip(film, 2.0 * index, 2.0 * index + 2))
        for index, who in enumerate(speakers)
    )
    return Dialogue("input", "talk", tuple(utterances))


def make_encoder() -> Face:
    encoder = Face(FaceConfig(encoder="face", backbone="cnn", num_frames=3), 2, skip_weights=True)
    encoder.detector = Seats()
    return encoder.eval()


def test_each_speaker_has_the_face_whose_mouth_moves_with_the_voice(film: Path) -> None:
    dialogue = make_dialogue(film, "Ann", "Bo", "Ann", "Ann")
    steps: list[int] = []
    faces = analyze_faces(dialogue, Seats(), max_side=640, on_progress=lambda: steps.append(1))
    assert faces.speakers == {"Ann": 0, "Bo": 1} and len(steps) == 4
    assigned = assign_faces(dialogue, faces)
    chosen = [each.face for each in assigned.utterances if each.face]
    assert [each.face_of for each in chosen] == ["speaker", "speaker", "speaker", "listener"]
    encoder = make_encoder()
    crops, notes = encoder.prepare_with_notes(assigned, 1)
    assert crops.shape == (3, 48, 48, 3) and 2 <= min(notes["face"]["times"]) < max(notes["face"]["times"]) < 4
    darker, brighter = crops.mean(), encoder.prepare(assigned, 0).mean()
    assert darker < 0.7 * brighter


def test_what_cannot_be_read_has_no_faces(film: Path, tmp_path: Path) -> None:
    missing = make_dialogue(tmp_path / "no.mp4", "Ann", "Bo")
    faces = analyze_faces(missing, Seats(), max_side=640)
    assert not faces.readable and faces.speakers == {}
    assert [each.face for each in assign_faces(missing, faces).utterances] == [None, None]
    assert list(read_parts(Utterance("input", "talk", 0, clip=Clip(film)), 640)) == []


def test_a_long_utterance_is_read_in_four_parts(film: Path) -> None:
    parts = list(read_parts(Utterance("input", "talk", 0, clip=Clip(film, 0.0, 48.0)), 640))
    assert [start for _, _, start in parts] == [0.0]  # the film ends after 8 s
    assert all(len(frames.times) <= 60 for frames, _, _ in parts)


@pytest.mark.parametrize(
    ("speakers", "expected"), [(("Ann", "Bo"), True), (("Ann", "Ann"), True), (("Ann",), False), (("", ""), True)]
)
def test_when_it_is_a_question_whose_face_is_read(film: Path, speakers: tuple[str, ...], expected: bool) -> None:
    assert has_many_faces(make_dialogue(film, *speakers), make_encoder()) == expected


def test_one_speaker_and_one_face_are_no_question(film: Path) -> None:
    last = Clip(film, 6.2, 7.0), Clip(film, 7.0, 7.8)
    dialogue = Dialogue("input", "talk", tuple(Utterance("input", "talk", n, clip=clip) for n, clip in enumerate(last)))
    assert not has_many_faces(dialogue, make_encoder())
    assert find_face_encoder({}) is None
