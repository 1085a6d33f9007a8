import json
import shutil
from pathlib import Path
from statistics import mean, stdev

import pytest

from mmerc.corpora.folds import Folds
from mmerc.errors import RunError
from mmerc.evaluation import evaluate, score
from mmerc.evaluation.folds import evaluate_folds, make_tables, write_folds_report
from mmerc.training.folds import train_folds
from tests.cli.run import run
from tests.training.packs import make_config, write_pack


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Folds]:
    """Three folds of two modalities and two seeds; tests must not change them."""
    folder = tmp_path_factory.mktemp("folds")
    corpus = write_pack(folder / "mine", speakers=7, signals=("pulse", "skin"))
    return folder / "out", train_folds(corpus, folder / "out", make_config(corpus), folds=3, seeds=2)


def test_means_are_over_folds_and_the_pooled_metrics_over_all_predictions(trained: tuple[Path, Folds]) -> None:
    out, folds = trained
    result = evaluate_folds(out, folds)
    assert list(result["systems"]) == ["majority", "pulse", "skin", "fused"]
    assert (result["scored"], result["seeds"], result["by"], result["folds"]) == (28, 2, "speaker", 3)
    own = [evaluate(out / f"fold-{number}", "test") for number in range(3)]
    for name in result["systems"]:
        for metric in ("f1_weighted", "accuracy", "balanced_accuracy"):
            values = [each["systems"][name]["mean"][metric] for each in own]
            assert result["systems"][name]["mean"][metric] == pytest.approx(mean(values))
            assert result["systems"][name]["std"][metric] == pytest.approx(stdev(values))
    labels, groups, predicted = [], [], [[], []]  # type: ignore[var-annotated]
    for number in range(3):
        utterances = list(folds.make_corpus(number).utterances("test"))
        labels += [result["labels"].index(each.emotion) for each in utterances]
        groups += [int(each.speaker[1:]) for each in utterances]
        for seed in range(2):
            file = out / f"fold-{number}" / f"seed-{seed}" / "predictions" / "test.jsonl"
            rows = [json.loads(line) for line in file.read_text().splitlines()]
            predicted[seed] += [result["labels"].index(row["emotion"]) for row in rows]
    assert sorted(set(groups)) == list(range(7))
    assert result["systems"]["fused"]["pooled"] == score(labels, predicted, result["labels"], groups=groups)
    assert json.loads((out / "folds.json").read_text()) == result


def test_the_page_and_the_commands_show_the_folds(trained: tuple[Path, Folds]) -> None:
    out, folds = trained
    page = write_folds_report(out, folds)
    html = page.read_text(encoding="utf-8")
    assert page == out / "report.html" and "Cross-validation, 3 folds by speaker" in html
    assert "Labelled utterances: 16 of train, 12 of dev. Left out, without labels: 4 of test." in html
    assert html.count("<figure>") == 3
    shown = run("evaluate", out)
    assert shown.exit_code == 0 and "95 % bootstrap interval over 7 groups (speaker)" in " ".join(shown.stdout.split())
    assert json.loads(run("evaluate", out, "--json").stdout)["scored"] == 28
    assert run("report", out).stdout == f"{page}\n"
    refused = run("evaluate", out, "--robustness")
    assert refused.exit_code == 2 and f"give one of them, such as {out / 'fold-0'}" in refused.stderr


def test_compared_fusions_have_a_table() -> None:
    metrics = dict.fromkeys(("f1_weighted", "accuracy", "balanced_accuracy"), 0.5)
    system = {"mean": metrics, "std": metrics, "pooled": {"mean": metrics, "interval": dict.fromkeys(metrics, (0, 1))}}
    result = {
        "corpus": "c", "scored": 9, "protocol": "offline", "seeds": 1, "folds": 3, "by": "dialogue",
        "groups": [[f"d{n}" for n in range(8)], ["e"], ["f"]], "systems": {"majority": system, "pulse": system},
        "fusions": {"mult": system}, "results": [{"scored": 3, "systems": {"pulse": metrics}}] * 3,
    }  # fmt: skip
    overall, each, fusions = make_tables(result)
    assert overall.rows[1] == ["pulse", "50.0 ± 50.0", "50.0 ± 50.0", "50.0 ± 50.0", "50.0 [0.0, 100.0]"]
    assert each.rows[0] == ["fold-0", "3", "50.0", "50.0", "50.0", "d0; d1; d2; d3; d4; d5 and 2 more"]
    assert fusions.rows == [["mult", "50.0 ± 50.0", "50.0 ± 50.0", "50.0 ± 50.0"]]


def test_what_is_not_finished_says_so(trained: tuple[Path, Folds], tmp_path: Path) -> None:
    out, folds = trained
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    shutil.rmtree(copy / "fold-1")
    with pytest.raises(RunError, match="is not finished .fold-1 is absent.: run the same `mmerc train` again"):
        evaluate_folds(copy, folds)
    shutil.copytree(out / "fold-0", copy / "fold-1")
    with pytest.raises(RunError, match="has changed since .*fold-1 was trained on it"):
        evaluate_folds(copy)
    (copy / "folds.json").write_text(json.dumps({**json.loads((copy / "folds.json").read_text()), "location": ""}))
    with pytest.raises(RunError, match="names no corpus, since it was made in memory"):
        evaluate_folds(copy)
