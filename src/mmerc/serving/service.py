"""What all routes share: the model, the limits, the jobs, the conversations and the threads that compute."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fastapi import HTTPException

from mmerc import __version__
from mmerc.corpora import Utterance
from mmerc.errors import MissingModality
from mmerc.inference import Conversation, Predictor
from mmerc.inference.live_words import LiveWords
from mmerc.inference.transcription import Transcriber
from mmerc.media.decoders import Decoders
from mmerc.media.isolation import use_decoder
from mmerc.media.live_input import read_utterance_waveform
from mmerc.model.prediction import Prediction, describe_origin
from mmerc.serving.clients import CLIENT
from mmerc.serving.conversation_job import ConversationJob
from mmerc.serving.expiring_store import ExpiringStore
from mmerc.serving.job_store import JobStore
from mmerc.serving.jobs import Job, Jobs, make_id
from mmerc.serving.limits import Limits
from mmerc.serving.metrics import Metrics
from mmerc.serving.prediction_threads import PredictionThreads
from mmerc.serving.uploads import Uploads, check_recording
from mmerc.speakers.live import LiveSpeakers
from mmerc.speakers.voice_encoder import VoiceEncoder

RECORDING = "recording"  # name of its file
INTERIM_SECONDS = 1.0  # between the answers for an utterance that is going on
LOADING = "the model is loading: send it again later."
DRAINING = "the service is stopping: send it again to another one, or later."
NAME_WITH_HASH = re.compile(r".*-([0-9a-f]{8})")
Result = TypeVar("Result")
Loader = Callable[[], Predictor]
log = logging.getLogger("mmerc")


def find_hash(name: str) -> str:
    """The hash of settings and tensors at the end of a model's name; empty if the name has none.

    >>> find_hash("meld-3f9a01bc"), find_hash("stub")
    ('3f9a01bc', '')
    """
    match = NAME_WITH_HASH.fullmatch(name)
    return match[1] if match else ""


@dataclass(frozen=True)
class Recording:
    """What a client asks about a recording.

    `name`: the client's name of the file, which names the dialogue and is never used as a path. `transcript`: name of its file among the uploads; empty
    if there is none.
    """

    name: str
    transcript: str = ""
    explain: bool = False

    def files(self, folder: Path) -> dict[str, Path]:
        """The uploaded files by name, if they lie in `folder`."""
        return {name: folder / name for name in (RECORDING, self.transcript) if name}

    def to_dict(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self)


class StoredConversation:
    """A conversation of several requests; `push_lock` is held while an utterance is predicted."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.push_lock = asyncio.Lock()


class Service:
    """The state of one application.

    `predictor`: the model, or a function that loads it, in which case `load` must be called. `token`: the token that clients must send; `None` if anyone may use the service. `transcriber`: makes the text of an utterance
    from its samples where a client sends none. `interim_seconds`: between the answers for a live utterance that is going on; 0 for none.
    `voice_encoder`: tells the speakers of live streams apart.
    """

    def __init__(
        self,
        predictor: Predictor | Loader,
        limits: Limits | None = None,
        *,
        token: str | None = None,
        transcriber: Transcriber | None = None,
        interim_seconds: float = INTERIM_SECONDS,
        store: JobStore | None = None,
        voice_encoder: VoiceEncoder | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._predictor = predictor if isinstance(predictor, Predictor) else None
        self._load = None if isinstance(predictor, Predictor) else predictor
        self._load_lock = asyncio.Lock()
        self.load_error: Exception | None = None
        self.on_failure: Callable[[], None] = lambda: None  # called when the first model cannot be loaded
        self.is_draining = False
        self.stop_events: set[asyncio.Event] = set()  # one for each live stream
        self.token, self.transcriber, self.interim_seconds = token, transcriber, interim_seconds
        stored = self.limits.max_stored_items, self.limits.expiry_seconds
        self.voice_encoder = voice_encoder
        self.live_words = None if transcriber is None else LiveWords(transcriber)
        self.metrics = Metrics()
        self.jobs = Jobs(self.limits.max_jobs, *stored, store)
        self.store = store
        self.conversations: ExpiringStore[StoredConversation] = ExpiringStore(*stored)
        self.threads = PredictionThreads(self.limits, self.metrics)
        self.decoders = Decoders(
            self.limits.max_decoders,
            max_bytes=self.limits.max_decoder_bytes,
            timeout=self.limits.decoder_timeout_seconds,
            find_client=CLIENT.get,
            while_waiting=self.threads.leave_slot,
        )

    @property
    def predictor(self) -> Predictor:
        """The model.

        Raises:
            HTTPException: 503, it is loading.
        """
        if self._predictor is None:
            raise HTTPException(503, LOADING, {"Retry-After": "5"})
        return self._predictor

    def find_obstacle(self) -> str:
        """Why no request can be served now; empty if the service is ready."""
        if self.is_draining:
            return DRAINING
        return LOADING if self._predictor is None else ""

    def add_recording(self, recording: Recording, uploads: Uploads) -> Job | None:
        """A new job for a recording, or `None` if there are too many. The uploads are removed when they are not needed any more."""
        if self.store is None:
            return self.jobs.add(self._make_job(recording, uploads).run, uploads.remove)
        id = make_id()
        try:
            self.store.add(id, recording.files(uploads.folder), recording.to_dict())
        finally:
            uploads.remove()
        job = self.jobs.add(partial(self._run_stored, id), lambda: None, id)
        if job is None:
            self.store.erase(id)
        return job

    def resume_jobs(self) -> None:
        """Run the jobs that were accepted before the service was stopped or killed."""
        for id in [] if self.store is None else self.store.list_waiting():
            self.jobs.add(partial(self._run_stored, id), lambda: None, id, is_resumed=True)

    def _run_stored(self, id: str, job: Job) -> list[Prediction]:
        assert self.store is not None
        recording, uploads = Recording(**self.store.read_request(id)), Uploads()
        try:
            for name, file in recording.files(uploads.folder).items():
                self.store.unpack(id, name, file)
            return self._make_job(recording, uploads).run(job)
        finally:
            uploads.remove()

    def check_recording(self, file: Path, max_seconds: float) -> None:
        """Check that an uploaded file is a recording and not too long (see `uploads.check_recording`)."""
        with use_decoder(self.decoders):
            check_recording(file, max_seconds)

    def _make_job(self, recording: Recording, uploads: Uploads) -> ConversationJob:
        transcript = uploads.folder / recording.transcript if recording.transcript else None
        file = uploads.folder / RECORDING
        return ConversationJob(
            self.predictor,
            self.limits,
            file,
            transcript,
            self.transcriber,
            recording.explain,
            recording.name,
            decoder=self.decoders,
        )

    def start_drain(self) -> None:
        """Refuse new work from now on, and end the live streams, each with the utterance that is going on."""
        self.is_draining = True
        for event in self.stop_events:
            event.set()

    async def load(self) -> None:
        """Load the model, again if there is one, which serves until then. Requests that have begun keep the model that they have.

        Raises:
            HTTPException: 409, it is loading already, or cannot be loaded again.
            MmercError: it cannot be loaded; the earlier one stays.
        """
        if self._load is None:
            raise HTTPException(409, "the service got its model from a program, not from a folder: start it again.")
        if self._load_lock.locked():
            raise HTTPException(409, "the model is loading already: wait for it.")
        async with self._load_lock:
            is_first = self._predictor is None
            self._predictor = await asyncio.to_thread(self._load)
            if is_first:
                await asyncio.to_thread(self.resume_jobs)
        log.info("the model %s is ready", self._predictor.model.name)

    @property
    def streams(self) -> int:
        """Live streams that have begun."""
        return len(self.stop_events)

    def describe_model(self) -> dict[str, Any]:
        """The model as clients see it (`schema.Model`)."""
        predictor = self.predictor
        labels, model = predictor.labels, predictor.model
        return {
            "name": model.name,
            "trained_on": model.trained_on,
            "origin": describe_origin(model.name, model.trained_on),
            "warning": model.warning,
            "coverage": model.coverage if model.conformal else None,
            "labels": list(labels.names),
            "colours": labels.colours(),
            "modalities": list(predictor.modalities),
            "hash": find_hash(model.name),
            "corpora": [part.strip() for part in model.trained_on.split("+") if part.strip()],
            "protocol": str(model.info.get("protocol", "")),
            "calibration": asdict(model.calibration),
            "version": __version__,
        }

    def start_conversation(self, name: str = "", *, explain: bool = False) -> StoredConversation:
        """A new conversation, which is not stored."""
        return StoredConversation(self.predictor.stream(name, explain=explain))

    def follow_speakers(self) -> LiveSpeakers | None:
        """The recognition of the speakers of a live stream; None without a voice encoder."""
        return (
            None
            if self.voice_encoder is None
            else LiveSpeakers(self.voice_encoder, is_busy=lambda: self.threads.is_busy)
        )

    def transcribe(self, utterance: Utterance) -> Utterance:
        """The utterance with the text that the transcriber makes of its sound, if it has no text yet."""
        if utterance.text is not None or self.transcriber is None:
            return utterance
        try:
            return replace(utterance, text=self.transcriber(read_utterance_waveform(utterance)))
        except MissingModality:
            return utterance

    async def run(
        self, work: Callable[[], Result], transport: str, on_end: Callable[[], None] = lambda: None
    ) -> Result:
        """Run `work` in a thread and return its result. `transport` names the client's way in for the metrics.

        `on_end` is always called: when the thread has ended, which may be after the client has left, or at once if
        `work` is refused.

        Raises:
            HTTPException: 429, too many utterances wait; 504, the result takes too long.
        """

        def compute() -> Result:
            with use_decoder(self.decoders):
                return work()

        return await self.threads.run(compute, transport, on_end)

    async def close(self) -> None:
        """Cancel what waits, and wait for what runs."""
        await asyncio.to_thread(self.jobs.close)
        if self.live_words is not None:
            await asyncio.to_thread(self.live_words.close)
        await self.threads.close()
        await asyncio.to_thread(self.decoders.close)
