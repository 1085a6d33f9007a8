import json
import shutil
from pathlib import Path

import pytest

from mmerc.errors import RunError
from mmerc.evaluation import evaluate


def test_every_system_is_scored_on_every_row(small_run: Path) -> None:
    result = evaluate(small_run, "test")
    assert list(result["systems"]) == ["majority", "text", "audio", "face", "fused"]
    assert all(system["utterances"] == 8 for system in result["systems"].values())
    assert result["missing"]["text"] == 0
    assert json.loads((small_run / "metrics.json").read_text())["test"]["systems"].keys() == result["systems"].keys()


def test_dev_and_test_stand_side_by_side(small_run: Path) -> None:
    evaluate(small_run, "dev")
    evaluate(small_run, "test")
    assert {"dev", "test"} <= json.loads((small_run / "metrics.json").read_text()).keys()


def test_an_unfinished_run_says_so(small_run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(small_run, copy)
    (copy / "predictions" / "test.jsonl").unlink()
    with pytest.raises(RunError, match="finish the training of the run"):
        evaluate(copy, "test")
    with pytest.raises(RunError, match="is not a run folder"):
        evaluate(tmp_path, "test")


def test_predictions_that_were_cut_are_one_sentence(small_run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(small_run, copy)
    file = copy / "predictions" / "audio" / "test.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:3]))
    with pytest.raises(RunError, match=r"audio/test\.jsonl has no row for 5 utterances \("):
        evaluate(copy, "test")
