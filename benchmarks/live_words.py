"""How late the recognised words of a live stream come, as JSON.

    python benchmarks/live_words.py --model RUN/model [--data ../shared/data] [--clips 20] [--seed 0] [--out FILE]

Clips of RAVDESS's actors 21 and 22, each one sentence between two silences, are sent to `mmerc serve --transcribe base` in real time, in blocks of
0.1 s, and the pauses end the utterances.

`right`: the share of utterances whose words are those of the sentence, without case and punctuation. `in the first answer`: the share of final answers that have
their words at once and are not revised. `after the end`: seconds from the end of the voice, of which half a second is the pause that ends an utterance, to the answer that
has the words. `of a word`: seconds from the end of a word to the first answer that has it, also before the end. `of an agreed word`: the same if a word counts only
when two answers in a row agree on it and on all before it (the policy of local agreement). `changed`: the share of words of answers before the end that the final one does not
have at their place. Measure on an idle machine.
"""

import argparse
import asyncio
import json
import random
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import websockets
from result import show
from serve import Service

from mmerc.corpora import Clip
from mmerc.media import SAMPLE_RATE, read_waveform

BLOCK = SAMPLE_RATE // 10
SENTENCES = {
    "01": "kids are talking by the door",
    "02": "dogs are sitting by the door",
}  # by the fifth part of a file's name
TAIL = 3.0  # seconds of silence at the end


@dataclass
class Said:
    """What was answered for one utterance: the time of each answer and its words."""

    guesses: list[tuple[float, list[str]]] = field(default_factory=list)
    finals: list[tuple[float, dict[str, Any]]] = field(default_factory=list)


def normalize(text: str | None) -> list[str]:
    """The words without case and punctuation."""
    return re.sub(r"[^a-z' ]", "", (text or "").lower()).split()


def count_agreed(first: list[str], second: list[str]) -> int:
    """The number of words at the start on which two guesses agree."""
    differing = (index for index, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1])
    return next(differing, min(len(first), len(second)))


async def play(address: str, sound: np.ndarray) -> list[Said]:
    """Send a sound in real time; what is answered for each utterance."""
    said: dict[int, Said] = {}
    async with websockets.connect(f"ws://{address}/v1/stream", max_size=None) as stream:
        await stream.send(json.dumps({"type": "start", "speakers": False}))
        assert json.loads(await stream.recv())["words"]
        began = time.perf_counter()

        async def send() -> None:
            for first in range(0, len(sound), BLOCK):
                block = (sound[first : first + BLOCK] * 32767).astype("<i2").tobytes()
                await asyncio.sleep(began + (first + BLOCK) / SAMPLE_RATE - time.perf_counter())  # when it was heard
                await stream.send(b"\x01" + block)
            await stream.send('{"type": "stop"}')

        sending = asyncio.create_task(send())
        async for text in stream:
            message = json.loads(text)
            if message["type"] != "prediction":
                continue
            found = said.setdefault(message["utterance"], Said())
            now = time.perf_counter() - began
            if message["final"]:
                found.finals.append((now, message))
            else:
                found.guesses.append((now, normalize(message["text"])))
        await sending
    return [said[number] for number in sorted(said)]


def measure_words(said: list[Said]) -> dict[str, Any]:
    """Delays of single words, and the share of guessed words that the final answer does not have."""
    plain, agreed, guessed, changed = [], [], 0, 0
    for each in said:
        time_of_final, final = each.finals[-1]
        words = [(normalize(word["text"]), word["end"]) for word in final.get("words", [])]
        known = [(text[0], end) for text, end in words if text]
        truth = [text for text, _ in known]
        for _, guess in each.guesses:
            guessed += len(guess)
            changed += sum(index >= len(truth) or word != truth[index] for index, word in enumerate(guess))
        for index, (_, end) in enumerate(known):
            shown = (now for now, guess in each.guesses if guess[: index + 1] == truth[: index + 1])
            plain.append(next(shown, time_of_final) - end)
            pairs = zip(each.guesses, each.guesses[1:], strict=False)
            confirmed = (now for (_, one), (now, other) in pairs if count_agreed(one, other) > index)
            agreed.append(next(confirmed, time_of_final) - end)
    return {
        "of a word": summarize(plain),
        "of an agreed word": summarize(agreed),
        "changed": round(changed / max(1, guessed), 3),
    }


def summarize(seconds: list[float]) -> dict[str, float]:
    """The median and the 95th percentile."""
    return {"median": round(float(np.median(seconds)), 2), "p95": round(float(np.quantile(seconds, 0.95)), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    files = [
        file for actor in (21, 22) for file in sorted((arguments.data / "ravdess" / f"Actor_{actor}").glob("*.flac"))
    ]
    files = random.Random(arguments.seed).sample(files, arguments.clips)
    sound = np.concatenate(
        [*(read_waveform(Clip(file)) for file in files), np.zeros(int(TAIL * SAMPLE_RATE), np.float32)]
    )
    service = Service(arguments.model, "--transcribe", "base")
    try:
        service.wait()
        said = asyncio.run(play(service.address, sound))
    finally:
        service.stop()
    said = [each for each in said if each.finals]
    delays, right, at_once = [], 0, 0
    sentences = [SENTENCES[file.stem.split("-")[4]].split() for file in files]
    for each in said:
        texts = [normalize(message["text"]) for _, message in each.finals]
        right += texts[-1] in sentences
        at_once += len(texts) == 1 and bool(texts[0])
        now = next((now for (now, _), text in zip(each.finals, texts, strict=True) if text), each.finals[-1][0])
        delays.append(now - each.finals[0][1]["end"])
    result = {
        "utterances": len(said),
        "right": round(right / len(files), 3),
        "in the first answer": round(at_once / len(said), 3),
        "after the end": summarize(delays),
        **measure_words(said),
    }
    show(result, arguments.out)


if __name__ == "__main__":
    main()
