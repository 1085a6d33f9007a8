"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mmerc.addresses import make_path

# Titles of the groups in which --help shows options
READING = "Reading the input"
OUTPUT = "Output"
COMPUTING = "Computing"
TRAINING = "Training"

CorpusArgument = Annotated[
    str,
    typer.Argument(
        metavar="CORPUS",
        help="KIND:PATH, such as meld:FOLDER, table:FILE.csv or synthetic:FOLDER; several with +, such as ravdess:A+emodb:B",
    ),
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="a model folder, such as RUN/model or s3://bucket/model, or OWNER/NAME on the Hugging Face hub",
    ),
]
OutModelOption = Annotated[Path, typer.Option(parser=make_path, metavar="MODEL", help="the model folder to write")]
OutOption = Annotated[
    Path | None,
    typer.Option(
        parser=make_path, metavar="FILE", help="a file, or an address of one, instead of stdout", rich_help_panel=OUTPUT
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(parser=make_path, metavar="FILE", help="also write a page with a timeline", rich_help_panel=OUTPUT),
]
TranscribeOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="recognise the words with this faster-whisper model, such as base, or a folder",
        rich_help_panel=READING,
    ),
]
SpeakersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="number of people who speak in each recording; by default mmerc finds it",
        rich_help_panel=READING,
    ),
]
LiveSpeakersOption = Annotated[
    Literal["auto", "off"],
    typer.Option(help="tell the speakers of live streams apart; auto: if `mmerc weights fetch voice-encoder` was run"),
]
NamesOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="names of the speakers in the order in which they speak first, such as Ann,Bob",
        rich_help_panel=READING,
    ),
]
VoicesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="folder with a recording of each person, named as the person, such as Ann.wav",
        rich_help_panel=READING,
    ),
]
AsOption = Annotated[
    Literal["auto", "clips", "conversations"],
    typer.Option(
        "--as",
        help="clips: each file is one utterance; conversations: segment each file; auto: segment files longer than 30 s",
        rich_help_panel=READING,
    ),
]
ProtocolOption = Annotated[
    Literal["offline", "online"] | None,
    typer.Option(help="online reads no later utterance; for a model that was trained for both protocols"),
]
BackendOption = Annotated[
    Literal["torch", "onnx"],
    typer.Option(help="onnx computes with the graphs that `mmerc export` wrote", rich_help_panel=COMPUTING),
]
CoverageOption = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="share of prediction sets (the possible labels) that contain the true emotion, such as 0.8",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="CPU threads; by default one per core, or fewer if OMP_NUM_THREADS or the CPU quota of the container says so",
        rich_help_panel=COMPUTING,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON instead of tables")]
LabelsOption = Annotated[
    str | None, typer.Option(metavar="NAMES", help="the label set, such as calm,tense; by default the corpus decides")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="override a setting; repeatable", rich_help_panel=TRAINING),
]
PresetOption = Annotated[
    str | None, typer.Option(help="compact (default), base, paper, demo or smoke", rich_help_panel=TRAINING)
]
ConfigOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="a YAML file instead of a preset", rich_help_panel=TRAINING)
]
ModalitiesOption = Annotated[
    str | None, typer.Option(help="the modalities to use, such as text,audio", rich_help_panel=TRAINING)
]
SeedsOption = Annotated[int, typer.Option(min=1, help="number of seeds", rich_help_panel=TRAINING)]
