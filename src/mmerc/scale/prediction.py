"""Predictions of many recordings: a JSON object for each part, and the rows of all parts in their order."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, overload

from mmerc.config import Backend
from mmerc.corpora import Dialogue, Problem
from mmerc.errors import ConfigError
from mmerc.files import read_json
from mmerc.inference import Predictor
from mmerc.inference.export.formats import FORMATS
from mmerc.inference.inputs import Part, read_part
from mmerc.model.conformal import DEFAULT_COVERAGE
from mmerc.model.extraction import log_missing
from mmerc.model.prediction import Prediction
from mmerc.progress import count_calls, show_progress
from mmerc.scale.parts import Run, open_parts
from mmerc.scale.work import ModelJob, list_utterances, run_here

Kind = Literal["predictions", "listeners", "series"]


@dataclass(frozen=True, kw_only=True)
class PredictionJob(ModelJob):
    """The options of `mmerc predict`."""

    backend: Backend = "torch"
    coverage: float = DEFAULT_COVERAGE
    explain: bool = False
    listeners: bool = False
    every: float | None = None

    def load(self) -> "PredictionWork":
        """Load the model and what reads recordings. Raises MmercError: one of them cannot be used."""
        return PredictionWork(self)


class PredictionWork:
    """Predicts the utterances of a part."""

    def __init__(self, job: PredictionJob) -> None:
        self.job, self.read = job, job.reading.load()
        self.predictor = Predictor.load(job.model, backend=job.backend, protocol=job.protocol, coverage=job.coverage)

    def process(self, part: Part) -> bytes:
        dialogue, problems = read_part(part, self.read)
        return encode_part(predict_dialogues(self.predictor, [dialogue], self.job), problems)

    def fail(self, part: Part, reason: str) -> bytes:
        return encode_part({"predictions": self.predictor.model.predict_nothing(list_utterances(part), reason)}, [])


@contextmanager
def hide_progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """The same as `show_progress`, for a process that shows nothing."""
    yield lambda done: None


def predict_dialogues(
    predictor: Predictor,
    dialogues: Sequence[Dialogue],
    job: PredictionJob,
    *,
    show: Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]] = hide_progress,
) -> dict[Kind, list[Prediction]]:
    """The rows of some dialogues, by their kind; a kind that the job does not ask for is not there. `show`: see `show_progress`."""
    total = sum(map(len, dialogues))
    with show("finding faces", total) as report:
        step = count_calls(report)
        found = [predictor.choose_faces(each, job.faces, on_progress=step) for each in dialogues]
    predictions: list[Prediction] = []
    with show("predicting", total) as report:
        for prediction in predictor.predict([dialogue for dialogue, _ in found], explain=job.explain):
            predictions.append(prediction)
            report(len(predictions))
    rows: dict[Kind, list[Prediction]] = {"predictions": predictions}
    if job.listeners:
        rows["listeners"] = [row for each, seen in found if seen for row in predictor.predict_listeners(each, seen)]
    if job.every is not None:
        with show("predicting the series", None) as report:
            step = count_calls(report)
            rows["series"] = [
                row
                for each, seen in found
                for row in predictor.predict_series(
                    each, job.every, faces=seen if job.listeners else None, on_progress=step
                )
            ]
    return rows


def encode_part(rows: Mapping[Kind, Sequence[Prediction]], problems: Sequence[Problem]) -> bytes:
    """The content of the file of a part."""
    content: dict[str, Any] = {kind: [each.to_dict() for each in found] for kind, found in rows.items()}
    content["problems"] = [asdict(problem) for problem in problems]
    return json.dumps(content, ensure_ascii=False).encode()


@dataclass(frozen=True)
class PredictedRows:
    """The rows of all parts; `listeners` and `series` are None where they were not asked for."""

    predictions: Sequence[Prediction]
    listeners: Sequence[Prediction] | None
    series: Sequence[Prediction] | None
    problems: Sequence[Problem]


class PartRows(Sequence[Prediction]):
    """The rows of one kind of all parts, in the order of the parts. They are read when they are needed, one part at a time."""

    def __init__(self, files: Sequence[Path], kind: Kind) -> None:
        self.files, self.kind = files, kind
        self.counts = [len(read_json(file).get(kind, ())) for file in files]

    def __len__(self) -> int:
        return sum(self.counts)

    def __iter__(self) -> Iterator[Prediction]:
        for file in self.files:
            yield from self._read(file)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...
    @overload
    def __getitem__(self, index: slice) -> list[Prediction]: ...
    def __getitem__(self, index: int | slice) -> Prediction | list[Prediction]:
        if isinstance(index, slice):
            return list(self)[index]
        index = range(len(self))[index]
        for file, count in zip(self.files, self.counts, strict=True):
            if index < count:
                return self._read(file)[index]
            index -= count
        raise AssertionError("the range has checked the index")

    def _read(self, file: Path) -> list[Prediction]:
        return [Prediction.model_validate(row) for row in read_json(file).get(self.kind, ())]


def check_job(out: Path | None, form: str, single: Mapping[str, object]) -> None:
    """Check options before many recordings are predicted part by part.

    `form`: the name of the format. `single`: what is about one recording, by its option.

    Raises:
        ConfigError: the rows have no file, or an option is about one recording.
    """
    if out is None:
        raise ConfigError("--engine ray keeps its parts next to the output: name a file with --out.")
    if FORMATS[form].has_times:
        raise ConfigError(
            f"the format {form} is for one recording: write .jsonl, .json, .csv or .xlsx with --engine ray."
        )
    for option, value in single.items():
        if value is not None:
            raise ConfigError(f"{option} is about one recording: leave out --engine ray.")


@contextmanager
def predict_parts(location: str, out: Path, job: PredictionJob, *, run: Run = run_here) -> Iterator[PredictedRows]:
    """The predictions of an input (see `read_input`), part by part; the parts are kept next to `out`.

    The same call continues after it was stopped. The parts are removed at the end of the `with` block, in which their rows are
    written to `out`; an error in it keeps them. `run`: what computes the parts, such as `Cluster.run`.

    Raises:
        CorpusError, RunError, WeightsError: the input, the folder or the model cannot be used.
    """
    parts, problems = job.list_parts(location)
    with open_parts(out, job.describe(location), parts) as folder:
        with show_progress("predicting", len(parts)) as report:
            folder.compute(job.make_absolute(), run, report)
        problems += [Problem(**each) for file in folder.files for each in read_json(file)["problems"]]
        predictions = PartRows(folder.files, "predictions")
        yield PredictedRows(
            predictions,
            PartRows(folder.files, "listeners") if job.listeners else None,
            PartRows(folder.files, "series") if job.every is not None else None,
            problems,
        )
        folder.remove()


def log_modalities(predictions: Sequence[Prediction], modalities: Sequence[str]) -> None:
    """Log how many utterances lack each modality, and why."""
    for modality in modalities:
        reasons = (each.missing[modality] for each in predictions if modality in each.missing)
        log_missing(modality, reasons, len(predictions))
