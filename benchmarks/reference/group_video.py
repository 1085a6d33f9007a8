"""Recordings of two to four people in conversation, composed from portraits and recorded voices, with whose face is where."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from scipy.ndimage import map_coordinates

from mmerc.corpora.synthetic.face import LOOKS, draw_portrait
from mmerc.encoders.face.active_speaker import compute_loudness
from mmerc.encoders.face.detector import FaceDetector
from mmerc.encoders.face.selection import resize_face
from mmerc.media import SAMPLE_RATE

FPS = Fraction(25, 2)
SIDE = 240  # pixels of the square that shows one person
STEPS = 5  # of the mouth, from closed to open
MAX_DELAY, OPENING_ERROR = 0.12, 0.33  # seconds; standard deviation as a fraction of the opening
MAX_MOVEMENT = 12  # pixels
PAUSE = 0.6  # seconds between utterances
PHOTO = 130  # pixels of a pasted photograph of a face

Person = list[np.ndarray]  # the picture with each step of the mouth, [SIDE, SIDE, 3]


@dataclass(frozen=True)
class Turn:
    """An utterance: who speaks when, and where the speaker is seen: the left and right edge as shares of the width, or None."""

    start: float
    end: float
    speaker: str
    place: tuple[float, float] | None


def draw_people(rng: np.random.Generator, count: int) -> list[Person]:
    """Different drawn portraits."""
    names = [str(name) for name in rng.permutation(list(LOOKS))[:count]]
    return [[draw_portrait(name, "wide", step)[:, 40:280] for step in range(STEPS)] for name in names]


def animate_photo(photo: np.ndarray, detector: FaceDetector, rng: np.random.Generator) -> Person | None:
    """A person from a grey photograph of a face [48, 48]: the jaw below the lips is pulled down and the gap is dark, a coarse
    imitation of speech. None where the detector does not find the face."""
    pixels = resize_face(np.repeat(photo[..., None], 3, 2), PHOTO).astype(np.float32)
    canvas = np.empty((SIDE, SIDE, 3), np.float32)
    canvas[:] = rng.integers(60, 200, 3)
    canvas[170:, 30:210] = rng.integers(20, 235, 3)  # clothes
    left, top = (SIDE - PHOTO) // 2, 45
    canvas[top : top + PHOTO, left : left + PHOTO] = pixels
    faces = detector(torch.from_numpy(canvas.astype(np.uint8))[None])[0]
    if len(faces) != 1:
        return None
    corners = faces.landmarks[0, 3:].numpy()
    (x, y), width = corners.mean(0), float(np.linalg.norm(corners[1] - corners[0]))
    if width < 15:
        return None
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    steps = []
    for step in range(STEPS):
        opening = 0.3 * width * step / (STEPS - 1)
        across = np.exp(-(((columns - x) / (0.45 * width)) ** 2))
        below = np.clip((rows - y) / max(opening, 1e-3), 0, 1) * np.exp(-((np.clip(rows - y, 0, None) / width) ** 2))
        image = np.stack(
            [
                map_coordinates(canvas[..., band], [rows - opening * across * below, columns], order=1, mode="nearest")
                for band in range(3)
            ],
            -1,
        )
        gap = (np.abs(rows - y - opening / 2) < opening / 2 * across) & (np.abs(columns - x) < width / 2)
        image[gap] *= 0.25
        steps.append(np.clip(image, 0, 255).astype(np.uint8))
    return steps


def make_speaking_mouth(waveform: np.ndarray, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How far the mouth that says this is open at each time."""
    loudness = compute_loudness(waveform, times - rng.uniform(0, MAX_DELAY))
    return np.clip(loudness / (np.quantile(loudness, 0.9) + 1e-6) * rng.normal(1, OPENING_ERROR, len(times)), 0, 1)


def make_listening_mouth(voice: np.ndarray, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Closed, opening now and then, or following another voice, each in a third of the cases."""
    kind = rng.integers(3)
    if kind == 0:
        return np.zeros(len(times))
    if kind == 1:
        return np.clip(np.convolve(rng.random(len(times)) < 0.15, np.ones(3) / 2, "same"), 0, 1)
    return make_speaking_mouth(voice, times, rng)


def move(images: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """The head wanders."""
    steps = np.cumsum(rng.normal(0, 1.5, (len(images), 2)), 0).clip(-MAX_MOVEMENT, MAX_MOVEMENT).round().astype(int)
    return [np.roll(image, tuple(step), (0, 1)) for image, step in zip(images, steps, strict=True)]


def compose_recording(
    file: Path, people: list[Person], voices: list[np.ndarray], rng: np.random.Generator, *, has_cuts: bool
) -> list[Turn]:
    """Write a film of the people in a row, who say the voices in turn; nobody speaks twice in a row.

    With `has_cuts`, 40 % of the utterances show all, 40 % only the speaker, and 20 % only a listener.
    """
    turns: list[Turn] = []
    sound: list[np.ndarray] = []
    frames: list[np.ndarray] = []
    seats = len(people)
    order: list[int] = []
    while len(order) < len(voices):  # everybody speaks about equally often
        order += [int(each) for each in rng.permutation(seats) if not order or each != order[-1]]
    for number, voice in enumerate(voices):
        speaker = order[number]
        count = round(float((len(voice) / SAMPLE_RATE + PAUSE) * FPS))
        times = (np.arange(count) + 0.5) / float(FPS)
        padded = np.zeros(round(count / float(FPS) * SAMPLE_RATE), np.float32)
        padded[: len(voice)] = voice[: len(padded)]
        shows = []
        for seat, person in enumerate(people):
            other = np.resize(voices[int(rng.integers(len(voices)))], len(padded))
            other = np.roll(other, int(rng.integers(len(other))))
            mouth = (
                make_speaking_mouth(padded, times, rng) if seat == speaker else make_listening_mouth(other, times, rng)
            )
            shows.append(move([person[round((STEPS - 1) * float(each))] for each in mouth], rng))
        start = len(frames) / float(FPS)
        place: tuple[float, float] | None
        shot = rng.choice(["all", "speaker", "listener"], p=[0.4, 0.4, 0.2]) if has_cuts and number else "all"
        if shot == "all":
            picture, place = (
                [np.concatenate(row, 1) for row in zip(*shows, strict=True)],
                (speaker / seats, (speaker + 1) / seats),
            )
        else:
            seat = speaker if shot == "speaker" else int(rng.choice([each for each in range(seats) if each != speaker]))
            picture = [enlarge(image, seats) for image in shows[seat]]
            place = (0.0, 1.0) if seat == speaker else None
        frames += [np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8) for image in picture]
        sound.append(padded)
        turns.append(Turn(start, start + len(voice) / SAMPLE_RATE, f"P{speaker}", place))
    write_film(file, frames, np.concatenate(sound))
    return turns


def enlarge(image: np.ndarray, seats: int) -> np.ndarray:
    """A close-up in the size of the picture of all."""
    canvas = np.repeat(image[:, :1], seats * SIDE, 1)
    left = (seats - 1) * SIDE // 2
    canvas[:, left : left + SIDE] = image
    return canvas


def write_film(file: Path, frames: list[np.ndarray], sound: np.ndarray) -> None:
    height, width = frames[0].shape[:2]
    with av.open(str(file), "w") as container:
        video = container.add_stream(
            "libx264",
            rate=FPS,
            width=width,
            height=height,
            pix_fmt="yuv420p",
            options={"preset": "ultrafast", "crf": "18"},
        )
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for image in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        for start in range(0, len(sound) - 1023, 1024):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(sound[None, start : start + 1024]), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            container.mux(audio.encode(frame))
        container.mux(audio.encode())
