from pathlib import Path

import pytest

from mmerc import load_config
from mmerc.errors import ConfigError, RunError
from mmerc.training.run_folder import list_seed_folders, read_run


def test_the_folder_of_each_seed(tmp_path: Path) -> None:
    assert list_seed_folders(tmp_path, 1) == [tmp_path]
    assert [folder.name for folder in list_seed_folders(tmp_path, 2)] == ["seed-0", "seed-1"]


def test_a_run_is_read_with_its_corpus_and_seeds(small_run: Path, small_corpus: Path) -> None:
    run = read_run(small_run)
    assert run.config == load_config("smoke") and run.location == f"meld:{small_corpus}"
    assert run.seed_folders == [small_run]


@pytest.mark.parametrize(
    ("content", "error", "sentence"),
    [
        (None, RunError, "is not a run folder"),
        ("- a", RunError, "holds no settings"),
        ("a: [", RunError, "cannot be read"),
        ("seeds: many", RunError, "which is no count"),
        ("seeds: 1", ConfigError, "no modalities"),
    ],
)
def test_a_folder_that_is_no_run(tmp_path: Path, content: str | None, error: type[Exception], sentence: str) -> None:
    if content is not None:
        (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(error, match=sentence):
        read_run(tmp_path)
