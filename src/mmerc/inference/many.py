"""One recording after the other with the same options; nothing that is wrong with one ends the work on the others."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from mmerc.config import FaceChoice
from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.errors import ClipNotFound, MmercError, get_first_line
from mmerc.inference.processes import map_in_processes
from mmerc.inference.recording import read_recording
from mmerc.model.prediction import Prediction, Predictions
from mmerc.progress import count_calls, show_progress
from mmerc.speakers.diarization import load_diarizer

log = logging.getLogger("mmerc")


class Source(NamedTuple):
    """A recording and its transcript."""

    recording: Path
    transcript: Path | None = None


@runtime_checkable
class DialoguePredictor(Protocol):
    """What a `Predictor` does with the dialogue of a recording."""

    @property
    def modalities(self) -> tuple[str, ...]: ...

    def choose_faces(
        self, dialogue: Dialogue, faces: FaceChoice, *, on_progress: Callable[[], None]
    ) -> tuple[Dialogue, object]: ...

    def predict(
        self, dialogues: Iterable[Dialogue], *, explain: bool, on_progress: Callable[[], None]
    ) -> Iterator[Prediction]: ...

    def predict_nothing(self, utterance: Utterance, reason: str) -> Prediction: ...


@dataclass(frozen=True)
class ReadingOptions:
    """How recordings are read: see `Predictor.predict_recording`."""

    num_speakers: int | None = None
    names: tuple[str, ...] = ()
    voices: Path | None = None
    faces: FaceChoice = "auto"
    explain: bool = False
    progress: bool = False


def require_file(path: Path) -> Path:
    """The same path. Raises ClipNotFound: there is no file."""
    if not path.is_file():
        raise ClipNotFound(f"there is no file {path}: check the path.")
    return path


class RecordingReader:
    """Predicts recordings. It can be pickled if the predictor can; the copy loads the networks again."""

    def __init__(self, predictor: DialoguePredictor, options: ReadingOptions) -> None:
        """Raises MmercError: an option cannot be used."""
        self.predictor, self.options = predictor, options
        self.diarizer = load_diarizer(options.num_speakers, options.names, options.voices)

    def __reduce__(self) -> tuple[Any, ...]:
        return RecordingReader, (self.predictor, self.options)

    def read(self, source: Source) -> Predictions:
        """The predictions of a recording. Raises MmercError: see `Predictor.predict_recording`."""
        require_file(source.recording)
        dialogue, problems = read_recording(source.recording, source.transcript, diarizer=self.diarizer)
        for problem in problems:
            log.warning("%s: %s", problem.where, problem.what)
        with self._show_progress("finding faces", len(dialogue)) as step:
            dialogue, _ = self.predictor.choose_faces(dialogue, self.options.faces, on_progress=step)
        with self._show_progress("predicting", len(dialogue) * len(self.predictor.modalities)) as step:
            found = self.predictor.predict([dialogue], explain=self.options.explain, on_progress=step)
            return Predictions(found)

    def read_safely(self, source: Source) -> Predictions:
        """The predictions of a recording, or the row that says why there are none."""
        try:
            return self.read(source)
        except MmercError as error:
            return self.fail(source, str(error))
        except Exception as error:  # whatever a damaged file does to a library
            log.warning("%s: it cannot be processed: %s", source.recording.name, error)
            return self.fail(source, f"it cannot be processed ({type(error).__name__}: {get_first_line(error)[:120]})")

    def fail(self, source: Source, reason: str) -> Predictions:
        """The row of a recording that cannot be read."""
        utterance = Utterance("input", replace_surrogates(source.recording.stem), 0, clip=Clip(source.recording))
        return Predictions([self.predictor.predict_nothing(utterance, replace_surrogates(reason))])

    def read_many(self, sources: Iterable[Source], workers: int) -> Iterator[Predictions]:
        """The predictions of each recording, in order, computed by so many processes; by this one if `workers` is 1."""
        if workers == 1:
            return map(self.read_safely, sources)
        return map_in_processes(self.read_safely, sources, workers=workers, fail=self.fail)

    @contextmanager
    def _show_progress(self, title: str, total: int) -> Iterator[Callable[[], None]]:
        """A function to call after each of `total` steps."""
        if not self.options.progress:
            yield lambda: None
            return
        with show_progress(title, total) as report:
            yield count_calls(report)


def show_recordings(found: Iterable[Predictions], total: int | None) -> Iterator[Predictions]:
    """The same predictions, with a progress bar. `total`: the number of recordings, where it is known."""
    with show_progress("recordings", total) as report:
        for number, rows in enumerate(found, 1):
            report(number)
            yield rows
