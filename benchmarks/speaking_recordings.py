"""How often an utterance of a recording takes the face of its speaker, on composed recordings of two to four people, as JSON.

    python benchmarks/speaking_recordings.py [--voices ../shared/data/ravdess] [--photos ../shared/data/fer2013] [--recordings 6] [--out FILE]

Each recording has 8 to 12 utterances of up to 3.5 s at 12.5 frames a second. The voices are those of RAVDESS's dev actors; the
names of the speakers are given, as from a transcript. All heads move. The mouth of the speaker follows the loudness as in
`benchmarks/speaking.py`. The mouth of each listener stays closed, opens without sound, or follows another voice, each in a third of the cases.
People are drawn portraits, or photographs of FER-2013 whose mouth is warped: a coarse imitation of speech.
The camera stands still, or each utterance after the first one shows all (40 %), only the speaker (40 %) or only a listener (20 %).
A choice is right if the face is the speaker's, or if the speaker is not seen and no face is taken as the speaker's.
"""

import argparse
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
from PIL import Image
from reference.group_video import Person, Turn, animate_photo, compose_recording, draw_people
from result import show

from mmerc.corpora import ChosenFace, Clip, Dialogue, Utterance, open_corpus
from mmerc.encoders.face.detector import FaceDetector
from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.inference.face_choice import assign_faces
from mmerc.inference.faces import analyze_faces
from mmerc.media import SAMPLE_RATE, read_waveform

MAX_SECONDS = 3.5


def read_photos(folder: Path, detector: FaceDetector, rng: np.random.Generator, count: int) -> list[Person]:
    """People from random photographs in which the detector finds a face."""
    table = pyarrow.parquet.read_table(folder / "validation.parquet", columns=["image"])
    people: list[Person] = []
    for index in rng.permutation(len(table)).tolist():
        photo = np.asarray(Image.open(io.BytesIO(table["image"][index].as_py())).convert("L"))
        person = animate_photo(photo, detector, rng)
        if person is not None:
            people.append(person)
        if len(people) == count:
            return people
    raise SystemExit(f"{folder} has too few faces.")


def is_right(turn: Turn, face: ChosenFace | None) -> bool:
    if face is None or turn.place is None:
        return face is None or face.face_of != "speaker"
    if face.face_of != "speaker":
        return False
    centres = [(box[0] + box[2]) / 2 for box in face.boxes]
    return turn.place[0] < float(np.median(centres)) < turn.place[1]


def make_dialogue(film: Path, turns: list[Turn]) -> Dialogue:
    utterances = tuple(
        Utterance(
            "input",
            film.stem,
            index,
            speaker=turn.speaker,
            start=turn.start,
            end=turn.end,
            clip=Clip(film, turn.start, turn.end),
        )
        for index, turn in enumerate(turns)
    )
    return Dialogue("input", film.stem, utterances)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=Path, default=Path("../shared/data/ravdess"))
    parser.add_argument("--photos", type=Path, default=Path("../shared/data/fer2013"))
    parser.add_argument("--recordings", type=int, default=6, help="of each number of people, kind of face and camera")
    parser.add_argument("--people", type=int, nargs="*", default=[2, 3, 4])
    parser.add_argument("--keep", type=Path, help="folder for the films")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    corpus = open_corpus(f"ravdess:{options.voices}")
    clips = [utterance.clip for utterance in corpus.utterances("dev") if utterance.clip is not None]
    detector = MTCNN.pretrained(min_face_size=40)
    result: dict[str, Any] = {"recordings of each kind": options.recordings}
    shares: list[float] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        for has_cuts in (False, True):
            for is_drawn in (True, False):
                for count in options.people:
                    rng = np.random.default_rng([count, is_drawn, has_cuts])
                    found = []
                    for number in range(options.recordings):
                        people = (
                            draw_people(rng, count) if is_drawn else read_photos(options.photos, detector, rng, count)
                        )
                        chosen = rng.choice(len(clips), int(rng.integers(8, 13)), replace=False)
                        voices = [read_waveform(clips[index])[: int(MAX_SECONDS * SAMPLE_RATE)] for index in chosen]
                        film = (
                            folder
                            / f"{count}-{'drawn' if is_drawn else 'photos'}-{'cuts' if has_cuts else 'still'}-{number}.mp4"
                        )
                        turns = compose_recording(film, people, voices, rng, has_cuts=has_cuts)
                        faces = analyze_faces(make_dialogue(film, turns), detector, max_side=1280)
                        dialogue = assign_faces(make_dialogue(film, turns), faces)
                        right = [
                            is_right(turn, each.face) for turn, each in zip(turns, dialogue.utterances, strict=True)
                        ]
                        found.append(float(np.mean(right)))
                        print(film.name, len(turns), found[-1], faces.speakers, flush=True)
                    camera = "cuts" if has_cuts else "one camera"
                    name = f"{count} people, {'drawn' if is_drawn else 'photographs'}, {camera}"
                    result[name] = round(float(np.mean(found)), 3)
                    shares += found
    result |= {"all": round(float(np.mean(shares)), 4), "worst recording": round(min(shares), 3)}
    show(result, options.out)


if __name__ == "__main__":
    main()
