import json
from dataclasses import replace
from pathlib import Path

import pytest

from mmerc import open_corpus
from mmerc.corpora import Corpus
from mmerc.errors import ConfigError, RunError
from mmerc.training import folds as folds_module
from mmerc.training.folds import describe_folds, has_folds, train_folds
from mmerc.training.run_folder import read_run
from tests.training.packs import make_config, write_pack


def test_a_fold_is_a_normal_run_and_a_stopped_one_continues(tmp_path: Path) -> None:
    corpus = write_pack(tmp_path / "mine")
    config, out = make_config(corpus), tmp_path / "out"
    finished: list[str] = []

    def stop_in_the_second(folder: Path, trained: Corpus) -> None:
        finished.append(folder.name)
        if len(finished) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_folds(corpus, out, config, folds=3, on_finish=stop_in_the_second)
    assert not (out / "fold-2").exists() and has_folds(out)
    finished.clear()
    folds = train_folds(
        corpus, out, config, folds=3, seeds=1, on_finish=lambda folder, trained: finished.append(trained.location)
    )
    assert finished == [f"pack:{tmp_path / 'mine'}?fold={number}/3,speaker,0" for number in range(3)]
    events = [json.loads(line) for line in (out / "fold-0" / "log.jsonl").read_text().splitlines()]
    assert [event["epoch"] for event in events if event.get("epoch") == 1] == [1]  # it was not trained again
    for number in range(3):
        run = read_run(out / f"fold-{number}")
        assert open_corpus(run.location) == folds.make_corpus(number)
        rows = [json.loads(line) for line in (run.folder / "predictions" / "test.jsonl").read_text().splitlines()]
        assert {row["speaker"] for row in rows} == set(folds.list_test_groups(number))
    assert describe_folds(folds)["labelled"] == {"train": 12, "dev": 12}
    assert describe_folds(folds)["left_out"] == {"test": 4}
    assert json.loads((out / "folds.json").read_text()) == describe_folds(folds)
    with pytest.raises(RunError, match="holds other folds .folds is 3 in the folder and 4 now.: choose another --out"):
        train_folds(corpus, out, config, folds=4)
    with pytest.raises(
        RunError, match="holds folds of another corpus, or the corpus has changed since: choose another"
    ):
        train_folds(write_pack(tmp_path / "other", speakers=7), out, config, folds=3)
    with pytest.raises(RunError, match="does not hold folds: choose another --out"):
        train_folds(corpus, out / "fold-0", config, folds=3)


def test_folds_that_were_never_trained_do_not_block_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = write_pack(tmp_path / "mine")
    trained: list[Path] = []
    monkeypatch.setattr(folds_module, "train", lambda corpus, out, config, **options: trained.append(out))
    train_folds(corpus, tmp_path / "out", make_config(corpus), folds=3)
    train_folds(corpus, tmp_path / "out", make_config(corpus), folds=4, by="dialogue")
    assert [path.name for path in trained] == [f"fold-{number}" for number in (0, 1, 2, 0, 1, 2, 3)]
    assert json.loads((tmp_path / "out" / "folds.json").read_text())["by"] == "dialogue"


def test_a_signal_that_has_seen_the_labels_of_the_tested_rows_is_refused(tmp_path: Path) -> None:
    corpus = replace(write_pack(tmp_path / "mine", signals=("pulse", "skin")), leaky_signals=("skin",))
    with pytest.raises(
        ConfigError, match="skin of .* was made with the labels .*: leave it out with --modalities pulse"
    ):
        train_folds(corpus, tmp_path / "out", make_config(corpus), folds=3)
    assert not (tmp_path / "out").exists()
