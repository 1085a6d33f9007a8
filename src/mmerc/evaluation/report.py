"""`report.html`: the tables and figures of a run in one file that needs no network."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import yaml

from mmerc.config.schema import FUSED, MAJORITY
from mmerc.corpora import Corpus
from mmerc.corpora.dialogue import HELD_OUT
from mmerc.corpora.statistics import count_corpus
from mmerc.evaluation import figures
from mmerc.evaluation.run_metrics import evaluate, open_run_corpus
from mmerc.evaluation.tables import Table, make_tables
from mmerc.files import read_json, read_json_value, write_text
from mmerc.training.run_config import RunConfig
from mmerc.training.run_folder import ENVIRONMENT, read_run, read_run_settings
from mmerc.training.stage_one import open_features
from mmerc.weights import read_tensors


@dataclass
class Section:
    """A section of the report; `figures` are (caption, PNG in base64)."""

    heading: str
    text: str = ""
    tables: list[Table] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)

    def add_figure(self, caption: str, png: bytes) -> None:
        self.figures.append((caption, base64.b64encode(png).decode()))


def write_report(run_folder: str | Path, corpus: Corpus | None = None) -> Path:
    """Score every predicted split, write `metrics.json` and `report.html`, and return the path of the report.

    `corpus`: the corpus of the run as `open_run_corpus` gives it, where the caller has it.

    Raises:
        RunError: the run is not finished, or its corpus has changed.
    """
    run = read_run(Path(run_folder))
    config = run.config
    corpus = corpus or open_run_corpus(run)
    first = run.seed_folders[0]
    sections = []
    for split in ("test", "dev", HELD_OUT):
        if split not in corpus.splits:
            continue
        result = evaluate(run.folder, split, corpus)
        sections.append(_make_results(result, corpus, first) if result["labelled"] else _make_unlabelled(result))
    modalities = list(config.modalities)
    sections += [_make_corpus(corpus), _make_missing(config, first), _make_training(first, modalities)]
    summary = f"Modalities: {', '.join(modalities)}. Protocol: {config.protocol}. Seeds: {run.seeds}, from {config.seed}. {corpus.warning}"
    return write_page(run.folder / "report.html", f"mmerc on {corpus.name}", summary, sections, run.folder)


def write_page(file: Path, title: str, summary: str, sections: Sequence[Section], run_folder: Path) -> Path:
    """Write a report of these sections, with the configuration and the environment of a run at its end; return its path."""
    page = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(
        (resources.files("mmerc.evaluation") / "report.html").read_text(encoding="utf-8")
    )
    html = page.render(
        title=title,
        summary=summary,
        sections=sections,
        configuration=yaml.safe_dump(read_run_settings(run_folder), sort_keys=False, allow_unicode=True),
        environment=json.dumps(read_json(run_folder / ENVIRONMENT), indent=2),
    )
    write_text(file, html)
    return file


def _make_results(result: dict[str, Any], corpus: Corpus, folder: Path) -> Section:
    split = result["split"]
    role = (
        "Nothing was selected on this split."
        if split == "test"
        else "This split selected the checkpoints, the calibration and the prediction sets, so its numbers are optimistic."
    )
    section = Section(f"Results on {split}", f"{result['utterances']} utterances. {role}", make_tables(result))
    best = FUSED if FUSED in result["systems"] else list(result["systems"])[-1]
    for name, system in result["systems"].items():
        if name == MAJORITY:
            continue
        seeds = "" if result["seeds"] == 1 else f", summed over {result['seeds']} seeds"
        section.add_figure(
            f"Confusion matrix of {name}{seeds}.", figures.plot_confusions(system["confusion"], result["labels"])
        )
    confident = {name: system for name, system in result["systems"].items() if name != MAJORITY}
    section.add_figure(
        "Selective prediction: accuracy when only the most confident utterances are answered.",
        figures.plot_selective(confident),
    )
    section.add_figure(
        "Reliability: a calibrated system is on the dashed line. Below it, the system is more confident than it is accurate. "
        "Large points have many utterances.",
        figures.plot_reliability(confident),
    )
    if "robustness" in result:
        section.add_figure(
            "Weighted F1 when modalities are missing or noisy.", figures.plot_robustness(result["robustness"])
        )
    if "signal_robustness" in result:
        section.add_figure(
            "Weighted F1 when the sound is degraded.", figures.plot_signal_robustness(result["signal_robustness"])
        )
    vectors = read_tensors(folder / "predictions" / f"{split}.safetensors")["embedding"].numpy()
    labelled = [number for number, each in enumerate(corpus.utterances(split)) if each.emotion]
    vectors = vectors[labelled]
    emotions = [each.emotion for each in corpus.utterances(split) if each.emotion]
    if len(vectors) < figures.MIN_POINTS:
        return section
    caption = f"t-SNE of the {best} embedding of each utterance, coloured by its true emotion (first seed)."
    section.add_figure(caption, figures.plot_embedding(vectors, emotions, corpus.labels))
    return section


def _make_unlabelled(result: dict[str, Any]) -> Section:
    text = f"{result['utterances']} utterances were predicted. The split has no labels here, so it cannot be scored."
    return Section(f"Results on {result['split']}", text)


def _make_corpus(corpus: Corpus) -> Section:
    counted = count_corpus(corpus)
    header = ["split", "utterances", "dialogues", "speakers", "clips", *counted["labels"]]
    rows = [
        [name, *(str(split[key]) for key in ("utterances", "dialogues", "speakers", "clips")),
         *(str(split["emotions"][label]) if split["emotions"] else "" for label in counted["labels"])]
        for name, split in counted["splits"].items()
    ]  # fmt: skip
    section = Section("The corpus", tables=[Table("Counts", "The paper's Figure 1 as a table.", header, rows)])
    section.add_figure("Utterances of each label in each split.", figures.plot_labels(counted))
    if corpus.problems:
        found = [[problem.kind, problem.where, problem.what] for problem in corpus.problems[:50]]
        note = f"{len(corpus.problems)} problems in total; the first 50 are listed. Every row is kept."
        section.tables.append(Table("Problems in the corpus", note, ["kind", "where", "what"], found))
    return section


def _make_missing(config: RunConfig, folder: Path) -> Section:
    rows = []
    for name in config.modalities:
        store = open_features(config, folder, name)
        for key, reason in list(store.list_missing().items())[:25]:
            rows.append([name, " / ".join(key), reason])
    text = "An utterance without a modality is predicted from its other modalities. At most 25 utterances per modality are listed."
    tables = [Table("Reasons", "", ["modality", "utterance", "reason"], rows)] if rows else []
    return Section("Missing modalities", text, tables)


def _make_training(folder: Path, modalities: list[str]) -> Section:
    histories = {name: read_json_value(folder / "encoders" / name / "history.json") for name in modalities}
    if (folder / "fusion").is_dir():
        histories["fusion"] = read_json_value(folder / "fusion" / "history.json")
    section = Section("Training", "The checkpoint with the best dev weighted F1 is kept. First seed.")
    section.add_figure("Weighted F1 on dev after each epoch.", figures.plot_learning_curves(histories))
    return section
