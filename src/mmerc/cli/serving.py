"""The command `serve`."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from mmerc.cli.options import (
    BackendOption,
    CoverageOption,
    LiveSpeakersOption,
    ModelArgument,
    ThreadsOption,
    TranscribeOption,
)
from mmerc.errors import ConfigError
from mmerc.terminal import errors, exit_on_error

NETWORK, STORAGE, LOG = "Network", "What is kept, and where", "Log"  # groups in --help


@exit_on_error
def serve(
    model: ModelArgument,
    host: Annotated[
        str,
        typer.Option(
            help="address to listen on; 0.0.0.0 is open to other machines: then set a token", rich_help_panel=NETWORK
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on", rich_help_panel=NETWORK)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(envvar="MMERC_TOKEN", help="bearer token that clients must send", rich_help_panel=NETWORK),
    ] = None,
    allowed_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            metavar="NAME",
            help="a further host name of the service, as a proxy forwards it",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    allowed_origins: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-origin",
            metavar="URL",
            help="a further website whose pages may use the service",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    root_path: Annotated[
        str,
        typer.Option(
            metavar="/PREFIX", help="path prefix under which a proxy offers the service", rich_help_panel=NETWORK
        ),
    ] = "",
    proxy_headers: Annotated[
        bool,
        typer.Option(
            "--proxy-headers", help="trust a proxy's X-Forwarded-For and X-Forwarded-Proto", rich_help_panel=NETWORK
        ),
    ] = False,
    forwarded_allow_ips: Annotated[
        str,
        typer.Option(
            metavar="ADDRESSES",
            help="the addresses of the proxy for --proxy-headers, separated by commas",
            rich_help_panel=NETWORK,
        ),
    ] = "127.0.0.1,::1",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=NUMBER", help="override a limit, such as max_upload_bytes; repeatable"),
    ] = None,
    interim: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="time between interim predictions of a live utterance; 0: none"),
    ] = 1.0,
    access_log: Annotated[
        bool, typer.Option("--access-log/--no-access-log", help="log each request", rich_help_panel=LOG)
    ] = True,
    log_format: Annotated[
        Literal["text", "json"], typer.Option(help="lines of the log: text or JSON", rich_help_panel=LOG)
    ] = "text",
    drain: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="time for open requests to finish when the service stops")
    ] = 30.0,
    retain: Annotated[
        float | None,
        typer.Option(
            "--retain-seconds",
            min=0,
            metavar="SECONDS",
            help="how long results are kept; by default one hour; 0: until they are read",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="keep recordings and results here, so that they survive a restart",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    state_key: Annotated[
        str | None,
        typer.Option(envvar="MMERC_STATE_KEY", help="the Fernet key that encrypts --state", rich_help_panel=STORAGE),
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt/--no-encryption", help="encrypt the files in --state", rich_help_panel=STORAGE)
    ] = True,
    transcribe: TranscribeOption = None,
    speakers: LiveSpeakersOption = "auto",
    coverage: CoverageOption = 0.9,
    backend: BackendOption = "torch",
    threads: ThreadsOption = None,
) -> None:
    """Serve a model over HTTP and WebSocket, with a page at /."""
    from mmerc.hardware import keep_memory
    from mmerc.inference import Predictor
    from mmerc.inference.transcription import load_transcriber
    from mmerc.serving import create_app, server
    from mmerc.serving.job_store import JobStore
    from mmerc.serving.limits import parse_limits
    from mmerc.serving.logs import set_up_log
    from mmerc.speakers.live import find_encoder
    from mmerc.threads import set_num_threads

    set_up_log(log_format)
    keep_memory()
    set_num_threads(threads)
    retained = [] if retain is None else [f"expiry_seconds={retain}"]
    limits = parse_limits([*(overrides or []), *retained])
    prefix = server.normalise_root_path(root_path)
    server.check_token(token)
    store = None
    if state is not None:
        if encrypt and state_key is None:
            raise ConfigError("--state needs a key: set MMERC_STATE_KEY, or give --no-encryption.")
        store = JobStore(state, state_key if encrypt else None)
    application = create_app(
        partial(Predictor.load, model, backend=backend, coverage=coverage),
        limits=limits,
        token=token,
        allowed_hosts=server.list_allowed_hosts(host, allowed_hosts or []),
        allowed_origins=allowed_origins or [],
        transcriber=load_transcriber(transcribe),
        interim_seconds=interim,
        access_log=access_log,
        store=store,
        voice_encoder=find_encoder(speakers),
    )
    listener = server.listen(host, port)
    if token is None and server.is_open(host):
        errors.print("every machine that reaches this one can use the service: set a --token", soft_wrap=True)
    errors.print(escape(server.format_url(host, port, prefix)), soft_wrap=True)
    server.serve(
        application,
        listener,
        limits,
        root_path=prefix,
        proxy_addresses=forwarded_allow_ips if proxy_headers else None,
        drain_seconds=drain,
    )
