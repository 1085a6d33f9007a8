"""What a process does with one part of an input; nothing that is wrong with a part ends the work on the others."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from mmerc import __version__
from mmerc.addresses import RemotePath
from mmerc.config import FaceChoice
from mmerc.config import Protocol as ProtocolName
from mmerc.corpora import Clip, Dialogue, Problem, Utterance
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.errors import MmercError, get_first_line
from mmerc.inference.inputs import Part, Read, list_input
from mmerc.inference.recording import Treatment, read_recording
from mmerc.inference.transcription import load_transcriber
from mmerc.model.folder import hash_model
from mmerc.model.hub import find_model_folder
from mmerc.speakers.diarization import load_diarizer

log = logging.getLogger("mmerc")
OfJob = TypeVar("OfJob", bound="ModelJob")


@runtime_checkable
class Work(Protocol):
    """Computes a part; it holds the networks."""

    def process(self, part: Part) -> bytes:
        """What is stored of the part."""
        ...

    def fail(self, part: Part, reason: str) -> bytes:
        """What is stored of a part that cannot be processed: its rows, with the reason."""
        ...


@runtime_checkable
class Job(Protocol):
    """What is to be done with every part. It can be pickled, and is loaded in each process that works."""

    def load(self) -> Work:
        """Load the networks. Raises MmercError: they cannot be used."""
        ...


@dataclass(frozen=True)
class Reading:
    """How recordings are read (see `read_recording` and `load_diarizer`)."""

    treat_as: Treatment = "auto"
    transcribe: str | None = None
    speakers: int | None = None
    names: tuple[str, ...] = ()
    voices: Path | None = None
    audio_track: int | None = None

    @property
    def asks_for_speakers(self) -> bool:
        return self.speakers is not None or bool(self.names) or self.voices is not None

    def load(self) -> Read:
        """`read_recording` with these options. Raises MmercError: a network cannot be loaded."""
        return partial(
            read_recording,
            treat_as=self.treat_as,
            transcriber=load_transcriber(self.transcribe),
            diarizer=load_diarizer(self.speakers, self.names, self.voices),
            audio_track=self.audio_track,
        )


@dataclass(frozen=True, kw_only=True)
class ModelJob:
    """What the jobs that need a trained model have in common; see `Predictor`.

    `model`: a folder, or `OWNER/NAME` on the Hugging Face hub. `faces`: see `Predictor.find_faces`.
    """

    model: str
    protocol: ProtocolName | None = None
    faces: FaceChoice = "auto"
    reading: Reading = field(default_factory=Reading)

    def describe(self, location: str) -> dict[str, Any]:
        """What the rows depend on, as values of JSON: the job and its input, the tensors of the model, the version of mmerc."""
        settings = {key: value for key, value in asdict(self).items() if key != "model"}
        found = {
            "job": type(self).__name__,
            "input": location,
            "model": hash_model(find_model_folder(self.model)),
            "settings": settings,
            "version": __version__,
        }
        described: dict[str, Any] = json.loads(json.dumps(found, default=str))
        return described

    def make_absolute(self: OfJob) -> OfJob:
        """The same with absolute paths, for a process that works in another folder."""
        voices = self.reading.voices
        return replace(
            self,
            model=str(Path(self.model).absolute()) if Path(self.model).exists() else self.model,
            reading=replace(self.reading, voices=voices.absolute() if voices else None),
        )

    def list_parts(self, location: str) -> tuple[list[Part], list[Problem]]:
        """The parts of an input, with absolute paths, and its problems. Raises CorpusError as `read_input` does."""
        reading = self.reading
        parts, problems = list_input(
            location,
            treat_as=reading.treat_as,
            asks_for_speakers=reading.asks_for_speakers,
            audio_track=reading.audio_track,
        )
        return list(map(make_absolute, parts)), problems


def name(part: Part) -> str:
    """The part as a person knows it: the name of the file, or of the dialogue."""
    return f"{part.split} {part.dialogue}" if isinstance(part, Dialogue) else part.file.name


def list_utterances(part: Part) -> tuple[Utterance, ...]:
    """The utterances of a part that was not read: a recording is one."""
    if isinstance(part, Dialogue):
        return part.utterances
    dialogue = replace_surrogates(part.file.stem if part.name is None else part.name)
    return (Utterance("input", dialogue, 0, clip=Clip(part.file)),)


def measure_size(part: Part) -> int:
    """The bytes of the recordings of a part on this machine: how long it takes, roughly. What is at an address would be a request each."""
    files = {part.file} if not isinstance(part, Dialogue) else {each.clip.path for each in part.utterances if each.clip}
    return sum(file.stat().st_size for file in files if not isinstance(file, RemotePath) and file.is_file())


def make_absolute(part: Part) -> Part:
    """The part with absolute paths, for a process that works in another folder."""
    if not isinstance(part, Dialogue):
        return replace(part, file=part.file.absolute())
    utterances = (
        replace(each, clip=replace(each.clip, path=each.clip.path.absolute())) if each.clip else each
        for each in part.utterances
    )
    return replace(part, utterances=tuple(utterances))


def process_safely(work: Work, part: Part) -> bytes:
    """What `work` computes of the part, or the rows that say why it cannot."""
    try:
        return work.process(part)
    except MmercError as error:
        reason = str(error)
    except Exception as error:  # whatever a damaged file does to a library
        log.warning("%s: it cannot be processed: %s", name(part), error)
        reason = f"it cannot be processed ({type(error).__name__}: {get_first_line(error)[:120]})"
    return work.fail(part, replace_surrogates(reason))


def run_here(job: Job, parts: Sequence[Part]) -> Iterator[tuple[int, bytes]]:
    """The index of each part and what was computed of it, one after the other in this process."""
    work = job.load()
    for index, part in enumerate(parts):
        yield index, process_safely(work, part)
