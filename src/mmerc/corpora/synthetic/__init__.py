"""`synthetic:FOLDER`: a corpus that the program makes itself, in MELD's layout, with real mp4 clips.

Nothing in it is taken from a recording of anybody: lines written for it, a synthesised voice, and a warped
public-domain portrait. It exists so that the whole main job can be run, shown and tested anywhere.
"""

import csv
from pathlib import Path

import av
import numpy as np

from mmerc.corpora.readers.meld import ANNOTATIONS, CLIPS
from mmerc.corpora.synthetic.face import HEIGHT, WIDTH, film
from mmerc.corpora.synthetic.script import Turn, write_script
from mmerc.corpora.synthetic.voice import SAMPLE_RATE, speak
from mmerc.errors import CorpusError
from mmerc.files import read_json, replacing, write_json

FRAME_RATE = 12
VERSION = 3  # raise it whenever the same arguments would make another corpus
DIALOGUES = {"train": 44, "dev": 12, "test": 24}
TURNS = 8
PAUSE = 0.3  # seconds between two turns
COLUMNS = ("Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID",
           "Season", "Episode", "StartTime", "EndTime")  # fmt: skip
SENTIMENT = {"joy": "positive", "neutral": "neutral", "surprise": "positive"}


def make_corpus(folder: Path, *, dialogues: dict[str, int] | None = None, turns: int = TURNS, seed: int = 0) -> None:
    """Write the corpus to `folder`, unless the same one already lies there.

    Raises:
        CorpusError: something else lies there.
        RunError: the folder cannot be written.
    """
    dialogues = dialogues or DIALOGUES
    manifest = folder / "synthetic.json"
    recipe = {"version": VERSION, "dialogues": dialogues, "turns": turns, "seed": seed}
    if manifest.exists() and read_json(manifest) == recipe:
        return
    if folder.is_file() or (folder.is_dir() and not manifest.exists() and any(folder.iterdir())):
        raise CorpusError(f"{folder} holds other files: name an empty or a new folder for the synthetic corpus.")
    with replacing(folder) as building:
        for number, (split, count) in enumerate(dialogues.items()):
            _make_split(building, split, list(write_script(count, turns, seed * 10 + number)))
        write_json(building / manifest.name, recipe)


def _make_split(folder: Path, split: str, script: list[Turn]) -> None:
    clips = folder / CLIPS[split]
    clips.mkdir(parents=True)
    clock: dict[int, float] = {}
    with (folder / ANNOTATIONS[split]).open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(COLUMNS)
        for number, turn in enumerate(script, start=1):
            start = clock.get(turn.dialogue, 60.0)
            clock[turn.dialogue] = start + turn.seconds + PAUSE
            table.writerow([
                number, turn.text, turn.speaker, turn.emotion, SENTIMENT.get(turn.emotion, "negative"),
                turn.dialogue, turn.utterance, 1, 1 + turn.dialogue, _stamp(start), _stamp(start + turn.seconds),
            ])  # fmt: skip
            if turn.has_clip:
                write_clip(clips / f"dia{turn.dialogue}_utt{turn.utterance}.mp4", turn)


def _stamp(time: float) -> str:
    minutes, seconds = divmod(time, 60)
    return f"00:{int(minutes):02d}:{seconds:06.3f}".replace(".", ",")


def write_clip(file: Path, turn: Turn) -> None:
    """Film one turn: H.264 video always, AAC audio unless the microphone failed."""
    rng = np.random.default_rng(turn.seed)
    with av.open(str(file), "w") as container:
        picture = container.add_stream("libx264", rate=FRAME_RATE, options={"preset": "ultrafast", "crf": "26"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if turn.tone else None
        for image in film(turn.expression, turn.speaker, max(2, int(turn.seconds * FRAME_RATE)), rng):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode(None))
        if sound is not None and turn.tone is not None:
            samples = speak(turn.tone, turn.speaker, turn.seconds, rng)
            frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
