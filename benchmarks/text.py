"""Speed and memory of the text encoder, as JSON, beside a plain transformers loop in the same run.

    python benchmarks/text.py [--corpus meld:../shared/data/meld] [--utterances 400] [--out FILE]

`inference`: utterances per second, from dialogues in memory to probabilities. The plain loop is given the tokens and reads
one utterance at a time in float32. `training`: seconds for one epoch of the whole training split, from as many steps as
`--utterances` fill.

The lower bound: 10.6 million weights outside the embeddings, each used for 2 operations a token in inference and 6 in training;
about 80 tokens an utterance with its history and reply: 1.7 and 5.1 GFLOP an utterance. Two cores of an EPYC with
AVX512-BF16 multiply about 1 TFLOP a second in bfloat16, and 0.2 in float32.
"""

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import torch
from result import show
from torch.nn import functional as F

from mmerc import Predictor
from mmerc.config import read_settings
from mmerc.corpora import Corpus, open_corpus
from mmerc.encoders import ENCODERS, Example, check_encoder_config
from mmerc.encoders.text.base import TextEncoder
from mmerc.encoders.text.input import TOKEN
from mmerc.model import EmotionModel
from mmerc.model.collation import make_batches

BATCH = 32


def make_examples(encoder: TextEncoder, corpus: Corpus, split: str, count: int) -> list[Example]:
    examples: list[Example] = []
    for dialogue in corpus.dialogues(split):
        examples += [
            Example(utterance.key, encoder.prepare(dialogue, index))
            for index, utterance in enumerate(dialogue.utterances)
            if utterance.text
        ]
        if len(examples) >= count:
            break
    return examples[:count]


def measure_inference(encoder: TextEncoder, corpus: Corpus, count: int) -> float:
    """Utterances per second, as `mmerc predict` computes them: words to tokens to predictions."""
    dialogues, total = [], 0
    for dialogue in corpus.dialogues("train"):
        dialogues.append(dialogue)
        total += len(dialogue)
        if total >= count:
            break
    prior = [1 / len(corpus.labels)] * len(corpus.labels)
    predictor = Predictor(EmotionModel(corpus.labels, {"text": encoder.eval()}, None, prior))
    list(predictor.predict(dialogues[:4]))
    start = time.perf_counter()
    predictions = list(predictor.predict(dialogues))
    return len(predictions) / (time.perf_counter() - start)


@torch.inference_mode()
def measure_plain_loop(encoder: TextEncoder, examples: list[Example]) -> float:
    """The same network as the examples of transformers run it: one utterance, float32."""
    network = encoder.backbone.eval()
    start = time.perf_counter()
    for example in examples:
        ids = torch.from_numpy(example.values[None, :, TOKEN]).long()
        hidden = network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        encoder.emotion(hidden[:, 0].repeat(1, 2) if encoder.config.pooling == "both" else hidden[:, 0]).softmax(1)
    return len(examples) / (time.perf_counter() - start)


def measure_training(encoder: TextEncoder, examples: list[Example]) -> float:
    """Seconds per utterance: forward, backward and step."""
    encoder.train()
    optimizer = torch.optim.AdamW(encoder.parameters(), 1e-5, fused=True)
    batches = make_batches([len(example.values) for example in examples], BATCH, None)
    start = 0.0
    for number, indices in enumerate([batches[0], *batches]):
        if number == 1:  # the first batch warms up
            start = time.perf_counter()
        out = encoder(encoder.collate([examples[index] for index in indices]))
        optimizer.zero_grad()
        F.cross_entropy(out.logits, torch.zeros(len(indices), dtype=torch.long)).backward()
        optimizer.step()
    return (time.perf_counter() - start) / len(examples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="meld:../shared/data/meld")
    parser.add_argument("--utterances", type=int, default=400)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    corpus = open_corpus(options.corpus)
    checked = check_encoder_config("text", read_settings("compact", None)["modalities"]["text"])
    encoder = ENCODERS[checked.encoder](checked, len(corpus.labels))
    assert isinstance(encoder, TextEncoder)
    examples = make_examples(encoder, corpus, "train", options.utterances)
    speed = measure_inference(encoder, corpus, options.utterances)
    plain = measure_plain_loop(encoder, examples[: max(20, options.utterances // 8)])
    step_time = measure_training(encoder, examples)
    result: dict[str, Any] = {
        "corpus": corpus.name,
        "utterances": len(examples),
        "tokens per utterance": round(sum(len(example.values) for example in examples) / len(examples), 1),
        "threads": torch.get_num_threads(),
        "inference, utterances/s": round(speed, 1),
        "plain loop, utterances/s": round(plain, 1),
        "inference / plain loop": round(speed / plain, 2),
        "training, s an epoch": round(step_time * len(list(corpus.utterances("train"))), 1),
        "peak memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    show(result, options.out)


if __name__ == "__main__":
    main()
