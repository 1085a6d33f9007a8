from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmerc.errors import ConfigError, RunError
from mmerc.training.run_config import RunConfig, load_config
from mmerc.training.search import Range, check_space, optimise, read_space, search, summarise
from tests.training.packs import make_config, write_pack

optuna = pytest.importorskip("optuna")
SPACE = {
    "fusion.learning_rate": Range(low=1e-5, high=1e-1, log=True),
    "fusion.name": Range(("mult", "low_rank", "ctnet")),
}


def configure(overrides: Sequence[str]) -> RunConfig:
    return load_config("smoke", overrides=overrides)


def measure(trial: Any, overrides: Sequence[str]) -> float:
    """Best at a learning rate of 1e-3 with low_rank: there it is 1."""
    fusion = configure(overrides).fusion
    return 1 - 0.1 * abs(3 + float(f"{fusion.learning_rate:e}".split("e")[1])) - 0.5 * (fusion.name != "low_rank")


def test_it_finds_a_planted_optimum_in_20_trials(tmp_path: Path) -> None:
    optimise(tmp_path, SPACE, measure, trials=20)
    result = summarise(tmp_path, SPACE, configure)
    assert len(result["trials"]) == 20 and result["best"]["dev_f1_weighted"] > 0.99
    assert result["best"]["settings"]["fusion.name"] == "low_rank"
    assert result["importances"]["fusion.name"] > result["importances"]["fusion.learning_rate"]
    assert yaml.safe_load((tmp_path / "best.yaml").read_text())["fusion"]["name"] == "low_rank"


def test_a_search_continues_to_its_number_of_trials(tmp_path: Path) -> None:
    for trials in (2, 3, 3):
        optimise(tmp_path, SPACE, measure, trials=trials)
    assert len(summarise(tmp_path, SPACE, configure)["trials"]) == 3
    with pytest.raises(RunError, match="holds a search with another space"):
        optimise(tmp_path, {"fusion.dropout": Range((0.1, 0.2))}, measure, trials=4)


def test_a_failed_trial_does_not_end_the_search(tmp_path: Path) -> None:
    def fail(trial: Any, overrides: Sequence[str]) -> float:
        if trial.number == 0:
            raise RunError("the loss is not finite")
        return measure(trial, overrides)

    optimise(tmp_path, SPACE, fail, trials=2)
    assert [each["state"] for each in summarise(tmp_path, SPACE, configure)["trials"]] == ["fail", "complete"]


def test_trials_are_runs_on_dev_that_are_deleted(tmp_path: Path) -> None:
    corpus = write_pack(tmp_path / "pack")
    seen: list[str] = []

    def configure_pack(overrides: Sequence[str]) -> RunConfig:
        seen.extend(overrides)
        return make_config(corpus)

    result = search(corpus, tmp_path / "search", {"pulse.dropout": Range((0.1,))}, configure_pack, trials=1)
    assert result["trials"][0]["state"] == "complete" and set(seen) == {"pulse.dropout=0.1"}
    assert {path.name for path in (tmp_path / "search").iterdir()} >= {"best.yaml", "journal.log", "search.json"}
    assert not list((tmp_path / "search" / "trials").iterdir())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, x]", Range((1, "x"))),
        ("a: {low: 1, high: 4}", Range(low=1, high=4)),
        ("a: {low: 1e-5, high: 0.1, log: true}", Range(low=1e-5, high=0.1, log=True)),
    ],
)
def test_a_space_is_read(tmp_path: Path, text: str, expected: Range) -> None:
    (tmp_path / "space.yaml").write_text(text)
    assert read_space(tmp_path / "space.yaml") == {"a": expected}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a: 1",
        "a: []",
        "a: {low: 2, high: 1}",
        "a: {low: 0, high: 1, log: true}",
        "a: {low: 1}",
        "a: [",
        "a: {low: x, high: 1}",
    ],
)
def test_a_damaged_space_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "space.yaml").write_text(text)
    with pytest.raises(ConfigError, match="space.yaml"):
        read_space(tmp_path / "space.yaml")


def test_an_unknown_setting_is_found_before_the_first_trial() -> None:
    with pytest.raises(ConfigError, match='"fusion.droput" is not a setting'):
        check_space({"fusion.droput": Range((0.1, 0.2))}, configure)
