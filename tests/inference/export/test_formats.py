"""Which format a name stands for, and what is refused before a long computation."""

import typing
from pathlib import Path

import pytest

from mmerc.cli.inference import predict
from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.errors import ConfigError
from mmerc.inference.export.formats import FORMATS, check_format, choose_format, make_text, write_document
from tests.inference.export.predictions import make_document, make_prediction

TIMED = Dialogue("input", "a", (Utterance("input", "a", 0, start=0.0, end=1.0),))
WHOLE = Dialogue("input", "b", (Utterance("input", "b", 0, clip=Clip(Path("b.wav"))),))
UNTIMED = Dialogue("input", "c", (Utterance("input", "c", 0, text="Hi"),))


def test_the_suffix_decides_the_format() -> None:
    names = {
        "a.csv": "csv",
        "a.XLSX": "xlsx",
        "a.jsonl": "jsonl",
        "a": "jsonl",
        "a.json": "json",
        "a.eaf": "eaf",
        "a.srt": "srt",
    }
    assert {name: choose_format(Path(name)) for name in names} == names
    assert choose_format(Path("a.TextGrid")) == "textgrid" and choose_format(None) == "jsonl"


def test_the_command_line_has_all_formats() -> None:
    annotation = typing.get_type_hints(predict.__wrapped__, include_extras=False)["form"]
    literal, _ = typing.get_args(annotation)
    assert typing.get_args(literal) == tuple(FORMATS)


def test_what_a_format_cannot_hold_is_refused() -> None:
    for name, dialogues, message in [
        ("vtt", [TIMED, WHOLE], "shows one conversation, and there are 2"),
        ("eaf", [UNTIMED], "needs times, and input dialogue c utterance 0 has none"),
        ("rttm", [TIMED, WHOLE], "needs times, and input dialogue b"),
        ("xlsx-long", [TIMED], "cannot be written to stdout"),
    ]:
        with pytest.raises(ConfigError, match=message):
            check_format(name, dialogues, None)
    check_format("eaf", [WHOLE], None)
    check_format("csv", [TIMED, UNTIMED], None)


def test_an_annotation_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "talk.eaf").write_text("by hand")
    (tmp_path / "talk.csv").write_text("")
    with pytest.raises(ConfigError, match=r"talk\.eaf exists and may have annotations by hand"):
        check_format("eaf", [], tmp_path / "talk.eaf")
    check_format("csv", [], tmp_path / "talk.csv")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_which_model_made_it(tmp_path: Path, name: str) -> None:
    document = make_document(make_prediction("Hi", 0.0, 1.0))
    write_document(tmp_path / "a", name, document)
    content = (tmp_path / "a").read_bytes()
    if FORMATS[name].is_binary:
        assert content[:2] == b"PK"
    else:
        assert content == make_text(name, document).encode()
        assert (b"meld-3f9a01bc" in content and b"MELD" in content and b"2026-11-26" in content) == (name != "srt")
