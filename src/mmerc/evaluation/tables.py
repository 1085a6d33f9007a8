"""The paper's tables with our numbers next to the published ones, for the terminal and the report."""

from dataclasses import dataclass
from statistics import stdev
from typing import Any

from rich.markup import escape
from rich.table import Table as RichTable

from mmerc.config.schema import FUSED, MAJORITY
from mmerc.evaluation.confidence import REPORTED_SHARES
from mmerc.evaluation.metrics import MAIN_METRICS
from mmerc.evaluation.published import TABLE_1, TABLE_2, TABLE_3

SIGNAL_METRICS = ("balanced_accuracy", "f1_weighted")
COLUMNS = ("accuracy", "balanced_accuracy", "f1_weighted", "f1_of_weighted_pr")


@dataclass(frozen=True)
class Table:
    """A table: title, note, header and rows of text."""

    title: str
    note: str
    header: list[str]
    rows: list[list[str]]

    def to_rich(self) -> RichTable:
        """The table for a terminal."""
        table = RichTable(title=self.title, caption=escape(self.note), title_justify="left", caption_justify="left")
        for number, name in enumerate(self.header):
            table.add_column(escape(name), justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*map(escape, row))
        return table


def is_published(result: dict[str, Any]) -> bool:
    """Whether the result is on the utterances that the paper reports on (MELD test)."""
    return bool(result["corpus"] == "MELD" and result["split"] == "test" and result["scored"] == 2610)


def make_tables(result: dict[str, Any]) -> list[Table]:
    """Every table that a result of `evaluate` has data for."""
    found = [make_overall(result), *make_corpora(result), make_per_emotion(result), make_comparison(result)]
    found += [*make_groups(result), *make_dimensions(result), *make_annotators(result)]
    found += [make_calibration(result), make_selective(result), *make_sets(result)]
    measured = result.get("robustness", {})
    if "fusions" in result:
        found.append(make_fusions(result["fusions"], measured, result["seeds"]))
    if measured:
        found += make_robustness(next(iter(measured.values())), result["seeds"])
    if "signal_robustness" in result:
        found.append(make_signal_robustness(result["signal_robustness"], result["seeds"]))
    return found


def make_groups(result: dict[str, Any]) -> list[Table]:
    """The metrics of each group of `mmerc evaluate --by`, and the gaps between the groups."""
    tables = []
    for by, found in result.get("groups", {}).items():
        rows = [
            [name, str(group["utterances"]), *(_format_mean(group, metric) for metric in MAIN_METRICS)]
            for name, group in found["groups"].items()
        ]
        smallest = found["groups"][found["smallest"]]["utterances"]
        note = f"{found['system']}; [95 % bootstrap interval]. The smallest group is {found['smallest']} with {smallest} utterances."
        tables.append(Table(f"Groups by {by}", note, [by, "utterances", *MAIN_METRICS], rows))
        gaps = [
            [metric, gap["best"], gap["worst"], f"{100 * gap['gap']:.1f}{_format_range(gap['interval'])}", f"{100 * gap['expected']:.1f}"]
            for metric, gap in found["gaps"].items()
        ]  # fmt: skip
        note = (
            "Points between the best and the worst group of ten or more utterances. By chance: the mean gap of groups of these sizes "
            "with random members; a larger gap speaks for a difference between the groups."
        )
        if gaps:
            tables.append(Table(f"Gaps by {by}", note, ["metric", "best", "worst", "gap", "by chance"], gaps))
    return tables


def _format_mean(group: dict[str, Any], metric: str) -> str:
    return f"{100 * group['mean'][metric]:.1f}{_format_range(group['interval'][metric])}"


def _format_range(interval: list[float]) -> str:
    return f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def make_dimensions(result: dict[str, Any]) -> list[Table]:
    """CCC, correlation and RMSE of each continuous dimension; none for a corpus without dimensions."""
    rows = []
    for system, dimensions in result.get("dimensions", {}).items():
        for name, found in dimensions.items():
            cells = [f"{found['mean'][key]:.3f}{_format_interval(found, key)}" for key in ("ccc", "pearson", "rmse")]
            rows.append([system, name, str(found["utterances"]), *cells])
    note = "CCC: concordance correlation coefficient, 1 is best. RMSE is in the units of the corpus. [95 % bootstrap interval]."
    header = ["system", "dimension", "utterances", "CCC", "Pearson", "RMSE"]
    return [Table("Continuous dimensions", note, header, rows)] if rows else []


def _format_interval(found: dict[str, Any], key: str) -> str:
    low, high = found["interval"][key]
    return f" [{low:.3f}, {high:.3f}]"


def make_annotators(result: dict[str, Any]) -> list[Table]:
    """How each system fits the votes of several annotators; none for a corpus without votes."""
    measured = {name: each["annotators"] for name, each in result["systems"].items() if "annotators" in each}
    rows = [
        [name, str(each["utterances"]), f"{100 * each['agreement']:.1f}", f"{100 * each['ceiling']:.1f}", f"{each['jensen_shannon']:.3f}"]
        for name, each in measured.items()
    ]  # fmt: skip
    alpha = next((each["alpha"] for each in measured.values() if each["alpha"] is not None), None)
    note = (
        "Agreement: mean share of the annotators who chose the predicted label. Ceiling: the same for their most frequent label. "
        "Divergence: Jensen-Shannon, in bits, of the probabilities from the shares of the votes; 0 is best."
    )
    note += "" if alpha is None else f" The annotators agree with each other by Krippendorff's alpha {alpha:.3f}."
    header = ["system", "utterances", "agreement", "ceiling", "divergence"]
    return [Table("Several annotators", note, header, rows)] if rows else []


def make_calibration(result: dict[str, Any]) -> Table:
    """Expected calibration error of each system."""
    rows = []
    for name, system in result["systems"].items():
        if "calibration_error" in system:
            errors = [100 * value for value in system["calibration_error"]]
            spread = f" ± {stdev(errors):.1f}" if len(errors) > 1 else ""
            rows.append([name, f"{sum(errors) / len(errors):.1f}{spread}"])
    note = "Difference between confidence and accuracy in points (15 bins). 0 is best."
    return Table("Calibration", note, ["system", "expected calibration error"], rows)


def make_selective(result: dict[str, Any]) -> Table:
    """The accuracy of each system where it answers only the utterances of which it is most confident."""
    rows = []
    for name, system in result["systems"].items():
        if "selective" in system:
            accuracy = [system["selective"]["accuracy"][str(share)] for share in REPORTED_SHARES]
            rows.append([name, *(f"{100 * each:.1f}" for each in (*accuracy, system["selective"]["area"]))])
    note = (
        "Accuracy on the most confident utterances, if the others are left to a person. Area: the mean over all shares."
    )
    header = ["system", *("all" if share == 1 else f"{100 * share:.0f} %" for share in REPORTED_SHARES), "area"]
    return Table("Selective prediction", note, header, rows)


def make_sets(result: dict[str, Any]) -> list[Table]:
    """Coverage and size of the prediction sets; none for a run that was trained without them."""
    rows = [
        [
            f"{100 * float(name):.0f} %",
            *(f"{100 * found[key]:.1f}" for key in ("coverage", "certain", "certain_accuracy")),
        ]
        for name, found in result.get("sets", {}).items()
    ]
    for row, found in zip(rows, result.get("sets", {}).values(), strict=True):
        row.insert(2, f"{found['size']:.2f}")
    note = (
        "Promised: the coverage that is asked for. Measured: share of sets that hold the true emotion. The sets are fitted to the "
        "dev split, and promise their coverage for utterances like those. Certain: the set has one label, which is probable enough."
    )
    header = ["promised", "measured", "mean labels", "certain", "right if certain"]
    return [Table("Prediction sets", note, header, rows)] if rows else []


def make_fusions(found: dict[str, Any], robust: dict[str, Any], seeds: int) -> Table:
    """The run's fusion and the compared ones, trained with the same settings on the same features."""
    header = ["fusion", *MAIN_METRICS, "f1_weighted, mean over subsets of modalities", "parameters", "seconds"]
    rows = []
    for name, measured in found.items():
        over_subsets = ""
        if name in robust:
            scores = [100 * each["mean"]["f1_weighted"] for each in robust[name]["subsets"].values()]
            over_subsets = f"{sum(scores) / len(scores):.1f}"
        cells = _format_metrics(measured, seeds)
        rows.append([name, *cells, over_subsets, f"{measured['parameters']:,}", f"{measured['seconds']:.0f}"])
    note = f"The first fusion is that of the run. {_describe_seeds(seeds)} Seconds are those of training one seed."
    return Table("Comparison of fusions", note, header, rows)


def _format_metrics(measured: dict[str, Any], seeds: int) -> list[str]:
    pairs = ((measured["mean"][column], measured["std"][column]) for column in MAIN_METRICS)
    return [f"{100 * mean:.1f}" + (f" ± {100 * std:.1f}" if seeds > 1 else "") for mean, std in pairs]


def _describe_seeds(seeds: int) -> str:
    return "Mean ± standard deviation over the seeds." if seeds > 1 else "One seed."


def make_robustness(found: dict[str, Any], seeds: int) -> list[Table]:
    """Metrics with every subset of modalities, at every missing rate, and with noise."""
    header = ["", *MAIN_METRICS]

    def row(name: str, measured: dict[str, Any]) -> list[str]:
        return [name, *_format_metrics(measured, seeds)]

    over = _describe_seeds(seeds)
    return [
        Table(
            "Only some modalities",
            f"The other modalities are missing in every utterance. {over}",
            header,
            [row(name, measured) for name, measured in found["subsets"].items()],
        ),
        Table(
            "Missing at random",
            f"Each modality of each utterance is missing with this probability. {over}",
            header,
            [row(f"{100 * float(rate):.0f} %", measured) for rate, measured in found["rates"].items()],
        ),
        Table(
            "Noise",
            f"White noise on one modality's features, in their own standard deviations. {over}",
            header,
            [
                row(f"{name}, {level}", measured)
                for name, levels in found["noise"].items()
                for level, measured in levels.items()
            ],
        ),
    ]


def make_signal_robustness(found: dict[str, Any], seeds: int) -> Table:
    """Metrics under each degradation of the sound, each with its difference from the clean sound.

    Of the fusions, the first is shown, which is that of the run.
    """
    systems = {**found["modalities"], **dict(list(found["fusions"].items())[:1])}
    rows = []
    for name in next(iter(systems.values())):
        row = [name]
        for measured in systems.values():
            clean = next(iter(measured.values()))["mean"]
            cells = dict(zip(MAIN_METRICS, _format_metrics(measured[name], seeds), strict=True))
            for metric in SIGNAL_METRICS:
                difference = 100 * (measured[name]["mean"][metric] - clean[metric])
                row += [cells[metric], "" if measured[name]["mean"] is clean else f"{difference:+.1f}"]
        row += [str(measured[name]["missing"]) for measured in found["modalities"].values()]
        rows.append(row)
    header = [
        "",
        *(part for system in systems for metric in SIGNAL_METRICS for part in (f"{system} {metric}", "change")),
    ]
    header += [f"{name} missing" for name in found["modalities"]]
    note = f"The same network reads degraded recordings. Change: points more than with clean sound. {_describe_seeds(seeds)}"
    return Table("Degraded sound", note, header, rows)


def make_overall(result: dict[str, Any]) -> Table:
    """Table 2: the metrics of every system with their standard deviation over seeds and bootstrap interval."""
    rows = []
    for name, system in result["systems"].items():
        row = [name]
        for column in COLUMNS:
            row.append(format_with_spread(system, column))
            published = TABLE_2.get(name, {}).get(column)
            row.append("" if published is None else f"{published:.1f}")
        rows.append(row)
    header = ["system", *(part for column in COLUMNS for part in (column, "paper"))]
    return Table("Overall (the paper's Table 2)", _make_note(result), header, rows)


def make_corpora(result: dict[str, Any]) -> list[Table]:
    """The main metrics of every system on each of several joined corpora, below those on all of them."""
    corpora = result.get("corpora", {})
    parts = {"all": result, **corpora}
    rows = [
        [part, str(found["scored"]), name, *(format_with_spread(system, column) for column in MAIN_METRICS)]
        for part, found in parts.items()
        for name, system in found["systems"].items()
    ]
    header = ["corpus", "utterances", "system", *MAIN_METRICS]
    note = (
        "The predictions are the same as above: the model does not know from which corpus an utterance comes, and may predict any "
        "label. balanced_accuracy is the unweighted average recall (UAR) over the labels that occur."
    )
    return [Table("Each corpus", note, header, rows)] if corpora else []


def make_per_emotion(result: dict[str, Any]) -> Table:
    """Table 1: precision, recall and F1 of each emotion, ours | the paper's."""
    systems = [name for name in result["systems"] if name != MAJORITY]
    rows = []
    for label in result["labels"]:
        row = [label]
        for name in systems:
            each = result["systems"][name]["per_class"][label]
            published = TABLE_1.get(name, {}).get(label)
            for index, key in enumerate(("precision", "recall", "f1")):
                ours = f"{100 * each[key]:.1f}"
                row.append(ours if published is None else f"{ours} | {published[index]:.1f}")
        rows.append(row)
    header = ["emotion", *(f"{name} {key}" for name in systems for key in ("PRE", "REC", "F1"))]
    note = f"Mean over the seeds.{_warn(result)}"
    return Table("Each emotion, ours | the paper's (Table 1)", note, header, rows)


def make_comparison(result: dict[str, Any]) -> Table:
    """Table 3: the systems that the paper compares with, the paper, and ours."""
    rows = [[model, parts, f"{accuracy:.1f}", f"{f1:.1f}", kind] for model, parts, accuracy, f1, kind in TABLE_3]
    for name, system in result["systems"].items():
        if name == MAJORITY:
            continue
        parts = ", ".join(sorted(result["missing"])) if name == FUSED else name
        for metric in ("f1_weighted", "f1_of_weighted_pr"):
            rows.append(["mmerc", parts, *(format_percent(system, each) for each in ("accuracy", metric)), metric])
    note = f"Published numbers are on MELD test, as the paper prints them.{_warn(result)}"
    header = ["model", "modalities", "accuracy", "F1", "which F1"]
    return Table("Comparison with other systems (the paper's Table 3)", note, header, rows)


def format_percent(system: dict[str, Any], column: str) -> str:
    return f"{100 * system['mean'][column]:.1f}"


def format_with_spread(system: dict[str, Any], column: str) -> str:
    low, high = system["interval"][column]
    spread = f" ± {100 * system['std'][column]:.1f}" if len(system["seeds"]) > 1 else ""
    return f"{format_percent(system, column)}{spread} [{100 * low:.1f}, {100 * high:.1f}]"


def _make_note(result: dict[str, Any]) -> str:
    part = (
        ""
        if result["scored"] == result["utterances"]
        else f" of {result['utterances']} (the others have no known label)"
    )
    seeds = f"{result['seeds']} seed{'s' if result['seeds'] > 1 else ''}"
    ours = f"Ours: {result['corpus']} {result['split']}, {result['scored']} utterances{part}, {result['protocol']}, {seeds}"
    spread = "mean ± standard deviation, " if result["seeds"] > 1 else ""
    return f"{ours}; {spread}[95 % bootstrap interval]. The paper: MELD test, 2,610 utterances.{_warn(result)}"


def _warn(result: dict[str, Any]) -> str:
    compared = "" if is_published(result) else " Our numbers are on other utterances and cannot be compared with them."
    return f"{compared} {result['warning']}" if result.get("warning") else compared
