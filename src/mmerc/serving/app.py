"""The application: one model behind HTTP, a WebSocket and a page. `create_app` puts the parts together.

Nothing that a client sends is ever used as a path, and nothing is fetched from anywhere.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import resources
from pathlib import PurePath
from threading import Lock
from typing import Annotated, Any

from fastapi import Depends, FastAPI, File, Form, HTTPException, Path, Request, Response, UploadFile, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.middleware.trustedhost import TrustedHostMiddleware

from mmerc import __version__
from mmerc.corpora import Clip, Utterance
from mmerc.errors import MissingModality
from mmerc.inference import Predictor
from mmerc.inference.export.timeline import part
from mmerc.inference.recording import Words
from mmerc.inference.streaming import Conversation
from mmerc.media.live_input import read_utterance_waveform
from mmerc.serving import schema
from mmerc.serving.conversation_job import Reading
from mmerc.serving.gate import Gate
from mmerc.serving.jobs import Job, Jobs, Remembered, Row
from mmerc.serving.limits import Limits
from mmerc.serving.metrics import Metrics
from mmerc.serving.uploads import Uploads, check_medium
from mmerc.serving.websocket import live

NAME = r"^[A-Za-z0-9_.-]{1,64}$"
THREADS = 4  # decode at once; the networks' own work is done by one at a time
PAGE = ("live.js", "page.js", "recorder.js", "page.css")
SHARED = ("timeline.js", "timeline.css")  # of the page that `mmerc predict --html` writes
MEDIA = {".js": "text/javascript", ".css": "text/css"}
REFUSALS = {
    401: "no token",
    403: "from another site",
    404: "no such job",
    408: "too slow",
    413: "too much",
    415: "no medium",
    422: "not what is asked for",
    429: "busy",
    504: "takes too long",
}
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src blob:; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self)",
}


class Service:
    """What the routes share: the model, the limits, and everything that is going on."""

    def __init__(self, predictor: Predictor, limits: Limits, token: str | None, words: Words | None) -> None:
        self.predictor, self.limits, self.token, self.words = predictor, limits, token, words
        self.metrics = Metrics()
        self.threads = ThreadPoolExecutor(THREADS, "mmerc-answer")
        self.jobs = Jobs(limits.jobs, limits.kept, limits.kept_seconds)
        self.conversations: Remembered[tuple[Conversation, asyncio.Lock]] = Remembered(limits.kept, limits.kept_seconds)
        self.counting = Lock()
        self.waiting = self.connections = 0

    def model(self) -> dict[str, Any]:
        labels = self.predictor.labels
        return {
            "labels": list(labels.names),
            "colours": labels.colours(),
            "modalities": list(self.predictor.encoders),
            "version": __version__,
        }

    def with_words(self, turn: Utterance) -> Utterance:
        """The utterance with what is said in it, where nobody has written it down and somebody listens."""
        if turn.text is not None or self.words is None:
            return turn
        try:
            return replace(turn, text=self.words(read_utterance_waveform(turn)))
        except MissingModality:
            return turn

    async def answered(self, work: Callable[[], Any], way: str, finally_: Callable[[], None] = lambda: None) -> Any:
        """What `work` gives, from a thread. `finally_` is called when the thread has ended, whoever still waits for it.

        Raises:
            HTTPException: 429, too many are waiting; 504, it takes too long.
        """
        with self.counting:
            full = self.waiting >= self.limits.waiting
            self.waiting += not full
        if full:
            finally_()
            raise HTTPException(429, "too many utterances are waiting: send it again later.", {"Retry-After": "1"})

        def ended(_: Any) -> None:  # in the thread itself: the service's loop may have ended by then
            with self.counting:
                self.waiting -= 1
            finally_()

        began = time.monotonic()
        future = self.threads.submit(work)
        future.add_done_callback(ended)
        try:
            found = await asyncio.wait_for(asyncio.wrap_future(future), self.limits.answer_seconds)
        except TimeoutError as error:  # what has not begun is cancelled with it
            raise HTTPException(504, f"no answer within {self.limits.answer_seconds:g} s: send less.") from error
        self.metrics.answers.labels(way).observe(time.monotonic() - began)
        return found


def create_app(
    predictor: Predictor,
    *,
    limits: Limits | None = None,
    token: str | None = None,
    hosts: Sequence[str] = ("*",),
    words: Words | None = None,
) -> FastAPI:
    """The ASGI application.

    `token`: what clients must send as `Authorization: Bearer ...`; by default nothing. `hosts`: the names under which it
    is reached; requests to any other are refused, which keeps out pages that give this machine a name of theirs. `words`: makes words of
    an utterance's samples (`mmerc.inference.transcription.Whisper`) where a client sends none.

    >>> app = create_app(Predictor.load("RUN/model"), token="secret")  # doctest: +SKIP
    """
    service = Service(predictor, limits or Limits(), token, words)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.jobs.close)
        await asyncio.to_thread(service.threads.shutdown, wait=True, cancel_futures=True)

    app = FastAPI(title="mmerc", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Gate, limits=service.limits, token=token)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]  # without what was sent, which may be long and anything
        what = first["msg"][:1].lower() + first["msg"][1:]
        if "UploadFile" in what:
            what = "this is text and no file: send the file itself (curl -F name=@file)"
        return JSONResponse({"detail": f"{first['loc'][-1]}: {what}."}, 422)

    @app.middleware("http")
    async def watched(request: Request, call_next: Callable[[Request], Any]) -> Response:
        response: Response = await call_next(request)
        route = request.scope.get("route")
        path = getattr(route, "path", "other")  # never the client's own words: each would be a new series
        service.metrics.requests.labels(path, str(response.status_code)).inc()
        for name, value in SAFE.items():
            response.headers.setdefault(name, value)
        return response

    # The gate has checked the token before anything was read; this is for the OpenAPI document.
    _routes(app, service, [Depends(HTTPBearer(auto_error=False))])
    _pages(app, service)

    @app.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        await live(socket, service)

    return app


def _routes(app: FastAPI, service: Service, guards: list[Any]) -> None:
    limits = service.limits

    def described(answer: type[BaseModel], *codes: int) -> dict[str, Any]:
        """For the OpenAPI document; what is answered is made by ourselves and not checked again."""
        return {
            "dependencies": guards,
            "response_model": None,
            "responses": {202 if answer is schema.Accepted else 200: {"model": answer}}
            | {code: {"model": schema.Refusal, "description": REFUSALS[code]} for code in codes},
        }

    @app.post("/v1/utterances", **described(schema.LiveAnswer, 401, 403, 408, 413, 415, 422, 429, 504))
    async def utterances(
        clip: Annotated[UploadFile | None, File(description="audio or video of this utterance")] = None,
        text: Annotated[str | None, Form(max_length=limits.text_characters)] = None,
        speaker: Annotated[str, Form(max_length=100)] = "",
        conversation: Annotated[str | None, Form(pattern=NAME, description="whose words before are read too")] = None,
        explain: Annotated[bool, Form(description="of a new conversation: what each modality adds")] = False,
    ) -> dict[str, Any]:
        """One utterance: a clip, words, or both. The answer is a row of `mmerc predict`, with `missing`."""
        if clip is None and not (text or "").strip():
            raise HTTPException(422, "there is neither a clip nor text: send one of them, as multipart/form-data.")
        uploads = Uploads()

        def answer() -> Row:
            file = uploads.keep(clip, "clip") if clip is not None else None
            if file is not None:
                check_medium(file, limits.utterance_seconds)
            turn = Utterance("live", "", 0, speaker=speaker, text=text or None, clip=Clip(file) if file else None)
            return talk.push(service.with_words(turn))

        def begun() -> tuple[Conversation, asyncio.Lock]:
            return service.predictor.stream(conversation or "", explain=explain), asyncio.Lock()

        kept = begun() if conversation is None else service.conversations.get(conversation, begun)
        assert kept is not None
        talk, order = kept
        try:
            await asyncio.wait_for(order.acquire(), limits.answer_seconds)  # here, not in a thread that others need
        except BaseException as error:
            uploads.remove()
            if isinstance(error, TimeoutError):
                raise HTTPException(504, "the conversation's utterances before this one take too long.") from error
            raise
        try:
            row: Row = await service.answered(answer, "http", uploads.remove)
        finally:
            order.release()
        return row

    @app.post("/v1/conversations", status_code=202, **described(schema.Accepted, 401, 403, 408, 413, 415, 422, 429))
    async def conversations(
        recording: Annotated[UploadFile, File(description="audio or video of a whole conversation")],
        transcript: Annotated[UploadFile | None, File(description=".srt, .vtt, .csv or Whisper's .json")] = None,
        explain: Annotated[bool, Form()] = False,
    ) -> dict[str, Any]:
        """A whole recording: the answer is a job, to be asked for at `/v1/jobs/{id}`."""
        uploads = Uploads()
        try:
            file = await asyncio.to_thread(uploads.keep, recording, "recording")
            transcript_file = None
            if transcript is not None:
                transcript_file = await asyncio.to_thread(uploads.keep_transcript, transcript)
            await asyncio.to_thread(check_medium, file, limits.conversation_seconds)
        except BaseException:
            uploads.remove()
            raise

        reading = Reading(service.predictor, limits, file, transcript_file, service.words, explain)
        job = service.jobs.add(reading.rows, uploads.remove)
        if job is None:
            raise HTTPException(429, "too many recordings are waiting: send it again later.", {"Retry-After": "30"})
        return {"id": job.id, "url": f"/v1/jobs/{job.id}"}

    def found(id: Annotated[str, Path(max_length=64)]) -> Job:
        job = service.jobs.get(id)
        if job is None:
            raise HTTPException(404, "there is no such job, or it is forgotten.")
        return job

    @app.get("/v1/jobs/{id}", **described(schema.Job, 401, 404, 422))
    async def job(job: Annotated[Job, Depends(found)]) -> dict[str, Any]:
        """How far it is, and its rows when it is done."""
        return job.shown()

    @app.delete("/v1/jobs/{id}", **described(schema.Job, 401, 403, 404, 422))
    async def cancel(job: Annotated[Job, Depends(found)]) -> dict[str, Any]:
        """Nobody wants it any more."""
        job.cancelled = True
        return job.shown()

    @app.get("/v1/model", **described(schema.Model, 401))
    async def model() -> dict[str, Any]:
        """The labels in their order, a colour each, and the modalities that the model reads."""
        return service.model()

    @app.get(
        "/metrics",
        dependencies=guards,
        response_class=PlainTextResponse,
        responses={401: {"model": schema.Refusal, "description": REFUSALS[401]}},
    )
    async def metrics() -> Response:
        """Counters in Prometheus' form."""
        service.metrics.jobs.set(service.jobs.open)
        service.metrics.waiting.set(service.waiting)
        service.metrics.connections.set(service.connections)
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether the service answers."""
        return {"status": "ok"}


def _pages(app: FastAPI, service: Service) -> None:
    folder = resources.files("mmerc.serving") / "static"

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse((folder / "index.html").read_text(encoding="utf-8"))

    @app.get("/page/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in PAGE + SHARED:
            raise HTTPException(404, "there is no such file.")
        text = part(name) if name in SHARED else (folder / name).read_text(encoding="utf-8")
        return Response(text, media_type=MEDIA[PurePath(name).suffix])
