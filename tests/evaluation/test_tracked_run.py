import csv
import shutil
from pathlib import Path

from mmerc.evaluation.report import write_report
from mmerc.evaluation.tracked_run import track_run


def test_curves_results_and_files_are_in_the_tracker(small_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    write_report(run)
    folder = track_run(run, "csv")
    assert folder == run / "logs" / "csv" / "version_0"
    assert {"confusion-test-fused.png", "confusion-dev-text.png", "hparams.yaml", "metrics.json", "report.html"} <= {
        file.name for file in folder.iterdir()
    }
    with (folder / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["1", "2", "3", "3"]  # the fusion has three epochs; then the results
    assert rows[0]["text/loss"] and rows[2]["fusion/dev_f1_weighted"] and not rows[2]["text/loss"]
    assert rows[3]["test/fused/f1_weighted"] and not rows[3]["fusion/loss"]
