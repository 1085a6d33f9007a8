"""EAF files as ELAN writes them, and damaged ones."""

from pathlib import Path

import pytest

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts import read_transcript
from mmerc.corpora.transcripts.elan import parse_eaf, read_eaf
from mmerc.errors import CorpusError

SLOTS = (
    '<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2"/>'
    '<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="2000"/></TIME_ORDER>'
)
FIRST, SECOND = ("ts1", "ts2"), ("ts2", "ts3")


def aligned(name: str, slots: tuple[str, str], text: str) -> str:
    value = f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>"
    times = f'TIME_SLOT_REF1="{slots[0]}" TIME_SLOT_REF2="{slots[1]}"'
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{name}" {times}>{value}</ALIGNABLE_ANNOTATION></ANNOTATION>'
    )


def tier(name: str, annotations: str, **attributes: str) -> str:
    rest = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="default"{rest}>{annotations}</TIER>'


def eaf(*tiers: str, header: str = '<HEADER TIME_UNITS="milliseconds"/>') -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT>{header}{SLOTS}{"".join(tiers)}</ANNOTATION_DOCUMENT>'


def read(text: str) -> tuple[list[tuple[float, float | None, str, str]], list[str]]:
    problems: list[Problem] = []
    cues = read_eaf(text, "f", problems)
    return [(cue.start, cue.end, cue.lines[0].speaker, cue.lines[0].text) for cue in cues], [
        each.what for each in problems
    ]


def test_participants_or_names_of_tiers_are_speakers_and_slots_without_time_are_between() -> None:
    rows, problems = read(
        eaf(tier("Bo", aligned("a1", SECOND, "Bye &amp; so")), tier("x", aligned("a2", FIRST, "Hi"), PARTICIPANT="Ann"))
    )
    assert rows == [(1.0, 1.5, "Ann", "Hi"), (1.5, 2.0, "Bo", "Bye & so")] and problems == []


def test_tiers_below_others_are_not_read_and_are_named() -> None:
    below = '<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1"><ANNOTATION_VALUE>Hallo</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>'
    text = eaf(tier("Ann", aligned("a1", FIRST, "Hi")), tier("German", below, PARENT_REF="Ann"))
    rows, (problem,) = read(text)
    assert rows == [(1.0, 1.5, "Ann", "Hi")] and problem == 'the tier "German" not read: they belong to other tiers'
    marks = parse_eaf(text, "f", [])[1].marks
    assert [(mark.start, mark.end, mark.text, mark.parent) for mark in marks] == [(1.0, 1.5, "Hallo", "a1")]


def test_a_file_that_is_cut_gives_what_stands_before() -> None:
    text = eaf(tier("Ann", aligned("a1", FIRST, "Hi") + aligned("a2", SECOND, "Bye")))
    rows, (problem,) = read(text[: text.index("Bye")])
    assert rows == [(1.0, 1.5, "Ann", "Hi")] and problem.startswith("is cut or damaged; what stands before is read")


def test_an_annotation_without_times_is_reported_with_its_words() -> None:
    rows, (problem,) = read(eaf(tier("Ann", aligned("a1", ("ts1", "none"), "lost") + aligned("a2", SECOND, "Bye"))))
    assert len(rows) == 1 and '"lost"' in problem


def test_the_origin_of_the_media_moves_the_times() -> None:
    header = '<HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="a.mp4" TIME_ORIGIN="250"/></HEADER>'
    rows, (problem,) = read(eaf(tier("Ann", aligned("a1", FIRST, "Hi")), header=header))
    assert rows == [(1.25, 1.75, "Ann", "Hi")] and "0.250 s of the media file" in problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]><ANNOTATION_DOCUMENT/>', "defines entities"),
        ("<html/>", "no <ANNOTATION_DOCUMENT>"),
        ("hello", "is no XML"),
        (eaf(), "no line with a time"),
        ("<ANNOTATION_DOCUMENT>" + "<TIER>" * 10_000, "no line with a time"),
    ],
)
def test_what_is_no_annotation_file_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.eaf").write_text(text)
    with pytest.raises(CorpusError, match=message) as error:
        read_transcript(tmp_path / "a.eaf")
    assert str(error.value).count("\n") == 0
