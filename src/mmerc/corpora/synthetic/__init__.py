"""`synthetic:FOLDER`: a corpus that mmerc makes itself, in MELD's layout, with real mp4 clips.

Its text was written for it, its voice is synthesised, and its face is a warped public-domain portrait. It exists so that
training, evaluation and prediction can be run and tested on any machine.
"""

import csv
from pathlib import Path

import av
import numpy as np

from mmerc.corpora.readers.meld import ANNOTATIONS, CLIPS
from mmerc.corpora.synthetic.face import HEIGHT, WIDTH, render_frames
from mmerc.corpora.synthetic.script import ScriptLine, write_script
from mmerc.corpora.synthetic.voice import SAMPLE_RATE, speak
from mmerc.errors import CorpusError
from mmerc.files import read_json, replace_atomically, write_json

FRAME_RATE = 12
VERSION = 4  # raise it when the same arguments make another corpus
DIALOGUES = {"train": 44, "dev": 12, "test": 24}
UTTERANCES = 8  # in a dialogue
PAUSE = 0.3  # seconds between two utterances
COLUMNS = ("Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID",
           "Season", "Episode", "StartTime", "EndTime")  # fmt: skip
SENTIMENT = {"joy": "positive", "neutral": "neutral", "surprise": "positive"}


def make_corpus(
    folder: Path, *, dialogues: dict[str, int] | None = None, utterances: int = UTTERANCES, seed: int = 0
) -> None:
    """Write the corpus to `folder`, unless the same corpus is there already.

    Args:
        folder: an empty or new folder.
        dialogues: the number of dialogues of each split; 44, 12 and 24 by default.
        utterances: the number of utterances of each dialogue.
        seed: seed of the random choices.

    Raises:
        CorpusError: the folder has other files.
        RunError: the folder cannot be written.
    """
    dialogues = dialogues or DIALOGUES
    manifest = folder / "synthetic.json"
    recipe = {"version": VERSION, "dialogues": dialogues, "utterances": utterances, "seed": seed}
    if manifest.exists() and read_json(manifest) == recipe:
        return
    if folder.is_file() or (folder.is_dir() and not manifest.exists() and any(folder.iterdir())):
        raise CorpusError(f"{folder} has other files: give an empty or a new folder for the synthetic corpus.")
    with replace_atomically(folder) as building:
        for number, (split, count) in enumerate(dialogues.items()):
            _make_split(building, split, list(write_script(count, utterances, seed * 10 + number)))
        write_json(building / manifest.name, recipe)


def _make_split(folder: Path, split: str, script: list[ScriptLine]) -> None:
    clips = folder / CLIPS[split]
    clips.mkdir(parents=True)
    clock: dict[int, float] = {}  # dialogue -> the start of its next utterance, in seconds
    with (folder / ANNOTATIONS[split]).open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(COLUMNS)
        for number, line in enumerate(script, start=1):
            start = clock.get(line.dialogue, 60.0)
            clock[line.dialogue] = start + line.seconds + PAUSE
            table.writerow([
                number, line.text, line.speaker, line.emotion, SENTIMENT.get(line.emotion, "negative"),
                line.dialogue, line.utterance, 1, 1 + line.dialogue, _format_time(start), _format_time(start + line.seconds),
            ])  # fmt: skip
            if line.has_clip:
                write_clip(clips / f"dia{line.dialogue}_utt{line.utterance}.mp4", line)


def _format_time(time: float) -> str:
    minutes, seconds = divmod(time, 60)
    return f"00:{int(minutes):02d}:{seconds:06.3f}".replace(".", ",")


def write_clip(file: Path, line: ScriptLine) -> None:
    """Encode the clip of one line: H.264 video, and AAC audio unless the line has no tone."""
    rng = np.random.default_rng(line.seed)
    with av.open(str(file), "w") as container:
        picture = container.add_stream("libx264", rate=FRAME_RATE, options={"preset": "ultrafast", "crf": "26"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if line.tone else None
        for image in render_frames(line.expression, line.speaker, max(2, int(line.seconds * FRAME_RATE)), rng):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode(None))
        if sound is not None and line.tone is not None:
            samples = speak(line.tone, line.speaker, line.seconds, rng)
            frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
