"""The robustness report on a small run: its ends agree with what is known otherwise."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mmerc.cli import app
from mmerc.evaluation import evaluate
from mmerc.evaluation.report import write_report
from mmerc.evaluation.robustness import add_noise, drop_at_random, keep_only
from mmerc.features import FeatureRow

KEYS = [("test", "0", str(number)) for number in range(400)]


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_run, tmp_path / "run"))


def test_nothing_taken_away_is_the_run_itself_and_every_subset_is_there(run: Path) -> None:
    plain = evaluate(run, "test")["systems"]["fused"]["mean"]
    result = evaluate(run, "test", robustness=True)
    found = result["robustness"]["crossmodal_embracenet"]
    assert list(result["robustness"]) == ["crossmodal_embracenet"] and "fusions" not in result
    assert list(found["subsets"]) == [
        "audio", "face", "text", "audio+face", "audio+text", "face+text", "audio+face+text",
    ]  # fmt: skip
    for whole in (found["subsets"]["audio+face+text"], found["rates"]["0.0"]):
        assert whole["mean"] == {name: pytest.approx(plain[name]) for name in whole["mean"]}
        assert set(whole["std"].values()) == {0.0}  # one seed
    assert list(found["rates"]) == ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]
    assert list(found["noise"]["text"]) == ["0.5", "1.0", "2.0", "4.0"]
    assert evaluate(run, "test")["robustness"] == result["robustness"]  # a later evaluation keeps it
    assert json.loads((run / "metrics.json").read_text())["test"]["robustness"] == result["robustness"]


def test_the_command_and_the_report_show_it(run: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(run), "--robustness"])
    assert result.exit_code == 0, result.stderr
    assert "Only some modalities" in result.stdout and "audio+text" in result.stdout
    assert "Weighted F1 when modalities are missing or noisy" in write_report(run).read_text()


def test_fusions_trained_beside_the_configured_one_are_compared_with_it(run: Path, small_corpus: Path) -> None:
    again = [
        "train",
        f"meld:{small_corpus}",
        "--preset",
        "smoke",
        "--out",
        str(run),
        "--fusions",
        "late_averaging,mult",
    ]
    before = (run / "predictions" / "test.jsonl").read_text()
    assert CliRunner().invoke(app, again).exit_code == 0
    assert (run / "predictions" / "test.jsonl").read_text() == before  # what was there stays as it is
    assert sorted(path.name for path in (run / "fusions").iterdir()) == ["late_averaging", "mult"]
    assert not list(run.rglob("*.checkpoint"))
    result = evaluate(run, "test", robustness=True)
    assert list(result["fusions"]) == list(result["robustness"]) == ["crossmodal_embracenet", "late_averaging", "mult"]
    chosen = result["fusions"]["crossmodal_embracenet"]
    assert chosen["mean"]["accuracy"] == pytest.approx(result["systems"]["fused"]["mean"]["accuracy"])
    sizes = {name: measured["parameters"] for name, measured in result["fusions"].items()}
    assert sizes["late_averaging"] < sizes["crossmodal_embracenet"] and chosen["seconds"] > 0
    shown = CliRunner().invoke(app, ["evaluate", str(run)]).stdout
    assert "Comparison of fusions" in shown and "mult" in shown
    unknown = CliRunner().invoke(app, [*again[:-1], "mult,early"])
    assert unknown.exit_code == 2 and 'there is no fusion "early"' in unknown.stderr


def test_what_is_missing_at_a_rate_is_missing_at_every_higher_one() -> None:
    rows = [FeatureRow(key, np.ones((1, 2), np.float32)) for key in KEYS]
    gone = {
        rate: {row.key for row in rows if drop_at_random(rate, 0)("text", row).values is None}
        for rate in (0.0, 0.3, 0.6)
    }
    assert not gone[0.0] and gone[0.3] < gone[0.6]
    assert len(gone[0.3]) == pytest.approx(120, abs=30)
    assert gone[0.3] != {row.key for row in rows if drop_at_random(0.3, 0)("face", row).values is None}
    assert gone[0.3] != {row.key for row in rows if drop_at_random(0.3, 1)("text", row).values is None}


def test_noise_disturbs_one_modality_the_same_way_each_time() -> None:
    row = FeatureRow(KEYS[0], np.zeros((1000, 2), np.float32))
    change = add_noise("text", 0.5, seed=0)
    first = change("text", row).values
    assert first is not None and float(first.std()) == pytest.approx(0.5, abs=0.03)
    assert np.array_equal(first, change("text", row).values)  # type: ignore[arg-type]
    assert change("face", row) is row
    assert keep_only(("face",))("text", row).values is None and keep_only(("face",))("face", row) is row
