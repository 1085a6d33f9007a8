"""The formats of predictions by their names: which suffix stands for each, what it can hold, and how it is made."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmerc.corpora import Dialogue, Utterance
from mmerc.errors import ConfigError
from mmerc.files import replace_atomically, write_lines
from mmerc.inference.export.document import Document
from mmerc.inference.export.elan import make_eaf
from mmerc.inference.export.praat import make_textgrid
from mmerc.inference.export.rows import make_csv, make_json, make_json_lines
from mmerc.inference.export.rttm import make_rttm
from mmerc.inference.export.subtitles import make_subrip, make_webvtt
from mmerc.inference.export.workbook import make_workbook


@dataclass(frozen=True)
class Format:
    """`suffix` stands for the format, unless another one has it. `make` gives the text, its lines, or the bytes of the file.

    has_times: every utterance has a place in a recording. is_one_conversation: the file shows one recording.
    """

    suffix: str
    make: Callable[[Document], str | bytes | Iterator[str]]
    has_times: bool = False
    is_one_conversation: bool = False
    is_binary: bool = False


FORMATS = {
    "jsonl": Format(".jsonl", make_json_lines),
    "json": Format(".json", make_json),
    "csv": Format(".csv", make_csv),
    "csv-long": Format("", partial(make_csv, is_long=True)),
    "xlsx": Format(".xlsx", make_workbook, is_binary=True),
    "xlsx-long": Format("", partial(make_workbook, is_long=True), is_binary=True),
    "eaf": Format(".eaf", make_eaf, has_times=True, is_one_conversation=True),
    "textgrid": Format(".textgrid", make_textgrid, has_times=True, is_one_conversation=True),
    "rttm": Format(".rttm", make_rttm, has_times=True),
    "vtt": Format(".vtt", make_webvtt, has_times=True, is_one_conversation=True),
    "srt": Format(".srt", make_subrip, has_times=True, is_one_conversation=True),
}
# A person may have corrected such a file, so it is never overwritten.
ANNOTATION_SUFFIXES = tuple(form.suffix for form in FORMATS.values() if form.has_times)


def choose_format(file: Path | None) -> str:
    """The format that the file's suffix stands for; JSON lines for any other suffix.

    >>> choose_format(Path("rows.CSV")), choose_format(Path("talk.TextGrid")), choose_format(None)
    ('csv', 'textgrid', 'jsonl')
    """
    suffix = file.suffix.lower() if file is not None else ""
    return next((name for name, form in FORMATS.items() if suffix and form.suffix == suffix), "jsonl")


def check_format(name: str, dialogues: Sequence[Dialogue], file: Path | None) -> None:
    """Check that the format can hold the conversations, before they are predicted.

    Raises:
        ConfigError: it cannot, or the file exists and may have corrections by hand, or it is a workbook without a file.
    """
    form = FORMATS[name]
    if file is None and form.is_binary:
        raise ConfigError("an XLSX workbook cannot be written to stdout: name a file with --out.")
    if file is not None and file.suffix.lower() in ANNOTATION_SUFFIXES and file.is_file():
        raise ConfigError(f"{file} exists and may have annotations by hand: delete it, or give another name.")
    if form.is_one_conversation and len(dialogues) > 1:
        raise ConfigError(
            f"the format {name} shows one conversation, and there are {len(dialogues)}: predict one at a time, or write .csv."
        )
    if form.has_times:
        is_single = len(dialogues) == 1 and len(dialogues[0]) == 1
        for utterance in (each for dialogue in dialogues for each in dialogue.utterances):
            if not _has_times(utterance, is_single):
                raise ConfigError(
                    f"the format {name} needs times, and {utterance.name} has none: write .csv, .xlsx or .jsonl."
                )


def _has_times(utterance: Utterance, is_single: bool) -> bool:
    is_whole_file = is_single and utterance.clip is not None
    return is_whole_file or (utterance.start is not None and utterance.end is not None)


def make_text(name: str, document: Document) -> str:
    """The text of a format that is not binary."""
    content = FORMATS[name].make(document)
    assert not isinstance(content, bytes)
    return content if isinstance(content, str) else "".join(content)


def write_document(file: Path, name: str, document: Document) -> None:
    """Write the predictions.

    Raises:
        ConfigError: an utterance has no times, and the format needs them.
        RunError: the file cannot be written, or a workbook cannot hold so many rows.
    """
    content = FORMATS[name].make(document)
    if not isinstance(content, bytes):
        write_lines(file, [content] if isinstance(content, str) else content)
        return
    with replace_atomically(file) as temporary:
        temporary.write_bytes(content)
