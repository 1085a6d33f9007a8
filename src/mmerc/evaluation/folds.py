"""The result of a cross-validation: means over the folds, and metrics of all held-out predictions together."""

from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from mmerc.config.schema import MAJORITY
from mmerc.corpora import open_corpus
from mmerc.corpora.folds import Folds, deal_folds, list_labelled
from mmerc.errors import RunError
from mmerc.evaluation import figures
from mmerc.evaluation.metrics import score, summarise_seeds
from mmerc.evaluation.report import Section, write_page
from mmerc.evaluation.run_metrics import check_unchanged, evaluate, list_predicted_labels, read_predictions
from mmerc.evaluation.tables import Table
from mmerc.files import read_json, write_json
from mmerc.training.folds import FOLDS, describe_folds, get_fold_folder
from mmerc.training.run_folder import CONFIG, Run, read_run

COLUMNS = ("f1_weighted", "accuracy", "balanced_accuracy")
MAX_NAMED = 6  # groups of a fold in the table; folds.json has all


def open_folds(folder: Path) -> Folds:
    """The folds of a folder that `training.folds.train_folds` wrote.

    Raises:
        RunError: its corpus was made in memory.
    """
    described = read_json(folder / FOLDS)
    if not described.get("location"):
        raise RunError(f"{folder / FOLDS} names no corpus, since it was made in memory: pass the folds themselves.")
    return deal_folds(open_corpus(described["location"]), described["folds"], described["by"], described["seed"])


def evaluate_folds(folder: str | Path, folds: Folds | None = None) -> dict[str, Any]:
    """Score the folds of a cross-validation and write the result into its `folds.json`.

    `folds`: what `train_folds` gave, where the caller has it. The result has `systems`: for the majority class, each modality and
    the fusion, `mean` and `std` of each metric over the folds (of its mean over the seeds), and `pooled`: the metrics of all
    held-out predictions together. The `interval` of `pooled` resamples groups (speakers, sessions or dialogues), not
    utterances. `results` has the metrics of each fold. `fusions` has `mean` and `std` of the compared fusions.

    Raises:
        RunError: a fold is not finished, or the corpus has changed.
    """
    folder = Path(folder)
    folds = folds or open_folds(folder)
    runs = _read_runs(folder, len(folds))
    truth: list[int] = []
    groups: list[str] = []
    predicted: dict[str, list[list[int]]] = {}  # of each system, for each seed
    results = []
    for number, run in enumerate(runs):
        corpus = folds.make_corpus(number)
        check_unchanged(run, corpus)
        results.append(evaluate(run.folder, "test", corpus))
        labelled = list_labelled(corpus.dialogues("test"))
        truth += [corpus.labels.index(str(utterance.emotion)) for utterance in labelled]
        groups += folds.list_test_groups(number)
        for name, seeds in list_predicted_labels(corpus, labelled, read_predictions(run, corpus, "test")).items():
            pooled = predicted.setdefault(name, [[] for _ in seeds])
            for all_labels, labels in zip(pooled, seeds, strict=True):
                all_labels += labels
    names = folds.corpus.labels.names
    _, numbers = np.unique(groups, return_inverse=True)
    result = describe_folds(folds) | {
        "protocol": runs[0].config.protocol,
        "seeds": runs[0].seeds,
        "labels": list(names),
        "scored": len(truth),
        "systems": {
            name: _summarise([each["systems"][name] for each in results])
            | {"pooled": score(truth, seeds, names, groups=numbers.tolist())}
            for name, seeds in predicted.items()
        },
        "fusions": {
            name: _summarise([each["fusions"][name] for each in results]) for name in results[0].get("fusions", {})
        },
        "results": [
            {
                "scored": each["scored"],
                "missing": each["missing"],
                "systems": {name: system["mean"] for name, system in each["systems"].items()},
            }
            for each in results
        ],
    }
    write_json(folder / FOLDS, result)
    return result


def _read_runs(folder: Path, count: int) -> list[Run]:
    """The runs of all folds. Raises RunError: a fold has not begun, or the folds have different numbers of seeds."""
    folders = [get_fold_folder(folder, number) for number in range(count)]
    absent = [each.name for each in folders if not (each / CONFIG).is_file()]
    runs = [read_run(each) for each in folders if each.name not in absent]
    if absent or len({run.seeds for run in runs}) > 1:
        what = f"{', '.join(absent)} is absent" if absent else "its folds have different numbers of seeds"
        raise RunError(f"{folder} is not finished ({what}): run the same `mmerc train` again, which continues it.")
    return runs


def _summarise(systems: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over the folds of each metric's mean over the seeds."""
    means = [system["mean"] for system in systems]
    return summarise_seeds({name: np.asarray([each[name] for each in means]) for name in means[0]})


def make_tables(result: dict[str, Any]) -> list[Table]:
    """The tables of a result of `evaluate_folds`: over the folds, each fold, the compared fusions."""
    tables = [_make_overall(result), _make_each(result)]
    if result["fusions"]:
        rows = [[name, *_format_spread(found)] for name, found in result["fusions"].items()]
        note = "Mean ± standard deviation over the folds. The first fusion is that of the runs."
        tables.append(Table("Comparison of fusions", note, ["fusion", *COLUMNS], rows))
    return tables


def _make_overall(result: dict[str, Any]) -> Table:
    rows = []
    for name, system in result["systems"].items():
        low, high = system["pooled"]["interval"]["balanced_accuracy"]
        pooled = f"{100 * system['pooled']['mean']['balanced_accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
        rows.append([name, *_format_spread(system), pooled])
    count = sum(map(len, result["groups"]))
    plural = "" if result["seeds"] == 1 else "s"
    note = (
        f"{result['corpus']}, {result['scored']} utterances, {result['protocol']}, {result['seeds']} seed{plural}. "
        f"Mean ± standard deviation over {result['folds']} folds. Pooled: UAR of all held-out predictions, with the 95 % "
        f"bootstrap interval over {count} groups ({result['by']})."
    )
    header = ["system", "f1_weighted", "accuracy", "balanced_accuracy (UAR)", "pooled UAR"]
    return Table(f"Cross-validation, {result['folds']} folds by {result['by']}", note, header, rows)


def _make_each(result: dict[str, Any]) -> Table:
    systems = [name for name in result["systems"] if name != MAJORITY]
    rows = []
    for number, (found, groups) in enumerate(zip(result["results"], result["groups"], strict=True)):
        more = f" and {len(groups) - MAX_NAMED} more" if len(groups) > MAX_NAMED else ""
        cells = [f"{100 * found['systems'][name][column]:.1f}" for name in systems for column in COLUMNS]
        rows.append([f"fold-{number}", str(found["scored"]), *cells, "; ".join(groups[:MAX_NAMED]) + more])
    header = ["fold", "utterances", *(f"{name} {column}" for name in systems for column in COLUMNS), "tested on"]
    return Table("Each fold", "Mean over the seeds. Half of the next fold selects the checkpoints.", header, rows)


def _format_spread(system: dict[str, Any]) -> list[str]:
    return [f"{100 * system['mean'][column]:.1f} ± {100 * system['std'][column]:.1f}" for column in COLUMNS]


def write_folds_report(folder: str | Path, folds: Folds | None = None) -> Path:
    """Score the folds, write `folds.json` and `report.html`, and return the path of the report. Raises as `evaluate_folds`."""
    folder = Path(folder)
    result = evaluate_folds(folder, folds)
    left_out = ", ".join(f"{count} of {split}" for split, count in result["left_out"].items())
    text = (
        f"Each fold is tested once. Half of the next fold selects the checkpoints, all others train. No {result['by']} is in two splits. "
        f"Labelled utterances: {', '.join(f'{count} of {split}' for split, count in result['labelled'].items())}."
        + (f" Left out, without labels: {left_out}." if left_out else "")
    )
    section = Section("Results", text, make_tables(result))
    for name, system in result["systems"].items():
        if name != MAJORITY:
            over = "all folds" if result["seeds"] == 1 else f"all folds and {result['seeds']} seeds"
            picture = figures.plot_confusions(system["pooled"]["confusion"], result["labels"])
            section.add_figure(f"Confusion matrix of {name}, summed over {over}.", picture)
    share = mean(each["scored"] for each in result["results"])
    summary = f"Cross-validation with {result['folds']} folds of about {share:.0f} utterances. Each has its own report in fold-0, fold-1, ..."
    title = f"mmerc on {result['corpus']}, {result['folds']} folds"
    return write_page(folder / "report.html", title, summary, [section], get_fold_folder(folder, 0))
