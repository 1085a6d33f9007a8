"""Training and extraction killed at five random instants end with the numbers of an undisturbed run.

The processes are forked from a server that has loaded the libraries once, so that a kill costs no start-up.
"""

import json
import multiprocessing
import random
import time
from pathlib import Path

import pytest

from mmerc.features.store import FeatureStore
from mmerc.files import TEMPORARY

KILLS = 5


def work(corpus: str, out: str) -> None:
    from mmerc import evaluate, load_config, open_corpus, train

    # One thread, because a sum over threads may round differently when a run is cut.
    train(open_corpus(corpus), out, load_config("smoke", overrides=["trainer.num_threads=1"]))
    evaluate(out, "test")


def numbers(run: Path) -> tuple[object, str, dict[object, bytes]]:
    features = {
        (name, key): b"" if (values := store[key].values) is None else values.tobytes()
        for name in ("text", "audio", "face")
        for store in [FeatureStore(run / "features" / name)]
        for key in store
    }
    return json.loads((run / "metrics.json").read_text()), (run / "predictions" / "test.jsonl").read_text(), features


@pytest.mark.weights
@pytest.mark.timeout(400)
def test_kills_change_no_number(small_corpus: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mmerc.training.run", "mmerc.evaluation"])

    def start(out: Path) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=work, args=(f"meld:{small_corpus}", str(out)))
        process.start()
        return process

    began = time.monotonic()
    undisturbed = start(tmp_path / "whole")
    undisturbed.join()
    whole = time.monotonic() - began
    assert undisturbed.exitcode == 0

    rng, kills, out = random.Random(), 0, tmp_path / "killed"
    while kills < KILLS:
        process = start(out)
        process.join(rng.uniform(0.05, 0.9) * whole / 4)
        if process.is_alive():
            process.kill()
            process.join()
            kills += 1
            for whole_file in out.rglob("*.json"):
                if TEMPORARY not in str(whole_file):
                    json.loads(whole_file.read_text())  # what has its final name is whole
        else:
            assert process.exitcode == 0  # it was through before all kills were spent: kill another one
            out = tmp_path / f"killed-{kills}"
    last = start(out)
    last.join()
    assert last.exitcode == 0
    assert numbers(out) == numbers(tmp_path / "whole")
    assert not list(out.rglob(f"{TEMPORARY}*")) and not list(out.rglob("*.checkpoint"))
