"""Hyperparameter search with Optuna: each trial is a run with other settings, scored by its weighted F1 on dev.

The test split is left out of the corpus, so no trial can see it. All trials are in one journal file; several processes, also of
several machines with a common folder, can work on it at the same time. A trial that is worse than the median of the others after the
same epoch of the same stage is stopped early.
"""

import logging
import multiprocessing
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mmerc.config import Settings
from mmerc.corpora import Corpus
from mmerc.errors import ConfigError, MmercError, RunError, quote
from mmerc.files import read_json, refuse_address, write_json, write_text
from mmerc.hardware import is_main_process
from mmerc.training.run import train
from mmerc.training.run_config import RunConfig

if TYPE_CHECKING:
    from optuna import Study, Trial

log = logging.getLogger("mmerc")
JOURNAL, RESULT, BEST = "journal.log", "search.json", "best.yaml"
STARTUP_TRIALS = 6  # with random settings, before the sampler learns from them
STAGE_STEPS = 10_000  # more than a stage has epochs: the steps of two stages never meet
MakeConfig = Callable[[Sequence[str]], RunConfig]  # from overrides KEY.PATH=VALUE


@dataclass(frozen=True)
class Range:
    """The values of one setting: `choices`, or the numbers from `low` to `high`, whole ones if both are whole."""

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    def suggest(self, trial: "Trial", name: str) -> Any:
        """The value of a trial."""
        if self.choices:
            return trial.suggest_categorical(name, list(self.choices))
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    @property
    def first(self) -> Any:
        return self.choices[0] if self.choices else self.low


Space = Mapping[str, Range]


def read_space(file: Path) -> dict[str, Range]:
    """The search space in a YAML file: for each setting a list of values, or `low`, `high` and maybe `log`.

    Raises:
        ConfigError: the file cannot be read, or an entry has another form.
    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{file} cannot be read ({' '.join(str(error).split())}): give a YAML file.") from error
    if not isinstance(found, dict) or not found:
        raise ConfigError(f"{file} has no settings: write lines such as fusion.dropout: {{low: 0.0, high: 0.5}}.")
    return {str(name): _read_range(file, str(name), entry) for name, entry in found.items()}


def _read_range(file: Path, name: str, entry: Any) -> Range:
    if isinstance(entry, list) and entry and all(isinstance(each, str | bool | int | float) for each in entry):
        return Range(tuple(entry))
    if isinstance(entry, dict) and entry.keys() <= {"low", "high", "log"} and {"low", "high"} <= entry.keys():
        low, high = (_to_number(entry[key]) for key in ("low", "high"))
        is_log = entry.get("log", False)
        if low is not None and high is not None and low < high and isinstance(is_log, bool) and (low > 0 or not is_log):
            return Range(low=low, high=high, log=is_log)
    raise ConfigError(
        f"{file}: {name} is {quote(entry)}: write a list of values, or low and high with low < high; log needs low above 0."
    )


def _to_number(value: Any) -> int | float | None:
    """YAML reads 1e-4, without a point, as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def check_space(space: Space, make_config: MakeConfig) -> None:
    """Check that each setting of the space exists and takes its values. Raises ConfigError."""
    for name, values in space.items():
        for value in values.choices or (values.low, values.high):
            make_config([_override(name, value)])


def search(
    corpus: Corpus, out: Path, space: Space, make_config: MakeConfig, *, trials: int, jobs: int = 1
) -> dict[str, Any]:
    """Run trials until the journal in `out` has `trials` of them, and write `search.json` and `best.yaml`.

    `jobs`: processes on this machine. The same call continues a search that was stopped.

    Raises:
        ConfigError: Optuna is not installed, or the space does not fit the configuration.
        RunError: every trial failed, or the folder has a search with another space.
    """
    check_space(space, make_config)
    refuse_address(out, "the folder of a search")
    out.mkdir(parents=True, exist_ok=True)
    kept = replace(corpus, splits={name: found for name, found in corpus.splits.items() if name != "test"})

    if jobs > 1:
        open_study(out, space)  # before the processes, which would race to create it
        context = multiprocessing.get_context("spawn")
        workers = [
            context.Process(target=_work, args=(kept, out, space, make_config, trials, number))
            for number in range(jobs)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    else:
        _work(kept, out, space, make_config, trials, 0)
    return summarise(out, space, make_config)


def _work(corpus: Corpus, out: Path, space: Space, make_config: MakeConfig, trials: int, number: int) -> None:
    def run_trial(trial: "Trial", overrides: Sequence[str]) -> float:
        return score_run(trial, corpus, out / "trials" / str(trial.number), make_config(overrides))

    optimise(out, space, run_trial, trials=trials, seed=number)


def optimise(
    out: Path, space: Space, run_trial: "Callable[[Trial, Sequence[str]], float]", *, trials: int, seed: int = 0
) -> None:
    """Run trials until the journal in `out` has `trials` that are complete, stopped early or failed.

    `run_trial` gives the score of a trial from its overrides; more is better. `seed`: of the sampler; 0 for the first process.
    """
    study = open_study(out, space, seed)
    optuna = import_optuna()
    finished = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED, optuna.trial.TrialState.FAIL)

    def run(trial: "Trial") -> float:
        overrides = [_override(name, values.suggest(trial, name)) for name, values in space.items()]
        log.info("trial %d: %s", trial.number, ", ".join(overrides))
        return run_trial(trial, overrides)

    def report(study: "Study", trial: Any) -> None:
        score = (
            "stopped early" if trial.state.name == "PRUNED" else trial.value if trial.value is not None else "failed"
        )
        log.info("trial %d: %s", trial.number, f"{100 * score:.1f}" if isinstance(score, float) else score)
        if len(study.get_trials(deepcopy=False, states=finished)) >= trials:
            study.stop()

    left = trials - len(study.get_trials(deepcopy=False, states=finished))
    if left > 0:
        study.optimize(run, n_trials=left, callbacks=[report], catch=(MmercError,))


def import_optuna() -> Any:
    """Optuna, quiet. Raises ConfigError: it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(f"mmerc tune needs Optuna ({error}): run `pip install 'mmerc[tune]'`.") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def open_study(out: Path, space: Space, seed: int = 0) -> "Study":
    """The study in the journal of the folder `out`; a new one if there is none.

    Raises:
        RunError: the folder has a study of another space.
    """
    optuna = import_optuna()
    from optuna.storages.journal import JournalFileBackend

    study: Study = optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(out / JOURNAL))),
        study_name="mmerc",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    )
    described = {name: repr(values) for name, values in space.items()}
    if study.user_attrs.get("space", described) != described:
        raise RunError(f"{out} holds a search with another space: choose another --out, or delete it.")
    study.set_user_attr("space", described)
    return study


def score_run(trial: "Trial", corpus: Corpus, folder: Path, config: RunConfig) -> float:
    """Train a run in `folder`, delete it, and return its weighted F1 on dev.

    Raises:
        TrialPruned: the trial is worse than the others.
    """
    optuna = import_optuna()
    stages: dict[str, float] = {}  # the best score of each stage so far

    def follow(event: Mapping[str, Any]) -> None:
        if "epoch" not in event or not is_main_process():
            return
        stage = str(event["stage"])
        stages[stage] = max(float(event["dev_f1_weighted"]), stages.get(stage, 0.0))
        trial.report(stages[stage], STAGE_STEPS * (len(stages) - 1) + int(event["epoch"]))
        if trial.should_prune():
            raise optuna.TrialPruned

    try:
        train(corpus, folder, config, on_event=follow)
        return float(read_json(folder / "model" / "config.json")["dev_f1_weighted"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def summarise(out: Path, space: Space, make_config: MakeConfig) -> dict[str, Any]:
    """Write and return the result: the best trial, the importance of each setting, and all trials.

    The importance of a setting is its share of the variance of the scores (fANOVA; Hutter et al. 2014).

    Raises:
        RunError: no trial is complete.
    """
    optuna = import_optuna()
    study = open_study(out, space)
    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if not complete:
        raise RunError(f"{out}: no trial is complete: run one of them with `mmerc train` to see its error.")
    importances: dict[str, float] = {}
    if len(complete) > 1 and len({trial.value for trial in complete}) > 1:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        importances = {name: float(value) for name, value in found.items()}
    best = study.best_trial
    result = {
        "best": {"trial": best.number, "dev_f1_weighted": best.value, "settings": best.params},
        "importances": importances,
        "trials": [
            {
                "trial": each.number,
                "state": each.state.name.lower(),
                "dev_f1_weighted": each.value,
                "settings": each.params,
            }
            for each in study.get_trials(deepcopy=False)
        ],
    }
    write_json(out / RESULT, result)
    settings: Settings = make_config([_override(name, value) for name, value in best.params.items()]).to_settings()
    write_text(out / BEST, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
    return result


def _override(name: str, value: Any) -> str:
    """The override `NAME=VALUE`, with the value as YAML.

    >>> _override("text.learning_rate", 1e-05), _override("fusion.name", "mult")
    ('text.learning_rate=1.0e-05', 'fusion.name=mult')
    """
    text = yaml.safe_dump(value).removesuffix("...\n").strip()
    return f"{name}={text}"
