"""The command line: one verb per command, no logic of its own. Results go to stdout, everything else to stderr."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from mmerc.errors import ConfigError
from mmerc.terminal import LISTED, console, errors, guarded, show, show_result, show_statistics

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=(
    "Multimodal emotion recognition in conversation: what was felt in each utterance, from text, voice and face."
))  # fmt: skip
corpus_app = typer.Typer(no_args_is_help=True, help="Look at a corpus before training on it.")
weights_app = typer.Typer(no_args_is_help=True, help="Public weights: which there are, and fetching them.")
app.add_typer(corpus_app, name="corpus")
app.add_typer(weights_app, name="weights")

CorpusArgument = Annotated[str, typer.Argument(help="KIND:PATH, such as meld:FOLDER, table:FILE.csv, synthetic:FOLDER")]
ModelArgument = Annotated[str, typer.Argument(help="a model folder, such as RUN/model, or OWNER/NAME on the hub")]
TranscribeOption = Annotated[
    str | None, typer.Option(help="a Whisper model of faster-whisper, by name or folder: words from the voice")
]
BackendOption = Annotated[Literal["torch", "onnx"], typer.Option(help="onnx: what `mmerc export` wrote computes")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON for machines")]


@app.command()
@guarded
def demo(
    out: Annotated[Path, typer.Option(help="where corpus and run go")] = Path("demo-run"),
    seeds: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Make a small corpus of real clips and run the whole main job on it: train, fuse, evaluate, report."""
    # The corpus has 350 training utterances, a thirtieth of MELD's: more epochs make up for few steps. Its voices are
    # formants, which no detector takes for speech and half a network tells apart.
    settings = [
        *("text.epochs=10", "text.patience=4"),
        *("audio.least_speech=0", "audio.channels=16", "audio.epochs=15", "audio.averaging=0.98"),
        *("face.channels=12", "face.epochs=15", "face.batch_size=32", "face.averaging=0", "face.learning_rate=0.001"),
    ]
    train(f"synthetic:{out / 'corpus'}", out / "run", "compact", None, None, settings, seeds)


@app.command()
@guarded
def train(
    corpus: CorpusArgument,
    out: Annotated[Path, typer.Option(help="the run folder; the same command goes on where it stopped")],
    preset: Annotated[str | None, typer.Option(help="paper, compact (default) or smoke")] = None,
    config: Annotated[Path | None, typer.Option(help="a YAML file in place of a preset")] = None,
    modalities: Annotated[str | None, typer.Option(help="some of the configured ones, such as text,audio")] = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="key.path=value, repeatable")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds to train")] = 1,
    places: Annotated[list[str] | None, typer.Option("--map", help="role=place in a pack, repeatable")] = None,
    fusions: Annotated[
        str, typer.Option(help="all, or names: trained beside the configured fusion to compare it")
    ] = "",
) -> None:
    """Train both stages, evaluate on dev, write the report."""
    if preset and config:
        raise ConfigError("--preset and --config exclude each other: give one of them.")
    from mmerc import config as configuration
    from mmerc.corpora import open_corpus
    from mmerc.corpora.dialogue import HELD_OUT
    from mmerc.corpora.location import mapped
    from mmerc.fusion import asked
    from mmerc.training.run_config import check
    from mmerc.training.signals import with_signals

    corpus = mapped(corpus, places or [])
    only = [name.strip() for name in modalities.split(",")] if modalities is not None else None
    settings = configuration.load(preset, config, [])
    if config is None:
        settings = with_signals(settings, open_corpus(corpus), only)
    checked = check(configuration.overridden(settings, overrides or []), only=only)
    from mmerc.training.run import train as run_training

    def report() -> None:
        from mmerc.evaluation.report import write_report

        report_path = write_report(out)
        show(out, ("test", "dev", HELD_OUT))
        errors.print(escape(f"report: {report_path}\nmodel:  {out / 'model'}"), soft_wrap=True)

    run_training(corpus, out, checked, seeds, asked(fusions), finish=report)


@app.command()
@guarded
def evaluate(
    run: Annotated[Path, typer.Argument(help="the run folder; with --on a model folder, too")],
    split: Annotated[str, typer.Option()] = "test",
    on: Annotated[str | None, typer.Option(help="KIND:PATH#split: a labelled corpus the run has never seen")] = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="also with every subset of modalities, missing rates and noise")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The paper's tables with this run's numbers; where a split has no labels, says so."""
    if on is not None:
        from mmerc.evaluation.external import evaluate_on
        from mmerc.progress import bar, show_log

        if robustness or split != "test":
            raise ConfigError("--on names its own split, and goes without --robustness: leave the others out.")
        show_log()
        with bar("predicting", 1) as progress:
            result = evaluate_on(run, on, progress)
    else:
        from mmerc.evaluation import evaluate as evaluated

        result = evaluated(run, split, with_robustness=robustness)
    if as_json:
        print(json.dumps(result))
    else:
        show_result(result, whole=True)


@app.command()
@guarded
def report(run: Annotated[Path, typer.Argument(help="the run folder")]) -> None:
    """One self-contained HTML file with tables and figures."""
    from mmerc.evaluation.report import write_report

    print(write_report(run))


@app.command()
@guarded
def predict(
    model: ModelArgument,
    source: Annotated[str, typer.Argument(metavar="INPUT", help="KIND:PATH#split, a clip, or a folder of clips")],
    out: Annotated[Path | None, typer.Option(help="a file instead of stdout")] = None,
    form: Annotated[
        Literal["jsonl", "csv", "xlsx"] | None, typer.Option("--format", help="else the ending of --out says it")
    ] = None,
    transcript: Annotated[
        Path | None, typer.Option(help="what is said when in one recording: .srt, .vtt, .csv or Whisper's .json")
    ] = None,
    transcribe: TranscribeOption = None,
    html: Annotated[Path | None, typer.Option(help="also a page with the answers on a timeline")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="also what each modality adds to the emotion")] = False,
    backend: BackendOption = "torch",
) -> None:
    """An emotion for every utterance, with probabilities and the modalities that were there.

    A recording of more than 30 s without a transcript is cut where somebody speaks.
    """
    from mmerc.files import check_writable
    from mmerc.hardware import keep_memory
    from mmerc.inference import Predictor
    from mmerc.inference.export.rows import as_text, form_of, write_answers
    from mmerc.inference.inputs import check_output, read_input
    from mmerc.progress import bar, show_log

    for file in (out, html):
        if file is not None:
            check_writable(file)  # now, and not when all is computed
            check_output(file, source, Path(model), *([transcript] if transcript else []))
    if out is not None and html is not None and out.resolve() == html.resolve():
        raise ConfigError(f"{out} cannot be both the rows and the page: give two files.")
    form = form or form_of(out)
    if out is None and form == "xlsx":
        raise ConfigError("a workbook is no text: name a file with --out.")
    show_log()
    keep_memory()
    predictor = Predictor.load(model, backend=backend)
    dialogues, problems = read_input(source, transcript, words=_listener(transcribe))
    if problems and transcript is not None:
        for problem in problems[:LISTED]:
            errors.print(escape(f"{problem.where}: {problem.what}"), soft_wrap=True)
        if len(problems) > LISTED:
            errors.print(f"and {len(problems) - LISTED} more lines like these")
    elif problems:
        errors.print(f"{len(problems)} problems in the corpus; `mmerc corpus check` lists them")
    total = sum(map(len, dialogues))
    with bar("predicting", total) as progress:
        rows = []
        for row in predictor.predict(dialogues, explain=explain):
            rows.append(row)
            progress(len(rows))
    if out is None:
        assert form != "xlsx"
        sys.stdout.write(as_text(rows, form))
    else:
        write_answers(out, rows, form)
        errors.print(escape(f"{len(rows)} rows in {out}"), soft_wrap=True)
    if html is not None:
        from mmerc.inference.export.timeline import write_timeline
        from mmerc.inference.inputs import is_file

        recording = Path(source) if is_file(Path(source)) else None
        write_timeline(html, rows, predictor.labels, recording)
        errors.print(escape(f"timeline: {html}"), soft_wrap=True)


def _listener(transcribe: str | None) -> Any:
    if transcribe is None:
        return None
    from mmerc.inference.transcription import Whisper

    return Whisper(transcribe)


@app.command()
@guarded
def export(
    model: ModelArgument,
    onnx: Annotated[Path, typer.Option(help="the folder to write: the model and its ONNX graphs")],
    int8: Annotated[bool, typer.Option("--int8", help="weights of matrix products as 8-bit integers")] = False,
    check: Annotated[
        str | None, typer.Option(help="KIND:PATH#split or clips: what the graphs' answers there lose against torch's")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Graphs for onnxruntime, each compared with torch; `--backend onnx` of predict and serve reads them."""
    from mmerc.model.onnx.export import export_onnx
    from mmerc.model.onnx.runtime import loss_of

    asked = None
    if check is not None:
        from mmerc.inference.inputs import read_input

        asked = read_input(check)[0]
    manifest = export_onnx(model, onnx, int8=int8)
    figures = ("largest_difference", "times_as_fast", "times_as_fast_as_float32")
    found: dict[str, Any] = {
        "folder": str(onnx),
        "int8": int8,
        "parts": {name: {key: part[key] for key in figures} for name, part in manifest["parts"].items()},
    }
    if asked is not None:
        found["check"] = loss_of(onnx, asked)
    if as_json:
        print(json.dumps(found))
        return
    table = Table("part", "largest difference of a logit", "times as fast as torch", "as torch in float32")
    for name, part in found["parts"].items():
        difference, *faster = (part[key] for key in figures)
        table.add_row(name, f"{difference:.1e}", *(f"{times:.2f}" for times in faster))
    console.print(table)
    for name, value in found.get("check", {}).items():
        console.print(f"{name.replace('_', ' ')}: {value}")


@app.command()
@guarded
def serve(
    model: ModelArgument,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in: set a token then")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    token: Annotated[
        str | None, typer.Option(envvar="MMERC_TOKEN", help="what clients must send as a bearer token")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--limit", help="such as max_upload_bytes=100000000, repeatable")
    ] = None,
    transcribe: TranscribeOption = None,
    backend: BackendOption = "torch",
) -> None:
    """HTTP, a WebSocket for live conversations, and a page at /."""
    from mmerc import config as configuration
    from mmerc.hardware import keep_memory
    from mmerc.inference import Predictor
    from mmerc.progress import show_log

    try:
        from mmerc.serving import Limits, create_app, server
    except ImportError as error:
        raise ConfigError(f"serving needs the extra serve ({error}): pip install 'mmerc[serve]'.") from error

    show_log()
    keep_memory()
    wrong = next((each for each in overrides or [] if not all(each.partition("="))), None)
    if wrong is not None:
        raise ConfigError(f"--limit {wrong}: write it as name=number, such as max_upload_bytes=100000000.")
    limits = configuration.validate(Limits, configuration.overridden({}, overrides or []), "limit")
    server.check_token(token)
    predictor = Predictor.load(model, backend=backend)
    application = create_app(
        predictor,
        limits=limits,
        token=token,
        allowed_hosts=server.list_allowed_hosts(host),
        transcriber=_listener(transcribe),
    )
    listener = server.listen(host, port)
    if token is None and server.is_open(host):
        errors.print("every machine that reaches this one may use the service: set a --token", soft_wrap=True)
    errors.print(escape(server.format_url(host, port)), soft_wrap=True)
    server.serve(application, listener, limits)


@corpus_app.command("check")
@guarded
def corpus_check(corpus: CorpusArgument, as_json: JsonOption = False) -> None:
    """Counts per split and label, and every row and clip that is broken."""
    from mmerc.corpora import open_corpus
    from mmerc.corpora.statistics import statistics
    from mmerc.media.inspection import broken_clips
    from mmerc.progress import bar

    opened = open_corpus(corpus)
    counted = statistics(opened)
    clips = sum(split["clips"] for split in counted["splits"].values())
    with bar("clips", clips) as progress:
        broken = broken_clips(opened, progress)
    counted["problems"] += [vars(problem) for problem in broken]
    if as_json:
        print(json.dumps(counted))
    else:
        show_statistics(counted)


@weights_app.command("list")
@guarded
def weights_list() -> None:
    """Every set of weights, its licence, and whether it is here."""
    from mmerc import weights

    table = Table("name", "what", "licence", "MB", "here", "source")
    for entry in weights.CATALOGUE.values():
        here = "yes" if weights.located(entry.name) else "no"
        table.add_row(entry.name, entry.what, entry.licence, f"{entry.size / 1e6:.1f}", here, entry.source)
    console.print(table)


@weights_app.command("fetch")
@guarded
def weights_fetch(name: Annotated[str, typer.Argument(help="a name that `weights list` shows")]) -> None:
    """Download, check and convert one set of weights into the cache."""
    from mmerc import weights

    print(weights.fetch(name))


def main() -> None:
    """The entry point of the `mmerc` command."""
    # Before torch is loaded: its exporter warns of shapes that it cannot infer, and every graph is compared.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    app()
