"""Who speaks when in a live stream of two people who do not pause, as JSON.

    python benchmarks/live_speakers.py [--data ../shared/data] [--sets ravdess emodb] [--conversations 6] [--seconds 60] [--seed 0] [--out FILE]

Conversations are composed of clips of two speakers of one corpus: turns of 2 to 6 s of joined clips, cut to their speech, without pauses, and noise at
-65 dB of full scale. They are sent to a `LiveSegmenter` in blocks of 0.1 s. The sets: `ravdess-train` (actors 1 to 16, on which most values of
`mmerc.speakers.live` were chosen), `ravdess` (17 to 22) and `emodb`. Some values were looked at on all sets, so no set is held out.

`right speaker`: share of the time that has the right speaker, with the best mapping of the found speakers to the true ones; `one speaker` is the same for one
speaker of all, as without the recognition. `enrolled`: the share that has the right name, if both people are enrolled with three clips that do not occur
in the conversation. `changes found`: share of the changes of the speaker with the end of an utterance at most 0.7 s away; `ends at a change`: the share of ends
that are there. `first interim`, `first final`: seconds of the stream until the first answer could be made, computation included, without that of
the model. `real-time factor`: seconds of computation for each second of sound, voice activity included.
"""

import argparse
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diarization import NOISE, cut_to_speech, list_clips
from result import show
from scipy.optimize import linear_sum_assignment

from mmerc.corpora import Clip, Utterance
from mmerc.inference.live_segmenter import LiveSegmenter
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.speakers.live import LiveSpeakers, find_encoder
from mmerc.speakers.turns import Turn
from mmerc.speakers.voice_encoder import VoiceEncoder

BLOCK = SAMPLE_RATE // 10  # samples, as the page sends them
TURN = (2.0, 6.0)  # seconds
SAMPLES = 3  # clips from which a person is enrolled: 5 to 8 s
NEAR = 0.7  # seconds from a change to the end of an utterance that belongs to it
INTERIM = 1.0  # seconds of an utterance before its first interim answer


def compose(
    speakers: Mapping[str, Sequence[Path]], seconds: float, rng: random.Random
) -> tuple[np.ndarray, list[Turn], dict[str, np.ndarray]]:
    """A conversation without pauses, who speaks when in it, and a sample of each voice."""
    pair = rng.sample(sorted(speakers), 2)
    clips = {name: rng.sample(list(speakers[name]), len(speakers[name])) for name in pair}
    voices = {
        name: np.concatenate([cut_to_speech(read_waveform(Clip(files.pop()))) for _ in range(SAMPLES)])
        for name, files in clips.items()
    }
    files = {name: iter(found * 10) for name, found in clips.items()}
    parts: list[np.ndarray] = []
    turns: list[Turn] = []
    position = 0
    while position < seconds * SAMPLE_RATE:
        name = pair[len(turns) % 2]
        length = round(rng.uniform(*TURN) * SAMPLE_RATE)
        speech = np.zeros(0, np.float32)
        while len(speech) < length:
            speech = np.concatenate([speech, cut_to_speech(read_waveform(Clip(next(files[name]))))])
        parts.append(speech[:length])
        turns.append(Turn(position / SAMPLE_RATE, (position + length) / SAMPLE_RATE, name))
        position += length
    waveform = np.concatenate(parts)
    noise = np.random.default_rng(rng.randrange(2**32)).normal(0, NOISE, len(waveform))
    return (waveform + noise).astype(np.float32), turns, voices


def listen(segmenter: LiveSegmenter, waveform: np.ndarray) -> Iterator[tuple[Utterance, bool, float, float]]:
    """Utterances, whether each has ended, the seconds of the stream at that time, and the seconds of computation of the last block."""
    for first in range(0, len(waveform), BLOCK):
        started = time.perf_counter()
        ended = segmenter.add_audio(waveform[first : first + BLOCK])
        spent = time.perf_counter() - started
        for utterance in ended:
            yield utterance, True, segmenter.sound_end, spent
        running = segmenter.peek()
        if running is not None:
            yield running, False, segmenter.sound_end, spent
    for utterance in segmenter.finish():
        yield utterance, True, segmenter.sound_end, 0.0


def measure(waveform: np.ndarray, turns: Sequence[Turn], segmenter: LiveSegmenter) -> dict[str, float]:
    utterances: list[Utterance] = []
    first_interim, first_final = np.inf, np.inf
    started = time.perf_counter()
    for utterance, has_ended, now, spent in listen(segmenter, waveform):
        if has_ended:
            utterances.append(utterance)
            first_final = min(first_final, now + spent)
        elif now - (utterance.start or 0.0) >= INTERIM:
            first_interim = min(first_interim, now + spent)
    factor = (time.perf_counter() - started) * SAMPLE_RATE / len(waveform)
    people = sorted({turn.speaker for turn in turns})
    found = sorted({each.speaker for each in utterances})
    shared = np.zeros((len(people), len(found)))  # seconds
    for each in utterances:
        for turn in turns:
            overlap = min(each.end or 0.0, turn.end) - max(each.start or 0.0, turn.start)
            shared[people.index(turn.speaker), found.index(each.speaker)] += max(overlap, 0.0)
    rows, columns = linear_sum_assignment(-shared)
    ends = np.array([each.end for each in utterances])
    changes = np.array([turn.end for turn in turns[:-1]])
    near = np.abs(ends[:, None] - changes) < NEAR  # [E, C]
    return {
        "right speaker": shared[rows, columns].sum() / shared.sum(),
        "right name": sum(shared[people.index(name), found.index(name)] for name in people if name in found)
        / shared.sum(),
        "one speaker": shared.sum(1).max() / shared.sum(),
        "speakers found": len(found),
        "turns": len(turns),
        "utterances": len(utterances),
        "shortest utterance, s": min((each.end or 0.0) - (each.start or 0.0) for each in utterances),
        "longest utterance, s": max((each.end or 0.0) - (each.start or 0.0) for each in utterances),
        "changes found": near.any(0).mean(),
        "ends at a change": near.any(1)[:-1].mean(),
        "first interim, s": first_interim,
        "first final, s": first_final,
        "real-time factor": factor,
    }


def summarise(rows: Sequence[Mapping[str, float]], *, is_enrolled: bool) -> dict[str, float]:
    if is_enrolled:
        return {key: round(float(np.mean([row[key] for row in rows])), 3) for key in ("right name", "speakers found")}
    means = {key: round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0] if key != "right name"}
    latest = {
        f"latest {key}": round(max(row[key] for row in rows), 2) for key in ("first interim, s", "first final, s")
    }
    lowest = {"lowest right speaker": round(min(row["right speaker"] for row in rows), 3)}
    return {"conversations": len(rows), **means, **latest, **lowest}


def measure_set(
    name: str, speakers: Mapping[str, Sequence[Path]], encoder: VoiceEncoder, options: argparse.Namespace
) -> dict[str, Any]:
    plain, enrolled = [], []
    for index in range(options.conversations):
        waveform, turns, voices = compose(speakers, options.seconds, random.Random(f"{options.seed} {name} {index}"))
        plain.append(measure(waveform, turns, LiveSegmenter(speakers=LiveSpeakers(encoder))))
        known = LiveSpeakers(encoder)
        for person, voice in voices.items():
            known.enrol(person, voice)
        enrolled.append(measure(waveform, turns, LiveSegmenter(speakers=known)))
    return {**summarise(plain, is_enrolled=False), "enrolled": summarise(enrolled, is_enrolled=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="+", default=["ravdess", "emodb"])
    parser.add_argument("--conversations", type=int, default=6, help="of each set")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    encoder = find_encoder("auto")
    if encoder is None:
        parser.error("the weights are absent: run `mmerc weights fetch voice-encoder`")
    sets = list_clips(options.data)
    result: dict[str, Any] = {"seconds": options.seconds, "threads": torch.get_num_threads()}
    for name in options.sets:
        result[name] = measure_set(name, sets[name], encoder, options)
    show(result, options.out)


if __name__ == "__main__":
    main()
