"""Publishing a model folder on the Hugging Face hub, with a model card: results, licence, training corpora, limitations."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from mmerc.corpora.download.catalogue import CATALOGUE
from mmerc.errors import ConfigError, RunError, WeightsError, get_first_line
from mmerc.files import read_json
from mmerc.model.folder import read_info
from mmerc.model.hub import FILE_PATTERNS, ID

CARD = "README.md"
METRICS = {"accuracy": "accuracy", "balanced_accuracy": "UAR", "f1_weighted": "weighted F1"}


def push_model(
    folder: str | Path,
    name: str,
    *,
    metrics: Path | None = None,
    licence: str = "other",
    private: bool = False,
) -> str:
    """Upload a model folder as `OWNER/NAME`, and return the address of its page. `load_model` takes the name.

    The hub's library finds the token (`hf auth login`, or `HF_TOKEN`) and the address of the hub (`HF_ENDPOINT`). A repository that
    exists gets a new version.

    Args:
        folder: the model folder.
        name: `OWNER/NAME`.
        metrics: `metrics.json` of the run, whose results come into the card. By default that in the folder above, if it exists.
        licence: the identifier of the licence on the hub, such as `cc-by-nc-sa-4.0`.
        private: create a repository that only its owner sees.

    Raises:
        RunError: the folder is no model, or has files that a download would leave out.
        ConfigError: the name is none of the hub.
        WeightsError: the hub refuses the upload, or cannot be reached.
    """
    folder = Path(folder)
    info = read_info(folder)
    match = ID.fullmatch(name)
    if match is None or match[2] is not None:
        raise ConfigError(f"{name[:80]} is no name on the hub: write OWNER/NAME, such as my-lab/meld-base.")
    _check_files(folder)
    metrics = metrics or folder.parent / "metrics.json"
    results = read_json(metrics) if metrics.is_file() else {}
    card = (folder / CARD).read_text(encoding="utf-8")
    card = make_published_card(card, info, results, name=match[1], licence=licence)
    from huggingface_hub import HfApi

    api = HfApi(library_name="mmerc")
    with tempfile.TemporaryDirectory() as temporary:
        staged = Path(temporary) / "model"
        shutil.copytree(folder, staged)
        (staged / CARD).write_text(card, encoding="utf-8")
        try:
            url = api.create_repo(match[1], private=private, exist_ok=True)
            api.upload_folder(
                repo_id=match[1],
                folder_path=staged,
                commit_message=f"Upload {info['name']}",
                delete_patterns=list(FILE_PATTERNS),  # of an earlier version, which may have had other networks
            )
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"{name} cannot be uploaded to the hub ({get_first_line(error)[:160]}): log in with `hf auth login`, "
                "and check the name."
            ) from error
    return str(url)


def _check_files(folder: Path) -> None:
    """Raises RunError: the folder has a file that no model has, and that a download would leave out."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not any(fnmatch(file.name, pattern) for pattern in FILE_PATTERNS):
            raise RunError(
                f"{folder} has the file {file.relative_to(folder)}, which no model has: remove it, so that it is not published."
            )


def make_published_card(
    card: str, info: Mapping[str, Any], results: Mapping[str, Any], *, name: str, licence: str
) -> str:
    """The card of a model folder, with its results and licences, as the hub shows it.

    `results`: the content of a run's `metrics.json`; may be empty.
    """
    _, _, text = card.removeprefix("---\n").partition("\n---\n")
    head: dict[str, Any] = {
        "library_name": "mmerc",
        "license": licence,
        "tags": ["emotion-recognition", "multimodal", "conversation"],
    }
    scored = {split: each for split, each in results.items() if each.get("labelled")}
    if "test" in scored:
        head["model-index"] = [_make_index(name, scored["test"])]
    sections = [text.strip(), *_list_results(scored), _list_licences(info, licence)]
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n" + "\n\n".join(sections) + "\n"


def _make_index(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """The results in the hub's own format."""
    system = list(result["systems"].values())[-1]
    corpus = str(result["corpus"])
    measured = [
        {"type": metric, "name": title, "value": round(100 * system["mean"][metric], 2)}
        for metric, title in METRICS.items()
    ]
    results = {
        "task": {"type": "other", "name": "emotion recognition in conversation"},
        "dataset": {"type": corpus.lower().replace(" ", "-"), "name": corpus, "split": "test"},
        "metrics": measured,
    }
    return {"name": name, "results": [results]}


def _list_results(scored: Mapping[str, Any]) -> list[str]:
    """A table of the results of each system on each scored split; nothing where there is none."""
    rows = [
        f"| {split} | {result['scored']} | {system} | {' | '.join(_format(found, metric) for metric in METRICS)} |"
        for split, result in scored.items()
        for system, found in result["systems"].items()
    ]
    if not rows:
        return []
    head = ["| split | utterances | system | " + " | ".join(METRICS.values()) + " |", "|---" * (3 + len(METRICS)) + "|"]
    note = "In brackets: 95 % bootstrap intervals. A split other than test selected the checkpoint, so its numbers are too good."
    return ["\n".join(["## Results", "", *head, *rows, "", note])]


def _format(found: Mapping[str, Any], metric: str) -> str:
    low, high = found["interval"][metric]
    return f"{100 * found['mean'][metric]:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _list_licences(info: Mapping[str, Any], licence: str) -> str:
    """The licences of the corpora that the model was trained on, where mmerc knows them."""
    corpora: Sequence[str] = str(info.get("corpus", "")).split(" + ")
    lines = []
    for corpus in corpora:
        entry = CATALOGUE.get(corpus.lower().replace("-", ""))
        lines.append(f"- {corpus}: {entry.licence}. {entry.citation}" if entry else f"- {corpus}: not known to mmerc")
    head = ["## Licence", "", f"Model: {licence}. The rights in the training corpora apply, too:", ""]
    return "\n".join([*head, *lines])
