"""Speed and memory of the text networks, as JSON, beside a plain transformers loop in the same run.

    python benchmarks/text.py [--presets compact base] [--corpus meld:../shared/data/meld] [--steps 20] [--out FILE]

`inference`: utterances per second on the dev split, from dialogues in memory to predictions. The plain loop reads one utterance at
a time in float32, without its context, given its tokens. `live`: milliseconds for one more utterance after 20 earlier ones. `training`: seconds for an epoch
of the training split, from `--steps` steps with the settings of the preset (with R-Drop each batch is read twice), and the peak memory of that process. `onnx`: the
largest difference of a probability from torch in float32, on 20 dialogues, and the speed relative to torch as it computes here. The networks
have their public weights and an untrained classifier, which changes no time.

The lower bound: the weights outside the embeddings (10.6 million in MiniLM, 85.5 million in MPNet), each used for 2 operations a token in
inference and 6 in training. The encoder `dialogue` reads 13 tokens for an utterance of MELD, with its closing mark: 0.3 and 2.2 GFLOP an utterance in
inference, and with R-Drop twice as much in training. Two cores of an EPYC with AVX512-BF16 multiply about 1 TFLOP a second in bfloat16, and 0.2 in float32.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from result import show
from torch.nn import functional as F

from mmerc import Predictor, load_config
from mmerc.corpora import Corpus, open_corpus
from mmerc.encoders import ENCODERS
from mmerc.encoders.text.base import TextEncoder
from mmerc.features import FeatureRow
from mmerc.hardware import keep_memory
from mmerc.model.folder import write_model
from mmerc.model.onnx.comparison import compare_backends
from mmerc.model.onnx.export import export_onnx
from mmerc.training.batches import Batches, EncoderExamples, get_inputs

EARLIER, REPEATS = 20, 40  # utterances before the live one; live utterances


def make_encoder(preset: str, corpus: Corpus) -> TextEncoder:
    torch.manual_seed(0)
    config = load_config(preset).modalities["text"]
    encoder = ENCODERS[config.encoder](config, len(corpus.labels))
    assert isinstance(encoder, TextEncoder)
    return encoder.eval()


def save_model(encoder: TextEncoder, corpus: Corpus, folder: Path) -> Path:
    (folder / "encoders" / "text").mkdir(parents=True)
    encoder.save(folder / "encoders" / "text")
    prior = [1 / len(corpus.labels)] * len(corpus.labels)
    write_model(
        folder,
        corpus,
        {"text": encoder},
        None,
        protocol="offline",
        prior=prior,
        calibrations={},
        dev_f1_weighted=0.0,
        features={},
        dev_labels={},
    )
    return folder / "model"


def measure_inference(encoder: TextEncoder, model: Path, corpus: Corpus) -> dict[str, float]:
    predictor = Predictor.load(model)
    dialogues = corpus.dialogues("dev")
    list(predictor.predict(dialogues[:4]))  # warm up
    start = time.perf_counter()
    count = len(list(predictor.predict(dialogues)))
    speed = count / (time.perf_counter() - start)
    plain = measure_plain_loop(encoder, corpus)
    return {
        "inference, utterances/s": round(speed, 1),
        "plain loop, utterances/s": round(plain, 1),
        "inference / plain loop": round(speed / plain, 2),
        **measure_live(predictor, corpus),
    }


@torch.inference_mode()
def measure_plain_loop(encoder: TextEncoder, corpus: Corpus, count: int = 100) -> float:
    """The same network as the examples of transformers run it: one utterance, float32."""
    texts = [utterance.text or "" for utterance in corpus.utterances("dev")][:count]
    rows = [encoder.tokenizer(text, return_tensors="pt") for text in texts]
    start = time.perf_counter()
    for row in rows:
        hidden = encoder.backbone(row["input_ids"], attention_mask=row["attention_mask"]).last_hidden_state
        encoder.emotion(torch.cat([hidden.mean(1), hidden[:, -1]], -1)).softmax(1)
    return len(texts) / (time.perf_counter() - start)


def measure_live(predictor: Predictor, corpus: Corpus) -> dict[str, float]:
    utterances = [utterance for dialogue in corpus.dialogues("dev") for utterance in dialogue.utterances]
    times = []
    for first in range(0, REPEATS * 10, 10):
        conversation = predictor.stream()
        for utterance in utterances[first : first + EARLIER]:
            conversation.push(utterance)
        start = time.perf_counter()
        conversation.push(utterances[first + EARLIER])
        times.append(1000 * (time.perf_counter() - start))
    return {
        "live, ms, median": round(float(np.median(times)), 1),
        "live, ms, p95": round(float(np.quantile(times, 0.95)), 1),
    }


def measure_training(preset: str, location: str, steps: int, results: Any) -> None:
    """Put the seconds for an epoch and the peak memory in MiB into a queue."""
    keep_memory()
    corpus = open_corpus(location)
    encoder = make_encoder(preset, corpus).train()
    config = encoder.config
    rows = {
        utterance.key: FeatureRow(utterance.key, encoder.prepare(dialogue, index))
        for dialogue in corpus.dialogues("train")
        for index, utterance in enumerate(dialogue.utterances)
    }
    labels = [corpus.labels.index(utterance.emotion or "neutral") for utterance in corpus.utterances("train")]
    batches = Batches(EncoderExamples(encoder, rows, list(rows), labels), config.batch_size, seed=0, epoch=0)
    optimizer = torch.optim.AdamW(encoder.parameters(), config.learning_rate, fused=True)
    start = 0.0
    for number in range(-1, min(steps, len(batches))):  # the first step warms up
        if number == 0:
            start = time.perf_counter()
        batch = batches[max(number, 0)]
        for _ in range(2 if config.rdrop_weight else 1):
            F.cross_entropy(encoder(get_inputs(batch)).logits, batch["labels"]).backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), config.gradient_clip_val)
        optimizer.step()
        optimizer.zero_grad()
    step = (time.perf_counter() - start) / min(steps, len(batches))
    results.put((step * len(batches), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


def measure_onnx(model: Path, corpus: Corpus) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for int8 in (False, True):
        title = "onnx, int8" if int8 else "onnx"
        graph = model.parent / title
        part = export_onnx(model, graph, int8=int8)["parts"]["text"]
        difference = compare_backends(graph, corpus.dialogues("dev")[:20])["largest_difference_of_a_probability"]
        found[f"{title}, largest difference of a probability"] = difference
        found[f"{title}, times as fast"] = part["times_as_fast"]
        found[f"{title}, times as fast as float32"] = part["times_as_fast_as_float32"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=["compact", "base"])
    parser.add_argument("--corpus", default="meld:../shared/data/meld")
    parser.add_argument("--steps", type=int, default=20, help="training steps that are measured")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    corpus = open_corpus(options.corpus)
    context = multiprocessing.get_context("spawn")
    result: dict[str, Any] = {"corpus": corpus.name, "threads": torch.get_num_threads()}
    for preset in options.presets:
        results = context.Queue()
        process = context.Process(target=measure_training, args=(preset, options.corpus, options.steps, results))
        process.start()
        seconds, peak = results.get()
        process.join()
        encoder = make_encoder(preset, corpus)
        with tempfile.TemporaryDirectory() as name:
            model = save_model(encoder, corpus, Path(name))
            result[preset] = {
                "training, s an epoch": round(seconds, 1),
                "training, peak MiB": peak,
                **measure_inference(encoder, model, corpus),
                **measure_onnx(model, corpus),
            }
    show(result, options.out)


if __name__ == "__main__":
    main()
