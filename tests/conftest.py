"""What the tests share: a small corpus of real clips, a run trained on it, and the real data where it is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.object_stores import ObjectStore, serve_s3

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch.set_num_threads(1)  # everything here is small, and test machines are shared

REAL = Path(__file__).parent.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not REAL.is_dir():
        skip = pytest.mark.skip(reason=f"the real data are not at {REAL}")
        for item in items:
            if "realdata" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def real_data() -> Path:
    return REAL


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven dialogues of four utterances in MELD's layout, with clips; tests must not change it."""
    from mmerc.corpora.synthetic import make_corpus

    folder = tmp_path_factory.mktemp("corpus") / "meld"
    make_corpus(folder, dialogues={"train": 3, "dev": 2, "test": 2}, utterances=4)
    return folder


@pytest.fixture(scope="session")
def s3() -> Iterator[ObjectStore]:
    """An S3 store with the empty bucket `bucket`, which the environment of the process names."""
    import fsspec

    with serve_s3() as store, pytest.MonkeyPatch.context() as patch:
        for name, value in store.variables().items():
            patch.setenv(name, value)
        fsspec.filesystem("s3").mkdir("bucket")
        yield store


@pytest.fixture(scope="session")
def small_run(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every part of the paper, tiny (the smoke preset); tests must not change it."""
    from mmerc import load_config, open_corpus, train

    out = tmp_path_factory.mktemp("runs") / "smoke"
    train(open_corpus(f"meld:{small_corpus}"), out, load_config("smoke"))
    return out
