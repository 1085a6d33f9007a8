"""Train on each of several corpora, test on each other one: how well a network generalises to other recordings."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

from mmerc.config.schema import FUSED
from mmerc.corpora import Corpus, Dialogue
from mmerc.corpora.dialogue import HELD_OUT
from mmerc.corpora.folds import get_key, list_dialogues, list_labelled, replace_splits
from mmerc.errors import ConfigError, RunError
from mmerc.evaluation.external import evaluate_on
from mmerc.evaluation.report import write_report
from mmerc.evaluation.run_metrics import evaluate
from mmerc.evaluation.tables import Table
from mmerc.files import write_json
from mmerc.progress import log, show_progress
from mmerc.training.run import train
from mmerc.training.run_config import RunConfig
from mmerc.training.run_folder import CONFIG

CROSS = "cross.json"
ALL = "all"  # the split that holds the labelled dialogues of every split
METRICS = {"balanced_accuracy": "UAR", "f1_weighted": "Weighted F1"}


def evaluate_cross(
    corpora: Sequence[Corpus],
    out: str | Path,
    make_config: Callable[[Corpus], RunConfig],
    *,
    seeds: int = 1,
) -> dict[str, Any]:
    """Train a run on each corpus in OUT/NAME, score it on each other corpus, and write `OUT/cross.json`.

    The same call continues what was stopped. `make_config`: the configuration for a corpus. The result has `matrix`, with the
    corpus of training, then that of the test: `mean`, `std` (over the seeds) and `interval` of every metric of the fusion, or of
    the one modality. Another corpus is tested with all its utterances whose label both corpora have, in `labels`; the corpus
    itself with its own `split`, test or else the one that selected the checkpoints.

    Raises:
        MmercError: there are fewer than two corpora, two of them share fewer than two labels, or what `training.train` raises.
    """
    out = Path(out)
    if len(corpora) < 2:
        raise ConfigError("--cross needs two or more corpora: write KIND:PATH,KIND:PATH.")
    if (out / CONFIG).is_file():
        raise RunError(f"{out} is a run folder: choose another --out, in which each corpus gets its own run.")
    named = dict(zip(name_corpora(corpora), corpora, strict=True))
    shared = {(one, other): list_shared_labels(named[one], named[other]) for one, other in permutations(named, 2)}
    for (one, other), labels in shared.items():
        if len(labels) < 2:
            found = ", ".join(labels) or "none"
            raise ConfigError(
                f"{one} and {other} share fewer than two labels ({found}): leave one out, or give them ?label_set=."
            )
    configs = {
        name: make_config(corpus) for name, corpus in named.items()
    }  # a wrong setting is reported before training
    own = {}
    for name, corpus in named.items():
        log.info("training on %s", name)
        own[name] = _train(corpus, out / name, configs[name], seeds)
    matrix: dict[str, dict[str, Any]] = {}
    for name in named:
        matrix[name] = {}
        for other in named:
            matrix[name][other] = (
                own[name] if name == other else _test(out / name, named[other], shared[name, other], seeds)
            )
    result = {
        "corpora": {name: corpus.location for name, corpus in named.items()},
        "protocol": next(iter(configs.values())).protocol,
        "seeds": seeds,
        "matrix": matrix,
    }
    write_json(out / CROSS, result)
    return result


def name_corpora(corpora: Sequence[Corpus]) -> list[str]:
    """A name for each corpus that can be that of a folder; equal names get a number."""
    names: list[str] = []
    for corpus in corpora:
        plain = re.sub(r"[^a-z0-9]+", "-", corpus.name.lower()).strip("-") or "corpus"
        same = sum(re.fullmatch(rf"{plain}(-\d+)?", name) is not None for name in names)
        names.append(f"{plain}-{same + 1}" if same else plain)
    return names


def list_shared_labels(trained: Corpus, tested: Corpus) -> list[str]:
    """The labels of utterances of `tested` that utterances of `trained` have, too, as `tested` names them."""
    known = {each.emotion for each in list_labelled(list_dialogues(trained))}
    found = {str(each.emotion) for each in list_labelled(list_dialogues(tested))}
    return [
        name
        for name in tested.labels.names
        if name in found and name in trained.labels and trained.labels.normalise(name) in known
    ]


def _train(corpus: Corpus, folder: Path, config: RunConfig, seeds: int) -> dict[str, Any]:
    """Train a run, and give the metrics of its own test split, or of the one that selected the checkpoints."""
    finished: list[Corpus] = []

    def finish(trained: Corpus) -> None:
        write_report(folder, trained)
        finished.append(trained)

    train(corpus, folder, config, seeds=seeds, on_finish=finish)
    (trained,) = finished
    split = next(
        split
        for split in ("test", HELD_OUT, "dev")
        if split in trained.splits and list_labelled(trained.dialogues(split))
    )
    return _take_metrics(evaluate(folder, split, trained))


def _test(folder: Path, corpus: Corpus, labels: Sequence[str], seeds: int) -> dict[str, Any]:
    """The metrics of a run on all utterances of another corpus that have one of the labels."""
    tested = _keep_labels(corpus, labels)
    total = seeds * sum(map(len, tested.dialogues(ALL)))
    with show_progress(f"{folder.name} on {corpus.name}", total) as progress:
        return _take_metrics(evaluate_on(folder, tested, ALL, on_progress=progress))


def _keep_labels(corpus: Corpus, labels: Sequence[str]) -> Corpus:
    """The corpus with one split, of the dialogues that have one of the labels. Utterances with another label have none."""

    def keep(dialogue: Dialogue) -> Dialogue:
        utterances = tuple(
            each if each.emotion in labels else replace(each, emotion=None) for each in dialogue.utterances
        )
        return replace(dialogue, utterances=utterances)

    kept = {split: tuple(map(keep, corpus.dialogues(split))) for split in corpus.splits}
    relabelled = replace(corpus, splits=kept)
    chosen = {get_key(dialogue): ALL for dialogue in list_dialogues(relabelled) if list_labelled([dialogue])}
    return replace_splits(relabelled, chosen, [ALL])


def _take_metrics(result: dict[str, Any]) -> dict[str, Any]:
    """A cell of the matrix. `labels`: those of the utterances that were scored, over which UAR is the mean."""
    name = FUSED if FUSED in result["systems"] else list(result["systems"])[-1]
    system = result["systems"][name]
    return {
        "split": result["split"],
        "labels": [label for label, each in system["per_class"].items() if each["support"]],
        "scored": result["scored"],
        "missing": result["missing"],
        "system": name,
        **{key: system[key] for key in ("mean", "std", "interval")},
    }


def make_cross_tables(result: dict[str, Any]) -> list[Table]:
    """The matrix of a result of `evaluate_cross`, once for each metric."""
    names = list(result["matrix"])
    splits = ", ".join(f"{name} {result['matrix'][name][name]['split']}" for name in names)
    spread = " Mean ± standard deviation over the seeds." if result["seeds"] > 1 else ""
    note = (
        f"Row: trained on. Column: tested on, all utterances with a label that both have (their number in brackets).{spread} "
        f"Diagonal: the corpus's own split ({splits})."
    )
    tables = []
    for metric, title in METRICS.items():
        rows = []
        for name in names:
            cells = [result["matrix"][name][other] for other in names]
            rows.append([name, *(_format_cell(cell, metric, result["seeds"]) for cell in cells)])
        tables.append(Table(f"{title}, train on / test on", note, ["trained on", *names], rows))
    return tables


def _format_cell(cell: dict[str, Any], metric: str, seeds: int) -> str:
    spread = f" ± {100 * cell['std'][metric]:.1f}" if seeds > 1 else ""
    return f"{100 * cell['mean'][metric]:.1f}{spread} ({len(cell['labels'])} labels)"
