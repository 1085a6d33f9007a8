"""The paper's tables with our numbers beside the published ones, as plain rows for the terminal and the report."""

from dataclasses import dataclass
from statistics import stdev
from typing import Any

from rich.markup import escape
from rich.table import Table as RichTable

from mmerc.evaluation.metrics import REPORTED
from mmerc.evaluation.published import TABLE_1, TABLE_2, TABLE_3

COLUMNS = ("accuracy", "balanced_accuracy", "f1_weighted", "f1_of_weighted_pr")


@dataclass(frozen=True)
class Table:
    """A title, what to know when reading it, the header, and the rows."""

    title: str
    note: str
    header: list[str]
    rows: list[list[str]]

    def shown(self) -> RichTable:
        """The table for a terminal."""
        table = RichTable(title=self.title, caption=escape(self.note), title_justify="left", caption_justify="left")
        for number, name in enumerate(self.header):
            table.add_column(escape(name), justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*map(escape, row))
        return table


def is_published(result: dict[str, Any]) -> bool:
    """Whether the paper's numbers are about these very utterances."""
    return result["corpus"] == "MELD" and result["split"] == "test" and result["scored"] == 2610


def all_tables(result: dict[str, Any]) -> list[Table]:
    found = [overall(result), per_emotion(result), comparison(result), calibration(result)]
    measured = result.get("robustness", {})
    if "fusions" in result:
        found.append(fusions(result["fusions"], measured, result["seeds"]))
    return [*found, *robustness(next(iter(measured.values())), result["seeds"])] if measured else found


def calibration(result: dict[str, Any]) -> Table:
    """How far each system's probabilities can be believed."""
    rows = []
    for name, system in result["systems"].items():
        if "calibration_error" in system:
            errors = [100 * value for value in system["calibration_error"]]
            spread = f" ± {stdev(errors):.1f}" if len(errors) > 1 else ""
            rows.append([name, f"{sum(errors) / len(errors):.1f}{spread}"])
    note = "Points between how sure it is and how often it is right (15 bins); 0 is best."
    return Table("Calibration", note, ["system", "expected calibration error"], rows)


def fusions(found: dict[str, Any], robust: dict[str, Any], seeds: int) -> Table:
    """The configured fusion and those trained beside it, under the same settings on the same features."""
    header = ["fusion", *REPORTED, "f1_weighted, mean over subsets", "parameters", "seconds"]
    rows = []
    for name, measured in found.items():
        over_subsets = ""
        if name in robust:
            scores = [100 * each["mean"]["f1_weighted"] for each in robust[name]["subsets"].values()]
            over_subsets = f"{sum(scores) / len(scores):.1f}"
        cells = _means(measured, seeds)
        rows.append([name, *cells, over_subsets, f"{measured['parameters']:,}", f"{measured['seconds']:.0f}"])
    note = f"The first is the run's own. {_over(seeds)} Seconds of training a seed."
    return Table("Fusions side by side", note, header, rows)


def _means(measured: dict[str, Any], seeds: int) -> list[str]:
    pairs = ((measured["mean"][column], measured["std"][column]) for column in REPORTED)
    return [f"{100 * mean:.1f}" + (f" ± {100 * std:.1f}" if seeds > 1 else "") for mean, std in pairs]


def _over(seeds: int) -> str:
    return "Mean ± standard deviation over the seeds." if seeds > 1 else "One seed."


def robustness(found: dict[str, Any], seeds: int) -> list[Table]:
    """What is left with every subset of the modalities, at every missing rate, and under noise."""
    header = ["", *REPORTED]

    def row(name: str, measured: dict[str, Any]) -> list[str]:
        return [name, *_means(measured, seeds)]

    over = _over(seeds)
    return [
        Table(
            "Only some modalities",
            f"The others are missing in every utterance. {over}",
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


def overall(result: dict[str, Any]) -> Table:
    """Table 2: every system, every number with its spread over seeds and its bootstrap interval."""
    rows = []
    for name, system in result["systems"].items():
        row = [name]
        for column in COLUMNS:
            row.append(with_spread(system, column))
            published = TABLE_2.get(name, {}).get(column)
            row.append("" if published is None else f"{published:.1f}")
        rows.append(row)
    header = ["system", *(part for column in COLUMNS for part in (column, "paper"))]
    return Table("Overall (the paper's Table 2)", _note(result), header, rows)


def per_emotion(result: dict[str, Any]) -> Table:
    """Table 1: precision, recall and F1 of each emotion, ours | the paper's."""
    systems = [name for name in result["systems"] if name != "majority"]
    rows = []
    for label in result["labels"]:
        row = [label]
        for name in systems:
            each = result["systems"][name]["per_class"][label]
            published = TABLE_1.get(name, {}).get(label)
            for place, key in enumerate(("precision", "recall", "f1")):
                ours = f"{100 * each[key]:.1f}"
                row.append(ours if published is None else f"{ours} | {published[place]:.1f}")
        rows.append(row)
    header = ["emotion", *(f"{name} {key}" for name in systems for key in ("PRE", "REC", "F1"))]
    note = f"Mean over the seeds.{_others(result)}"
    return Table("Each emotion, ours | the paper's (Table 1)", note, header, rows)


def comparison(result: dict[str, Any]) -> Table:
    """Table 3: the systems that the paper compares itself with, and ours."""
    rows = [[model, parts, f"{accuracy:.1f}", f"{f1:.1f}", kind] for model, parts, accuracy, f1, kind in TABLE_3]
    for name, system in result["systems"].items():
        if name == "majority":
            continue
        parts = ", ".join(sorted(result["missing"])) if name == "fused" else name
        rows.append(["mmerc", parts, percent(system, "accuracy"), percent(system, "f1_weighted"), "f1_weighted"])
        rows.append(
            ["mmerc", parts, percent(system, "accuracy"), percent(system, "f1_of_weighted_pr"), "f1_of_weighted_pr"]
        )
    note = f"All but ours on MELD test, as the paper prints them.{_others(result)}"
    header = ["model", "modalities", "accuracy", "F1", "which F1"]
    return Table("Beside other systems (the paper's Table 3)", note, header, rows)


def percent(system: dict[str, Any], column: str) -> str:
    return f"{100 * system['mean'][column]:.1f}"


def with_spread(system: dict[str, Any], column: str) -> str:
    low, high = system["interval"][column]
    spread = f" ± {100 * system['std'][column]:.1f}" if len(system["seeds"]) > 1 else ""
    return f"{percent(system, column)}{spread} [{100 * low:.1f}, {100 * high:.1f}]"


def _note(result: dict[str, Any]) -> str:
    part = (
        ""
        if result["scored"] == result["utterances"]
        else f" of {result['utterances']} (the others have no label that is known here)"
    )
    seeds = f"{result['seeds']} seed{'s' if result['seeds'] > 1 else ''}"
    ours = f"Ours: {result['corpus']} {result['split']}, {result['scored']} utterances{part}, {result['protocol']}, {seeds}"
    spread = "mean ± standard deviation, " if result["seeds"] > 1 else ""
    return f"{ours}; {spread}[95 % bootstrap interval]. The paper: MELD test, 2,610 utterances.{_others(result)}"


def _others(result: dict[str, Any]) -> str:
    return "" if is_published(result) else " Ours are other utterances: the two cannot be compared."
