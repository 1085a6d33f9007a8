"""Who speaks when: diarization error rate, number of speakers and speed, as JSON.

    python benchmarks/diarization.py [--data ../shared/data] [--conversations 3] [--seconds 180] [--known] [--seed 0] [--out FILE]
    python benchmarks/diarization.py --pauses 0 0.1 [--no-segmentation]
    python benchmarks/diarization.py --clips [--vectors FILE.npz] --conversations 36 --seconds 300 --known

Conversations are composed of clips of 2, 3 and 4 speakers of one corpus, without overlap: turns of one to three clips, pauses of 0.2 to 1 s
between clips, and noise at -65 dB of full scale. The reference is the bounds of the clips, each cut to what is above its noise and within 30 dB of
its loudest part. The sets: `ravdess-train` (actors 1 to 16, on which the values of `mmerc.speakers.clustering` were chosen), `ravdess` (17 to 22)
and `emodb`.

`error rate`: time that is missed, falsely found or of the wrong speaker, as a share of the time that the reference has speech, in a mean over
conversations, by pyannote.metrics; a quarter of a second on each side of a boundary of the reference is not scored. `no collar`: everything is
scored. `confusion`: time of the wrong speaker. `right number`: share of conversations with the right number of speakers. `known number`: the same
with `--speakers`. `real-time factor`: voice activity, embedding and clustering, in seconds for each second of audio. The reference to compare
with is one speaker for all speech.

`--clips` measures the vectors and the clustering alone: each clip, cut as in the reference, is one stretch of speech, and its vectors are computed
once for all conversations. `confusion` is then the share of the speech that has the wrong speaker. `--vectors` keeps the vectors.
"""

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate
from result import show
from scipy.io import wavfile
from scipy.optimize import linear_sum_assignment

from mmerc.corpora import Clip
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.media.voice_activity import find_utterances
from mmerc.speakers.diarization import MAX_STRETCH_PAUSE, Diarizer, label_windows, load_diarizer
from mmerc.speakers.turns import Turn
from mmerc.speakers.voice_encoder import VoiceEncoder

COLLAR = 0.25  # seconds on each side of a boundary
WINDOW, HOP = 1600, 160  # samples in which the level of a clip is measured
RANGE, ABOVE_NOISE, LOUDEST_NOISE = 10 ** (-30 / 20), 2.0, 0.1  # shares of the loudest level; a factor
NOISE = 10 ** (-65 / 20)
PAUSES = (0.2, 1.0)  # seconds between clips


def list_clips(data: Path) -> dict[str, dict[str, list[Path]]]:
    """The files of each speaker of each set."""
    actors = {number: sorted((data / "ravdess" / f"Actor_{number:02}").glob("*.flac")) for number in range(1, 23)}
    german = sorted((data / "emodb").glob("*.flac"))
    names = sorted({file.name[:2] for file in german})
    return {
        "ravdess-train": {f"actor {number}": actors[number] for number in range(1, 17)},
        "ravdess": {f"actor {number}": actors[number] for number in range(17, 23)},
        "emodb": {name: [file for file in german if file.name.startswith(name)] for name in names},
    }


def cut_to_speech(waveform: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(waveform, WINDOW)[::HOP]  # [F, W]
    levels = np.sqrt(np.square(frames).mean(1))
    loudest, noise = levels.max(), np.percentile(levels, 10)
    loud = np.flatnonzero(levels > max(RANGE * loudest, min(ABOVE_NOISE * noise, LOUDEST_NOISE * loudest)))
    middle = WINDOW // 2  # a frame is loud where half of it is
    return waveform[loud[0] * HOP + middle // 2 : loud[-1] * HOP + WINDOW - middle // 2]


def draw_clips(
    speakers: Mapping[str, Sequence[Path]],
    count: int,
    rng: random.Random,
    pauses: tuple[float, float] = PAUSES,
) -> Iterator[tuple[str, Path, float]]:
    """A conversation without end of `count` of the speakers: who speaks, a clip, and the seconds of pause before it."""
    chosen = rng.sample(sorted(speakers), count)
    clips = {name: iter(rng.sample(list(speakers[name]), len(speakers[name])) * 10) for name in chosen}
    speaker = ""
    while True:
        speaker = rng.choice([name for name in chosen if name != speaker])
        for _ in range(rng.randint(1, 3)):
            yield speaker, next(clips[speaker]), rng.uniform(*pauses)


def compose(
    speakers: Mapping[str, Sequence[Path]],
    count: int,
    seconds: float,
    rng: random.Random,
    pauses: tuple[float, float] = PAUSES,
) -> tuple[np.ndarray, list[Turn]]:
    """The waveform of a conversation, and who speaks when in it."""
    parts: list[np.ndarray] = []
    turns: list[Turn] = []
    position = 0
    for speaker, file, length in draw_clips(speakers, count, rng, pauses):
        pause = np.zeros(round(length * SAMPLE_RATE), np.float32)
        speech = cut_to_speech(read_waveform(Clip(file)))
        start = position + len(pause)
        position = start + len(speech)
        parts += [pause, speech]
        turns.append(Turn(start / SAMPLE_RATE, position / SAMPLE_RATE, speaker))
        if position > seconds * SAMPLE_RATE:
            break
    waveform = np.concatenate(parts)
    return waveform + np.random.default_rng(rng.randrange(2**32)).normal(0, NOISE, len(waveform)), turns


Stretch = tuple[float, np.ndarray]  # seconds, and the vectors of the windows


def embed_clips(files: Iterable[Path], encoder: VoiceEncoder, kept: Path | None) -> dict[Path, Stretch]:
    """A stretch of speech for each clip, from the file `kept` if it is there."""
    found: dict[Path, Stretch] = {}
    if kept is not None and kept.is_file():
        with np.load(kept) as loaded:
            found = {Path(key.split(" ", 1)[1]): (float(key.split(" ")[0]), loaded[key]) for key in loaded.files}
    for file in files:
        if file not in found:
            speech = cut_to_speech(read_waveform(Clip(file)))
            found[file] = len(speech) / SAMPLE_RATE, encoder.embed_stretches([speech])[0]
    if kept is not None:
        arrays: dict[str, Any] = {f"{seconds} {file}": vectors for file, (seconds, vectors) in found.items()}
        np.savez(kept, **arrays)
    return found


def label_clips(
    drawn: Iterator[tuple[str, Path, float]],
    clips: Mapping[Path, Stretch],
    seconds: float,
    num_speakers: int | None,
) -> dict[str, float]:
    """How well the stretches of a conversation of clips are labelled."""
    speakers: list[str] = []
    lengths: list[float] = []
    vectors: list[np.ndarray] = []
    position = 0.0
    for speaker, file, pause in drawn:
        speakers.append(speaker)
        lengths.append(clips[file][0])
        vectors.append(clips[file][1])
        position += pause + lengths[-1]
        if position > seconds:
            break
    names, truth = np.unique(speakers, return_inverse=True)
    labels = label_windows(vectors, lengths, num_speakers)
    shared = np.zeros((len(names), 1 + max(int(each.max()) for each in labels)))  # seconds
    for index, length, found in zip(truth, lengths, labels, strict=True):
        np.add.at(shared[index], found, length / len(found))
    rows, columns = linear_sum_assignment(-shared)
    num_found = len(np.unique(np.concatenate(labels)))
    return {
        "confusion": 1 - shared[rows, columns].sum() / shared.sum(),
        "right number": float(num_found == len(names)),
        "one speaker for all": 1 - shared.sum(1).max() / shared.sum(),
    }


def annotate(turns: Sequence[Turn]) -> Annotation:
    annotation = Annotation()
    for number, (start, end, speaker) in enumerate(turns):
        annotation[Segment(start, end), number] = speaker
    return annotation


def measure(turns: list[Turn], found: list[Turn]) -> dict[str, float]:
    truth, result = annotate(turns), annotate(found)
    scored_part = Timeline([Segment(0, max(turns[-1].end, found[-1].end if found else 0))])
    rate = DiarizationErrorRate(collar=2 * COLLAR)  # pyannote's collar is both sides together
    scored = rate(truth, result, uem=scored_part, detailed=True)
    one = annotate([turn._replace(speaker="one") for turn in found])
    return {
        "error rate": scored["diarization error rate"],
        "no collar": DiarizationErrorRate()(truth, result, uem=scored_part),
        "missed": scored["missed detection"] / scored["total"],
        "false alarm": scored["false alarm"] / scored["total"],
        "confusion": scored["confusion"] / scored["total"],
        "right number": float(len({turn.speaker for turn in found}) == len({turn.speaker for turn in turns})),
        "one speaker for all": rate(truth, one, uem=scored_part),
    }


def diarize(file: Path, diarizers: Mapping[str, Diarizer]) -> Iterator[tuple[str, list[Turn], float]]:
    """The turns that each diarizer finds, and the seconds that it takes with voice activity."""
    start = time.perf_counter()
    stretches = list(find_utterances(Clip(file), min_pause=MAX_STRETCH_PAUSE, min_length=0.0))
    activity = time.perf_counter() - start
    for name, diarizer in diarizers.items():
        start = time.perf_counter()
        found = diarizer.find_turns(Clip(file), stretches)
        yield name, found, activity + time.perf_counter() - start


Rows = dict[str, list[dict[str, float]]]


def measure_chain(
    name: str, speakers: Mapping[str, Sequence[Path]], diarizer: Diarizer, options: argparse.Namespace
) -> Rows:
    rows: Rows = defaultdict(list)
    for index in range(options.conversations):
        count = 2 + index % 3
        waveform, turns = compose(
            speakers, count, options.seconds, random.Random(f"{options.seed} {name} {index}"), tuple(options.pauses)
        )
        diarizers = {name: diarizer}
        if options.known:
            diarizers[f"{name}, known number"] = replace(diarizer, num_speakers=count)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "talk.wav"
            wavfile.write(file, SAMPLE_RATE, (np.clip(waveform, -1, 1) * 32_767).astype(np.int16))
            for key, found, seconds in diarize(file, diarizers):
                row = measure(turns, found) | {"real-time factor": seconds * SAMPLE_RATE / len(waveform)}
                rows[key].append(row)
                rows[f"{key}, {count} speakers"].append(row)
    return rows


def measure_clips(
    name: str, speakers: Mapping[str, Sequence[Path]], clips: Mapping[Path, Stretch], options: argparse.Namespace
) -> Rows:
    rows: Rows = defaultdict(list)
    for index in range(options.conversations):
        count = 2 + index % 3
        for key, given in {name: None, f"{name}, known number": count}.items():
            if given is None or options.known:
                drawn = draw_clips(speakers, count, random.Random(f"{options.seed} {name} {index}"))
                row = label_clips(drawn, clips, options.seconds, given)
                rows[key].append(row)
                rows[f"{key}, {count} speakers"].append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="+", default=["ravdess-train", "ravdess", "emodb"])
    parser.add_argument("--conversations", type=int, default=3, help="of each set")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--known", action="store_true", help="also with the number of speakers given")
    parser.add_argument("--clips", action="store_true", help="the vectors and the clustering alone")
    parser.add_argument("--vectors", type=Path, help="with --clips: a file that keeps the vectors (.npz)")
    parser.add_argument("--pauses", nargs=2, type=float, default=PAUSES, help="seconds between clips, from and to")
    parser.add_argument("--no-segmentation", action="store_true", help="without the network that finds changes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    diarizer = load_diarizer()
    if diarizer is None:
        parser.error("the weights are absent: run `mmerc weights fetch voice-encoder speaker-segmentation`")
    if options.no_segmentation:
        diarizer = replace(diarizer, segmenter=None)
    result: dict[str, Any] = {
        "segmentation": diarizer.segmenter is not None,
        "seconds": options.seconds,
        "threads": torch.get_num_threads(),
    }
    sets = list_clips(options.data)
    for name in options.sets:
        if options.clips:
            files = [file for each in sets[name].values() for file in each]
            clips = embed_clips(files, diarizer.encoder, options.vectors)
            rows = measure_clips(name, sets[name], clips, options)
        else:
            rows = measure_chain(name, sets[name], diarizer, options)
        for key, found_rows in rows.items():
            means = {column: float(np.mean([row[column] for row in found_rows])) for column in found_rows[0]}
            result[key] = {"conversations": len(found_rows)} | {
                column: round(mean, 3) for column, mean in means.items()
            }
    show(result, options.out)


if __name__ == "__main__":
    main()
