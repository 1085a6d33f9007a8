"""Commands around a trained model: predict, export."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from mmerc.addresses import make_path
from mmerc.cli.engines import AddressOption, EngineOption, WorkersOption, find_cluster
from mmerc.cli.options import (
    OUTPUT,
    READING,
    AsOption,
    BackendOption,
    CoverageOption,
    HtmlOption,
    JsonOption,
    ModelArgument,
    NamesOption,
    OutOption,
    ProtocolOption,
    SpeakersOption,
    ThreadsOption,
    TranscribeOption,
    VoicesOption,
)
from mmerc.errors import ConfigError
from mmerc.terminal import console, errors, exit_on_error, print_export, print_input_problems, print_origin

if TYPE_CHECKING:
    from mmerc.inference import Predictor
    from mmerc.scale.prediction import PredictedRows, PredictionJob


@exit_on_error
def predict(
    model: ModelArgument,
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="a recording, a folder of clips, or a corpus KIND:PATH#SPLIT")
    ],
    out: OutOption = None,
    form: Annotated[
        Literal["jsonl", "json", "csv", "csv-long", "xlsx", "xlsx-long", "eaf", "textgrid", "rttm", "vtt", "srt"]
        | None,
        typer.Option(
            "--format", help="format of the file; by default the suffix of --out decides", rich_help_panel=OUTPUT
        ),
    ] = None,
    transcript: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="transcript of the recording: .srt, .vtt, .eaf, .TextGrid, .rttm, .csv, .json and others",
            rich_help_panel=READING,
        ),
    ] = None,
    transcribe: TranscribeOption = None,
    treat_as: AsOption = "auto",
    speakers: SpeakersOption = None,
    names: NamesOption = None,
    voices: VoicesOption = None,
    faces: Annotated[
        Literal["auto", "recording", "utterance"],
        typer.Option(
            help="recording: find the people in the whole recording, and read the speaker's face; utterance: look at each utterance "
            "alone; auto: recording, if several people are seen or speak",
            rich_help_panel=READING,
        ),
    ] = "auto",
    listeners: Annotated[
        bool, typer.Option("--listeners", help="also predict the listeners' expressions, from their faces")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            metavar="SECONDS",
            help="also predict each step of this length inside the utterances, from voice and face",
        ),
    ] = None,
    audio_track: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="use audio track N, from 0, instead of the default track", rich_help_panel=READING
        ),
    ] = None,
    html: HtmlOption = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="apply the corrections of a person, saved on the page", rich_help_panel=READING
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="also show how much each modality changes the probability of the emotion")
    ] = False,
    protocol: ProtocolOption = None,
    coverage: CoverageOption = 0.9,
    backend: BackendOption = "torch",
    threads: ThreadsOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    workers: WorkersOption = None,
) -> None:
    """Predict the emotion of every utterance, with probabilities, a prediction set, and the modalities that were read.

    A recording longer than 30 s without a transcript is segmented by voice activity. Its speakers are found by their voices after
    `mmerc weights fetch voice-encoder`, as are those of a transcript without names.
    """
    from mmerc.files import check_writable
    from mmerc.hardware import keep_memory
    from mmerc.inference import Predictor
    from mmerc.inference.export.document import Document, Provenance
    from mmerc.inference.export.extras import write_extras
    from mmerc.inference.export.formats import check_format, choose_format, make_text, write_document
    from mmerc.inference.export.methods import name_methods, write_methods
    from mmerc.inference.export.timeline import write_timeline
    from mmerc.inference.paths import check_output, expand_home, find_recording
    from mmerc.model.hub import find_model_folder
    from mmerc.progress import show_log
    from mmerc.scale.prediction import PredictionJob, check_job, log_modalities, predict_parts
    from mmerc.scale.work import Reading
    from mmerc.threads import set_num_threads

    for file in (out, html):
        if file is not None:  # a wrong path is reported before the computation
            check_writable(file)
            check_output(file, source, expand_home(model), *(each for each in (transcript, corrections) if each))
    if out is None and (listeners or (every is not None and html is None)):
        raise ConfigError("--listeners and --every write rows of their own: name a file with --out.")
    if out is not None and html is not None and out.resolve() == html.resolve():
        raise ConfigError(f"--out and --html are the same file {out}: give two different files.")
    name = form or choose_format(out)
    check_format(name, [], out)
    show_log()
    keep_memory()
    cluster = find_cluster(engine, address, workers, threads)
    if cluster is not None:
        check_job(out, name, {"--transcript": transcript, "--corrections": corrections})
    set_num_threads(threads)
    job = PredictionJob(
        model=model,
        backend=backend,
        protocol=protocol,
        coverage=coverage,
        reading=Reading(
            treat_as, transcribe, speakers, tuple(names.split(",")) if names is not None else (), voices, audio_track
        ),
        faces=faces,
        explain=explain,
        listeners=listeners,
        every=every,
    )
    predictor = Predictor.load(model, backend=backend, protocol=protocol, coverage=coverage)
    with ExitStack() as stack:  # the parts of a job are kept until everything is written
        if cluster is not None and out is not None:
            rows = stack.enter_context(predict_parts(source, out, job, run=cluster.run))
            print_input_problems(rows.problems, is_transcript=False)
            log_modalities(rows.predictions, predictor.modalities)
        else:
            rows = predict_here(predictor, source, job, transcript, corrections, (name, out))
        print_origin(predictor.model, rows.predictions)
        document = Document(
            rows.predictions,
            Provenance(predictor.model.name, predictor.model.trained_on),
            {"probabilities": predictor.labels.names, "missing": predictor.modalities},
            find_recording(source),
            out,
            listeners=rows.listeners,
            series=rows.series,
        )
        if out is not None:
            write_document(out, name, document)
            for file in write_extras(out, name, document):
                errors.print(escape(f"also {file}"), soft_wrap=True)
            errors.print(escape(f"{len(rows.predictions)} rows in {out}"), soft_wrap=True)
        else:
            sys.stdout.write(make_text(name, document))
        if html is not None:
            write_timeline(html, document)
            errors.print(escape(f"timeline: {html}"), soft_wrap=True)
        settings = {
            "input": source, "transcript": transcript, "speech recognition": transcribe, "speakers": speakers, "audio track": audio_track,
            "corrections": corrections, "protocol": protocol or predictor.model.info.get("protocol"),
            "coverage": coverage if predictor.model.conformal else None, "backend": backend, "explanations": explain or None,
            "faces": faces, "seconds of a row of the series": every,
        }  # fmt: skip
        for file in dict.fromkeys(name_methods(each) for each in (out, html) if each is not None):
            if file is not None:
                write_methods(file, document, predictor.model, find_model_folder(model), settings)
                errors.print(escape(f"methods: {file}"), soft_wrap=True)


def predict_here(
    predictor: "Predictor",
    source: str,
    job: "PredictionJob",
    transcript: Path | None,
    corrections: Path | None,
    output: tuple[str, Path | None],
) -> "PredictedRows":
    """The rows of an input, all computed in this process. `output`: the format and the file, which are checked before."""
    from mmerc.inference.corrections import read_corrections
    from mmerc.inference.export.formats import check_format
    from mmerc.inference.inputs import read_input
    from mmerc.inference.paths import find_recording
    from mmerc.inference.transcription import load_transcriber
    from mmerc.progress import show_progress
    from mmerc.scale.prediction import PredictedRows, predict_dialogues
    from mmerc.speakers.diarization import load_diarizer

    reading = job.reading
    diarizer = load_diarizer(reading.speakers, reading.names, reading.voices)
    recording = find_recording(source)
    by_hand, wrong_rows = (
        (None, []) if corrections is None else read_corrections(corrections, predictor.labels, recording)
    )
    dialogues, problems = read_input(
        source,
        transcript,
        treat_as=reading.treat_as,
        transcriber=load_transcriber(reading.transcribe),
        diarizer=diarizer,
        audio_track=reading.audio_track,
    )
    print_input_problems(problems, is_transcript=transcript is not None)
    if by_hand is not None:
        dialogues, unused = by_hand.apply(dialogues)
        print_input_problems([*wrong_rows, *unused], is_transcript=True)
    name, out = output
    check_format(name, dialogues, out)
    rows = predict_dialogues(predictor, dialogues, job, show=show_progress)
    predictions = rows["predictions"] if by_hand is None else by_hand.label(rows["predictions"])
    return PredictedRows(predictions, rows.get("listeners"), rows.get("series"), problems)


@exit_on_error
def export(
    model: ModelArgument,
    onnx: Annotated[
        Path,
        typer.Option(parser=make_path, metavar="DIR", help="the folder to write: the model and its ONNX graphs"),
    ],
    int8: Annotated[bool, typer.Option("--int8", help="quantise the weights of matrix products to 8 bits")] = False,
    check: Annotated[
        str | None,
        typer.Option(metavar="INPUT", help="also compare the predictions of the graphs and of torch on this input"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Export a model to ONNX; `predict` and `serve` use it with --backend onnx."""
    from mmerc.inference.inputs import read_input
    from mmerc.model.onnx.comparison import compare_backends
    from mmerc.model.onnx.export import export_onnx, summarise_export

    dialogues = read_input(check)[0] if check is not None else None
    found: dict[str, Any] = {"folder": str(onnx), **summarise_export(export_onnx(model, onnx, int8=int8))}
    if dialogues is not None:
        found["check"] = compare_backends(onnx, dialogues)
    if as_json:
        print(json.dumps(found))
    else:
        print_export(console, found)
