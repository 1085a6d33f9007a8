"""`report.html`: one file with the tables and the figures, which opens without a network."""

import base64
import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import yaml

from mmerc.corpora import Corpus
from mmerc.corpora.dialogue import HELD_OUT
from mmerc.corpora.statistics import statistics
from mmerc.evaluation import figures
from mmerc.evaluation.evaluate import evaluate, open_evaluated
from mmerc.evaluation.tables import Table, all_tables
from mmerc.features import FeatureStore
from mmerc.files import read_json, read_json_value, write_text
from mmerc.training.run_folder import read_config, read_settings, seed_folders
from mmerc.weights import read_tensors


@dataclass
class Section:
    """One heading of the report with what stands under it; figures are (caption, PNG in base64)."""

    heading: str
    text: str = ""
    tables: list[Table] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)

    def add_figure(self, caption: str, png: bytes) -> None:
        self.figures.append((caption, base64.b64encode(png).decode()))


def write_report(run: Path) -> Path:
    """Score every predicted split that has labels, write `metrics.json` and `report.html`, give the latter's path.

    Raises:
        RunError: the run is not finished.
    """
    config, _, seeds = read_config(run)
    corpus = open_evaluated(run)
    first = seed_folders(run, seeds)[0]
    sections = []
    for split in ("test", "dev", HELD_OUT):
        if split not in corpus.splits:
            continue
        result = evaluate(run, split, corpus)
        sections.append(_results(result, corpus, first) if result["labelled"] else _unlabelled(result))
    sections += [_corpus(corpus), _missing(first, list(config.modalities)), _training(first, list(config.modalities))]
    page = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(
        (resources.files("mmerc.evaluation") / "report.html").read_text(encoding="utf-8")
    )
    html = page.render(
        title=f"mmerc on {corpus.name}",
        summary=f"Modalities {', '.join(config.modalities)}; {config.protocol} protocol; {seeds} seed(s) from {config.seed}.",
        sections=sections,
        configuration=yaml.safe_dump(read_settings(run), sort_keys=False, allow_unicode=True),
        environment=json.dumps(read_json(run / "environment.json"), indent=2),
    )
    write_text(run / "report.html", html)
    return run / "report.html"


def _results(result: dict[str, Any], corpus: Corpus, folder: Path) -> Section:
    split = result["split"]
    role = "nothing was chosen on it" if split == "test" else "it selected the epochs, so it flatters"
    section = Section(f"Results on {split}", f"{result['utterances']} utterances; {role}.", all_tables(result))
    best = "fused" if "fused" in result["systems"] else list(result["systems"])[-1]
    for name, system in result["systems"].items():
        if name in ("majority",):
            continue
        seeds = "" if result["seeds"] == 1 else f", summed over {result['seeds']} seeds"
        section.add_figure(
            f"Confusion matrix of {name}{seeds}.", figures.confusion(system["confusion"], result["labels"])
        )
    if "robustness" in result:
        section.add_figure("What is left when modalities fail.", figures.robustness_curves(result["robustness"]))
    vectors = read_tensors(folder / "predictions" / f"{split}.safetensors")["embedding"].numpy()
    labelled = [number for number, turn in enumerate(corpus.utterances(split)) if turn.emotion]
    vectors = vectors[labelled]
    emotions = [turn.emotion for turn in corpus.utterances(split) if turn.emotion]
    if len(vectors) < figures.FEWEST_POINTS:
        return section
    caption = f"t-SNE of the {best} embedding of each utterance, coloured by its true emotion (first seed)."
    section.add_figure(caption, figures.embedding(vectors, emotions, corpus.labels))
    return section


def _unlabelled(result: dict[str, Any]) -> Section:
    text = f"{result['utterances']} utterances were predicted. The split has no labels here, so it cannot be scored."
    return Section(f"Results on {result['split']}", text)


def _corpus(corpus: Corpus) -> Section:
    counted = statistics(corpus)
    header = ["split", "utterances", "dialogues", "speakers", "clips", *counted["labels"]]
    rows = [
        [name, *(str(split[key]) for key in ("utterances", "dialogues", "speakers", "clips")),
         *(str(split["emotions"][label]) if split["emotions"] else "" for label in counted["labels"])]
        for name, split in counted["splits"].items()
    ]  # fmt: skip
    section = Section("The corpus", tables=[Table("Counts", "The paper's Figure 1 as a table.", header, rows)])
    section.add_figure("Utterances of each label in each split.", figures.label_distribution(counted))
    if corpus.problems:
        found = [[problem.kind, problem.where, problem.what] for problem in corpus.problems[:50]]
        note = f"{len(corpus.problems)} in all; the rows stay."
        section.tables.append(Table("What was found broken", note, ["kind", "where", "what"], found))
    return section


def _missing(folder: Path, modalities: list[str]) -> Section:
    rows = []
    for name in modalities:
        store = FeatureStore(folder / "features" / name)
        for key, reason in list(store.missing().items())[:25]:
            rows.append([name, " / ".join(key), reason])
    text = "An utterance that lacks a modality keeps its row; the other modalities answer for it. At most 25 of each are listed."
    tables = [Table("Reasons", "", ["modality", "utterance", "reason"], rows)] if rows else []
    return Section("Missing modalities", text, tables)


def _training(folder: Path, modalities: list[str]) -> Section:
    histories = {name: read_json_value(folder / "encoders" / name / "history.json") for name in modalities}
    if (folder / "fusion").is_dir():
        histories["fusion"] = read_json_value(folder / "fusion" / "history.json")
    section = Section("Training", "The epoch with the best dev f1_weighted is kept (first seed).")
    section.add_figure("Dev f1_weighted after each epoch.", figures.learning_curves(histories))
    return section
