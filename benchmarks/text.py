"""The text encoder's speed and memory on two cores, as JSON, beside a plain transformers loop in the same run.

    python benchmarks/text.py [--corpus meld:../shared/data/meld] [--utterances 400] [--out FILE]

`inference`: dialogues in memory to probabilities, utterances a second; the plain loop is given the tokens and reads one
utterance at a time in float32. `training`: seconds for one epoch of the whole training split, from as many steps as
`--utterances` fill. The floor: 10.6 million weights outside the embeddings, 2 operations each a token in inference and 6
in training, some 80 tokens an utterance with its history and reply: 1.7 and 5.1 GFLOP an utterance. Two cores of an
EPYC with AVX512-BF16 multiply about 1 TFLOP a second in bfloat16, 0.2 in float32.
"""

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import torch
from result import show
from torch.nn import functional as F

from mmerc.config import read_settings
from mmerc.corpora import Corpus, open_corpus
from mmerc.encoders import ENCODERS, Example, check_encoder_config
from mmerc.encoders.text.base import TextEncoder
from mmerc.encoders.text.input import TOKEN
from mmerc.inference import Predictor
from mmerc.training.batches import make_batches

BATCH = 32


def examples_of(encoder: TextEncoder, corpus: Corpus, split: str, most: int) -> list[Example]:
    found: list[Example] = []
    for dialogue in corpus.dialogues(split):
        found += [
            Example(turn.key, encoder.prepare(dialogue, place))
            for place, turn in enumerate(dialogue.utterances)
            if turn.text
        ]
        if len(found) >= most:
            break
    return found[:most]


def inference(encoder: TextEncoder, corpus: Corpus, most: int) -> float:
    """Utterances a second, as `mmerc predict` does it: words to tokens to rows with probabilities."""
    dialogues, total = [], 0
    for dialogue in corpus.dialogues("train"):
        dialogues.append(dialogue)
        total += len(dialogue)
        if total >= most:
            break
    predictor = Predictor(
        labels=corpus.labels,
        encoders={"text": encoder.eval()},
        fusion=None,
        prior=[1 / len(corpus.labels)] * len(corpus.labels),
    )
    list(predictor.predict(dialogues[:4]))
    began = time.perf_counter()
    rows = list(predictor.predict(dialogues))
    return len(rows) / (time.perf_counter() - began)


@torch.inference_mode()
def plain(encoder: TextEncoder, examples: list[Example]) -> float:
    """The same network as transformers' own examples run it: one utterance, float32."""
    network = encoder.backbone.eval()
    began = time.perf_counter()
    for example in examples:
        ids = torch.from_numpy(example.values[None, :, TOKEN]).long()
        hidden = network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        encoder.emotion(hidden[:, 0].repeat(1, 2) if encoder.config.pooling == "both" else hidden[:, 0]).softmax(1)
    return len(examples) / (time.perf_counter() - began)


def training(encoder: TextEncoder, examples: list[Example]) -> float:
    """Seconds an utterance, forward, backward and step."""
    encoder.train()
    optimizer = torch.optim.AdamW(encoder.parameters(), 1e-5, fused=True)
    batches = make_batches([len(example.values) for example in examples], BATCH, None)
    began = 0.0
    for number, places in enumerate([batches[0], *batches]):
        if number == 1:
            began = time.perf_counter()
        out = encoder(encoder.collate([examples[place] for place in places]))
        optimizer.zero_grad()
        F.cross_entropy(out.logits, torch.zeros(len(places), dtype=torch.long)).backward()
        optimizer.step()
    return (time.perf_counter() - began) / len(examples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="meld:../shared/data/meld")
    parser.add_argument("--utterances", type=int, default=400)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    corpus = open_corpus(chosen.corpus)
    checked = check_encoder_config("text", read_settings("compact", None)["modalities"]["text"])
    encoder = ENCODERS[checked.encoder](checked, len(corpus.labels))
    assert isinstance(encoder, TextEncoder)
    examples = examples_of(encoder, corpus, "train", chosen.utterances)
    fast, slow = (
        inference(encoder, corpus, chosen.utterances),
        plain(encoder, examples[: max(20, chosen.utterances // 8)]),
    )
    each = training(encoder, examples)
    whole = len(list(corpus.utterances("train")))
    result: dict[str, Any] = {
        "corpus": corpus.name,
        "utterances": len(examples),
        "tokens an utterance": round(sum(len(example.values) for example in examples) / len(examples), 1),
        "threads": torch.get_num_threads(),
        "inference, utterances/s": round(fast, 1),
        "plain loop, utterances/s": round(slow, 1),
        "inference / plain loop": round(fast / slow, 2),
        "training, s an epoch": round(each * whole, 1),
        "peak memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    show(result, chosen.out)


if __name__ == "__main__":
    main()
