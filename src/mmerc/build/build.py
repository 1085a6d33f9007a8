"""`mmerc build`: train a network for each modality on the corpora that there are, combine them, and measure the result.

Every part is a run folder that `mmerc train` would continue, so a stopped build continues with the same command.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmerc.build.plan import Plan, make_plan
from mmerc.build.results import list_training_corpora, score_networks
from mmerc.build.transfer import measure_transfer, store_transfer
from mmerc.corpora import open_corpus
from mmerc.errors import RunError
from mmerc.evaluation.pairings import measure_pairings
from mmerc.evaluation.report import write_report
from mmerc.files import read_json, refuse_address, write_json, write_text
from mmerc.model.card import make_combined_card
from mmerc.model.combine import combine
from mmerc.model.folder import CONFIG, load_model
from mmerc.model.model import EmotionModel
from mmerc.progress import log, show_log
from mmerc.training.encoder import create_encoder
from mmerc.training.run import train
from mmerc.training.run_config import RunConfig, load_config
from mmerc.training.splits import add_selection_split, get_selection_split

TRANSFER = "transfer"  # folder of the runs that measure how a network does on a corpus that it was not trained on
RESULTS = ("corpora", "networks", "pairings")  # keys of config.json that say what the model was trained on and reaches


def build(
    corpora: str | Path,
    out: str | Path,
    *,
    preset: str = "base",
    overrides: Sequence[str] = (),
    prior: str = "meld",
) -> dict[str, Any]:
    """Build a model from the corpora in a folder, and return the content of its config.json. `out/model` is the model.

    Args:
        corpora: a folder with subfolders named as kinds of corpora, such as `meld`, `ravdess` and `fer2013` (`mmerc corpus fetch`).
        out: the folder of the build: a run for each network, and the model.
        preset: settings of the networks.
        overrides: settings in the form of `--set`.
        prior: how often each emotion is expected (see `mmerc.combine`).

    Raises:
        MmercError: the folder has no corpus for any network, or what training raises.
    """
    show_log()
    out = Path(out)
    refuse_address(out, "the folder of a build")
    plan = make_plan(Path(corpora))
    for line in plan.describe():
        log.info("%s", line)
    configs = {name: load_config(preset, overrides=overrides, modalities=[name]) for name in plan.locations}
    _check_networks(out, plan, configs)
    for name, location in plan.locations.items():
        log.info("%s: training on %s", name, location)
        _train(location, out / name, configs[name])
        transfer = [
            measure_transfer(name, rest, left_out, out / TRANSFER / f"{name}-without-{kind}", configs[name])
            for kind, (rest, left_out) in plan.list_left_out(name).items()
        ]
        store_transfer(out / name / "model", name, transfer)
    info = _combine(out, list(plan.locations), prior)
    if all(key in info for key in RESULTS):  # the build was finished before, with the same networks
        return info
    model = load_model(out / "model")
    results = (list_training_corpora(plan), score_networks(out, plan), _measure_pairings(model, plan))
    info |= dict(zip(RESULTS, results, strict=True))
    write_text(out / "model" / "README.md", make_combined_card(info, model.encoders))
    write_json(out / "model" / CONFIG, info)
    return info


def _check_networks(out: Path, plan: Plan, configs: Mapping[str, RunConfig]) -> None:
    """Make each network that is not trained yet, so that missing weights and libraries are reported before hours of training."""
    for name, location in plan.locations.items():
        if not (out / name / "model").exists():
            create_encoder(name, configs[name], open_corpus(location), seed=0)


def _train(location: str, folder: Path, config: RunConfig) -> None:
    train(open_corpus(location), folder, config, on_finish=lambda corpus: write_report(folder, corpus))


def _combine(out: Path, names: Sequence[str], prior: str) -> dict[str, Any]:
    """The combined model, made again where a network or the prior is not the one that it was made of."""
    model = out / "model"
    if model.exists():
        info = read_json(model / CONFIG)
        origins = {name: origin["model"] for name, origin in info.get("origins", {}).items()}
        present = {name: read_json(out / name / "model" / CONFIG)["name"] for name in names}
        if not origins:
            raise RunError(f"{model} is not a model that was built: choose another --out.")
        if origins == present and info.get("prior_name") == prior:
            return info
        shutil.rmtree(model)
    return combine([out / name / "model" for name in names], model, prior=prior)


def _measure_pairings(model: EmotionModel, plan: Plan) -> dict[str, Any] | None:
    """The pairings of the splits that selected the networks; None with one modality."""
    if len(plan.locations) < 2:
        return None
    opened = {name: add_selection_split(open_corpus(location)) for name, location in plan.locations.items()}
    return measure_pairings(model, {name: (corpus, get_selection_split(corpus)) for name, corpus in opened.items()})
