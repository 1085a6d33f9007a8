"""Size of the features of stage 2, and what smaller ones cost on dev, as JSON.

    python benchmarks/feature_size.py RUN [--steps 0 16 8 4 1] [--seeds 3] [--modalities text audio face] [--out FILE]

RUN was trained with `max_feature_steps: 0` and `feature_dtype: float16` in each modality, so that its features have every step. For each number of steps
they are made smaller, as these settings do it, and the fusion of RUN is trained on them. `kb`: size of the store on disk for each
utterance, of all modalities. `dev_f1_weighted`: of the best epoch, the mean over the seeds; `lost`: points less than with every step in float16, with
the standard error of the mean of the differences between the same seeds.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from result import show

from mmerc import open_corpus
from mmerc.corpora import Corpus
from mmerc.encoders import Encoder
from mmerc.features import FeatureRow, average_steps, quantize
from mmerc.features.store import FeatureStore
from mmerc.features.writer import FeatureWriter
from mmerc.files import read_json_value
from mmerc.model.folder import load_encoder
from mmerc.progress import EventLog
from mmerc.training.fusion import train_fusion
from mmerc.training.run_folder import Run, read_run
from mmerc.training.selection import find_best_score
from mmerc.training.splits import add_selection_split


def shrink(row: FeatureRow, encoder: Encoder, steps: int, dtype: str) -> FeatureRow:
    if row.values is None:
        return row
    row = replace(row, values=average_steps(row.values, steps, encoder.num_leading_steps))
    return quantize(row) if dtype == "int8" else row


def measure(
    run: Run, corpus: Corpus, encoders: dict[str, Encoder], steps: int, dtype: str, seeds: int
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder, stores = Path(name), {}
        for modality, encoder in encoders.items():
            store = FeatureStore(run.folder / "features" / modality)
            with FeatureWriter(folder / modality) as writer:
                for key in store:
                    writer.add(shrink(store[key], encoder, steps, dtype))
            stores[modality] = FeatureStore(folder / modality)
        size = sum(file.stat().st_size for file in folder.rglob("*.arrow"))
        widths = {modality: encoder.width for modality, encoder in encoders.items()}
        scores = []
        for seed in range(seeds):
            out = folder / f"fusion-{seed}"
            train_fusion(
                stores,
                widths,
                run.config,
                corpus,
                out,
                fusion=run.config.fusion,
                seed=seed,
                events=EventLog(folder / "log"),
            )
            scores.append(100 * find_best_score(read_json_value(out / "history.json")))
        count = len(next(iter(stores.values())))
        return {"steps": steps, "dtype": dtype, "kb": round(size / count / 1000, 1), "scores": scores}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", nargs="+", type=int, default=[0, 16, 8, 4, 1])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--modalities", nargs="+")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    run = read_run(arguments.run)
    corpus = add_selection_split(open_corpus(run.location))
    names = arguments.modalities or list(run.config.modalities)
    encoders = {name: load_encoder(arguments.run / "encoders" / name) for name in names}
    whole = measure(run, corpus, encoders, 0, "float16", arguments.seeds)
    rows = [whole]
    for steps in arguments.steps:
        rows.append(measure(run, corpus, encoders, steps, "int8", arguments.seeds))
        print(rows[-1], flush=True)
    for row in rows:
        lost = np.asarray(whole["scores"]) - np.asarray(row["scores"])
        row["dev_f1_weighted"] = round(float(np.mean(row["scores"])), 2)
        row["lost"] = round(float(lost.mean()), 2)
        row["lost_error"] = round(float(lost.std(ddof=1) / len(lost) ** 0.5), 2) if len(lost) > 1 else None
    show({"utterances": len(list(corpus.utterances("train"))), "sizes": rows}, arguments.out)


if __name__ == "__main__":
    main()
