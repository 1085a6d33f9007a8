"""What the tests share: a small corpus of real clips, a run trained on it, and the real data where it lies."""

import os
from pathlib import Path

import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch.set_num_threads(1)  # everything here is small, and test machines are shared

REAL = Path(__file__).parent.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not REAL.is_dir():
        skip = pytest.mark.skip(reason=f"the real data do not lie at {REAL}")
        for item in items:
            if "realdata" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def real_data() -> Path:
    return REAL


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven dialogues of four turns in MELD's layout, with clips; nothing may be changed in it."""
    from mmerc.corpora.synthetic import make_corpus

    folder = tmp_path_factory.mktemp("corpus") / "meld"
    make_corpus(folder, dialogues={"train": 3, "dev": 2, "test": 2}, utterances=4)
    return folder


@pytest.fixture(scope="session")
def small_run(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of every part of the paper, tiny (the smoke preset); nothing may be changed in it."""
    from mmerc import config
    from mmerc.training.run import train
    from mmerc.training.run_config import check

    out = tmp_path_factory.mktemp("runs") / "smoke"
    train(f"meld:{small_corpus}", out, check(config.load("smoke", None, [])))
    return out
