"""Cross-validation: a normal run for each fold of a corpus, in RUN/fold-0, RUN/fold-1, ..., and RUN/folds.json about all of them."""

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmerc.corpora import Corpus
from mmerc.corpora.folds import Folds, Grouping, deal_folds, list_dialogues, list_labelled
from mmerc.encoders.signal import SignalConfig
from mmerc.errors import ConfigError, RunError
from mmerc.files import TEMPORARY, read_json, write_json
from mmerc.hardware import is_main_process
from mmerc.progress import log, show_log
from mmerc.training.run import train
from mmerc.training.run_config import RunConfig, load_config
from mmerc.training.run_folder import CONFIG
from mmerc.training.run_lock import INPUTS

FOLDS = "folds.json"
# Keys of folds.json that must not change: how the corpus was dealt, and what came out.
DEALING, RESULT = ("folds", "by", "seed"), ("corpus", "groups", "labelled")


def train_folds(
    corpus: Corpus,
    out: str | Path,
    config: RunConfig | None = None,
    *,
    folds: int,
    by: Grouping | None = None,
    seeds: int = 1,
    fusions: Sequence[str] = (),
    on_finish: Callable[[Path, Corpus], object] = lambda folder, corpus: None,
) -> Folds:
    """Deal a corpus into folds and train a run for each of them; the same call continues what was stopped.

    `folds`: their number, 3 or more. `by`: what stays in one fold (see `corpora.folds.deal_folds`). The seed of the configuration
    also deals the folds. `on_finish` is called with the folder and the corpus of each finished fold. Other arguments: see
    `training.train`.

    Raises:
        MmercError: the corpus cannot be dealt so, a modality has seen the labels of the training rows, the folder holds other
            folds, or what `training.train` raises.
    """
    show_log()
    out = Path(out)
    config = config or load_config(corpus=corpus)
    _check_leaks(corpus, config)
    dealt = deal_folds(corpus, folds, by, config.seed)
    if is_main_process():
        _open_folder(out, dealt)
        log.info(_describe(dealt))
    for number in range(len(dealt)):
        folder = get_fold_folder(out, number)
        log.info("fold %d of %d", number + 1, len(dealt))
        train(
            dealt.make_corpus(number),
            folder,
            config,
            seeds=seeds,
            fusions=fusions,
            shared_inputs=out / INPUTS,
            on_finish=partial(on_finish, folder),
        )
    if is_main_process():
        shutil.rmtree(out / INPUTS, ignore_errors=True)  # samples and face crops of people are not kept
    return dealt


def get_fold_folder(out: Path, number: int) -> Path:
    """The run folder of a fold."""
    return out / f"fold-{number}"


def has_folds(folder: Path) -> bool:
    """Whether the folder was written by `train_folds`."""
    return (folder / FOLDS).is_file()


def describe_folds(folds: Folds) -> dict[str, Any]:
    """How a corpus was dealt: what decides it, and what takes part."""
    corpus = folds.corpus
    labelled = {split: Counter[bool]() for split in corpus.splits}
    for dialogue in list_dialogues(corpus):
        found = len(list_labelled([dialogue]))
        labelled[dialogue.split].update({True: found, False: 0 if found else len(dialogue)})
    return {
        "corpus": corpus.name,
        "location": corpus.location,
        "folds": len(folds),
        "by": folds.by,
        "seed": folds.seed,
        "groups": [[group.name for group in groups] for groups in folds.groups],
        "labelled": {split: counts[True] for split, counts in labelled.items() if counts[True]},
        "left_out": {split: counts[False] for split, counts in labelled.items() if counts[False]},
    }


def _describe(folds: Folds) -> str:
    described = describe_folds(folds)

    def name(counts: dict[str, int]) -> str:
        return ", ".join(f"{count} of {split}" for split, count in counts.items())

    text = f"{len(folds)} folds by {folds.by} of the labelled utterances of all splits ({name(described['labelled'])})"
    if described["left_out"]:
        text += f"; dialogues without labels are left out ({name(described['left_out'])} utterances)"
    return text


def _check_leaks(corpus: Corpus, config: RunConfig) -> None:
    """Raises ConfigError: a modality is a signal that was made with the labels of the training rows.

    Folds test on these rows, so that their result would be too good.
    """
    leaky = [
        name
        for name, section in config.modalities.items()
        if isinstance(section, SignalConfig) and section.signal in corpus.leaky_signals
    ]
    if leaky:
        rest = ",".join(name for name in config.modalities if name not in leaky)
        remedy = f"leave it out with --modalities {rest}" if rest else "the corpus cannot be cross-validated"
        raise ConfigError(
            f"{', '.join(leaky)} of {corpus.name} was made with the labels of the training rows, on which folds are tested: "
            f"{remedy}."
        )


def _open_folder(out: Path, folds: Folds) -> None:
    """Write `folds.json`, or check that the folder holds the same folds.

    Raises:
        RunError: the folder holds something else.
    """
    described = describe_folds(folds)
    is_trained = any((folder / CONFIG).is_file() for folder in out.glob("fold-*"))
    if has_folds(out):
        existing = read_json(out / FOLDS)
        different = [key for key in (*DEALING, *RESULT) if existing.get(key) != described[key]]
        if different and is_trained:
            key = different[0]
            what = (
                f"other folds ({key} is {existing.get(key)!r} in the folder and {described[key]!r} now)"
                if key in DEALING
                else "folds of another corpus, or the corpus has changed since"
            )
            raise RunError(f"{out} holds {what}: choose another --out, or delete it.")
        described = {**({} if different else existing), **described}  # results of finished folds stay
        if not is_trained:
            shutil.rmtree(out / INPUTS, ignore_errors=True)  # they may have been prepared for other settings
    elif out.exists() and (not out.is_dir() or any(not path.name.startswith(TEMPORARY) for path in out.iterdir())):
        raise RunError(f"{out} exists and does not hold folds: choose another --out.")
    write_json(out / FOLDS, described)
