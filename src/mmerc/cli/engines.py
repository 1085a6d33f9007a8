"""Options that say where a command computes, and the command `extract`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mmerc.addresses import make_path
from mmerc.cli.options import (
    COMPUTING,
    AsOption,
    JsonOption,
    ModelArgument,
    NamesOption,
    ProtocolOption,
    SpeakersOption,
    ThreadsOption,
    TranscribeOption,
    VoicesOption,
)
from mmerc.errors import ConfigError
from mmerc.terminal import console, exit_on_error, print_extraction

if TYPE_CHECKING:
    from mmerc.scale.cluster import Cluster

EngineOption = Annotated[
    Literal["local", "ray"],
    typer.Option(
        help="local: this process computes; ray: several processes compute, on this machine or on a cluster of Ray",
        rich_help_panel=COMPUTING,
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="a running Ray cluster, or auto; by default Ray is started on this machine",
        rich_help_panel=COMPUTING,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="processes of --engine ray; by default as many as the CPUs allow",
        rich_help_panel=COMPUTING,
    ),
]


def find_cluster(
    engine: Literal["local", "ray"], address: str | None, workers: int | None, threads: int | None
) -> "Cluster | None":
    """The cluster that the options name; None where this process computes. `threads`: of each worker, by default one.

    Raises:
        ConfigError: an option is about Ray, and the engine is another one.
    """
    if engine == "ray":
        from mmerc.scale.cluster import Cluster

        return Cluster(address, workers, threads or 1)
    given = {"--address": address, "--workers": workers}
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f"{option} is about a Ray cluster: add --engine ray, or leave it out.")
    return None


@exit_on_error
def extract(
    model: ModelArgument,
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="a corpus KIND:PATH#SPLIT, a folder of recordings, or a recording")
    ],
    out: Annotated[
        Path,
        typer.Option(
            parser=make_path,
            metavar="STORE",
            help="the folder to write, or an address of one, with a store for each modality",
        ),
    ],
    transcribe: TranscribeOption = None,
    treat_as: AsOption = "auto",
    speakers: SpeakersOption = None,
    names: NamesOption = None,
    voices: VoicesOption = None,
    protocol: ProtocolOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    workers: WorkersOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the features that a model's networks compute for each utterance, as its fusion reads them.

    The same command continues where it was stopped.
    """
    from mmerc.hardware import keep_memory
    from mmerc.progress import show_log
    from mmerc.scale.extraction import ExtractionJob, extract
    from mmerc.scale.work import Reading, run_here
    from mmerc.threads import set_num_threads

    show_log()
    keep_memory()
    cluster = find_cluster(engine, address, workers, threads)
    set_num_threads(threads)
    people = tuple(names.split(",")) if names is not None else ()
    job = ExtractionJob(model=model, protocol=protocol, reading=Reading(treat_as, transcribe, speakers, people, voices))
    found = extract(source, out, job, run=run_here if cluster is None else cluster.run)
    if as_json:
        print(json.dumps({"folder": str(out), **found}))
    else:
        print_extraction(console, out, found)
