"""The ASGI application: one model behind HTTP routes, a WebSocket and a page."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from mmerc import __version__
from mmerc.inference import Predictor
from mmerc.inference.transcription import Transcriber
from mmerc.serving import websocket
from mmerc.serving.access_control import ANY_HOST, AccessControl, normalise_host, normalise_origin
from mmerc.serving.job_store import JobStore
from mmerc.serving.limits import Limits
from mmerc.serving.reloading import reload_on_signal, start_model
from mmerc.serving.responses import CompleteResponses, add_error_handlers
from mmerc.serving.retention import sweep_regularly
from mmerc.serving.routes import conversations, operations, pages, utterances
from mmerc.serving.service import INTERIM_SECONDS, Loader, Service
from mmerc.serving.uploads import remove_abandoned_uploads
from mmerc.speakers.voice_encoder import VoiceEncoder


def create_app(
    predictor: Predictor | Loader,
    *,
    limits: Limits | None = None,
    token: str | None = None,
    allowed_hosts: Sequence[str] = (ANY_HOST,),
    allowed_origins: Sequence[str] = (),
    transcriber: Transcriber | None = None,
    interim_seconds: float = INTERIM_SECONDS,
    access_log: bool = True,
    store: JobStore | None = None,
    voice_encoder: VoiceEncoder | None = None,
) -> FastAPI:
    """The application for an ASGI server.

    Behind a proxy that serves it below a prefix, give the server the prefix as its root path (`uvicorn --root-path`,
    `server.serve(root_path=...)`).

    Args:
        predictor: the model, or a function that loads it: then the service answers while it loads, and can load it again.
        limits: how much clients may send; the defaults of `Limits`.
        token: what clients must send as `Authorization: Bearer ...`; by default nothing.
        allowed_hosts: host names under which clients may reach the service; by default any.
        allowed_origins: origins, such as https://example.org, whose pages may use the service besides its own page; responses to them have
            CORS headers.
        transcriber: makes the text of an utterance from its samples where a client sends none
            (`mmerc.inference.transcription.Whisper`).
        interim_seconds: time between the answers for a live utterance that is going on; 0 for none before its end.
        access_log: log each request (logger `mmerc.access`).
        store: keeps jobs and their results on disk, so that they survive a restart; by default they are in memory.
        voice_encoder: tells the speakers of live streams apart (`mmerc.speakers.live.find_encoder`); without it only clients name them.

    Raises:
        ConfigError: a host name or an origin is not valid.

    >>> app = create_app(Predictor.load("RUN/model"), token="secret")  # doctest: +SKIP
    """
    service = Service(
        predictor,
        limits,
        token=token,
        transcriber=transcriber,
        interim_seconds=interim_seconds,
        store=store,
        voice_encoder=voice_encoder,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(start_model(service)) if callable(predictor) else None
        reload_on_signal(service)
        remove_abandoned_uploads()
        if loading is None:
            service.resume_jobs()
        sweeping = asyncio.create_task(sweep_regularly(service))
        yield
        sweeping.cancel()
        await service.close()
        if loading is not None:
            await loading

    app = FastAPI(
        title="mmerc",
        version=__version__,
        description="The messages of the WebSocket at `/v1/stream` are in [stream-schema.json](stream-schema.json).",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    origins = [normalise_origin(url) for url in allowed_origins]
    app.add_middleware(
        AccessControl,
        limits=service.limits,
        token=token,
        allowed_hosts=[normalise_host(name) for name in allowed_hosts],
        allowed_origins=origins,
        find_obstacle=service.find_obstacle,
    )
    if origins:  # around the access control, so that a page of these origins can read refusals too
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization"],
        )
    add_error_handlers(app)
    # Added last, so that refusals are counted and have the headers too.
    app.add_middleware(CompleteResponses, metrics=service.metrics, has_log=access_log)
    app.state.service = service
    for router in (
        utterances.create_router(service),
        conversations.create_router(service),
        operations.create_router(service),
        pages.create_router(),
        websocket.create_router(service),
    ):
        app.include_router(router)
    return app
