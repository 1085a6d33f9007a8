"""RTTM: turns without words, lines of other recordings, and lines that cannot be read."""

from pathlib import Path

import pytest

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts import read_transcript
from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.rttm import read_rttm
from mmerc.errors import CorpusError

TALK = "SPEAKER talk 1 0.5 1.25 <NA> <NA> Ann%20B <NA> <NA>\n"
OTHER = "SPEAKER other 1 0.0 2.0 <NA> <NA> Bo <NA> <NA>\n"


def read(folder: Path, text: str, recording: str) -> tuple[list[tuple[float, float, str, str]], list[str]]:
    (folder / "a.rttm").write_text(text)
    segments, problems = read_transcript(folder / "a.rttm", recording)
    return [(each.start, each.end, each.speaker, each.text) for each in segments], [each.what for each in problems]


def test_names_are_decoded_only_in_files_of_mmerc() -> None:
    (cue,) = read_rttm(TALK, "f", [])
    assert cue == Cue(0.5, 1.75, (Line("", "Ann%20B"),), 1, "talk")
    (cue,) = read_rttm(f";; mmerc 0.1.0\n{TALK}", "f", [])
    assert cue.lines[0].speaker == "Ann B"


def test_lines_without_times_and_of_other_types_are_reported() -> None:
    problems: list[Problem] = []
    text = f";; x\n{TALK}SPEAKER talk 1 x 2 <NA> <NA> A <NA>\nSPEAKER talk 1 2\nLEXEME talk 1 2 0.1 hi lex A <NA>\nSPKR-INFO talk 1\n\n"
    assert len(read_rttm(text, "f", problems)) == 1
    assert [(each.where, each.what[:22]) for each in problems] == [
        ("f line 3", "has no start, length a"),
        ("f line 4", "has no start, length a"),
        ("f", 'a line of type "LEXEME'),
    ]


def test_the_lines_of_the_recording_are_read(tmp_path: Path) -> None:
    rows, (problem,) = read(tmp_path, TALK + OTHER, "talk")
    assert rows == [(0.5, 1.75, "Ann%20B", "")] and problem == '1 of its 2 lines are about "other"; left out'
    assert read(tmp_path, TALK, "talk") == (rows, [])


def test_a_file_of_another_recording_is_read_and_reported(tmp_path: Path) -> None:
    rows, (problem,) = read(tmp_path, OTHER, "talk")
    assert (
        len(rows) == 1 and problem == 'is about "other", and the recording is "talk": check that it is the right file'
    )
    with pytest.raises(CorpusError, match='about "talk", "other" and not about "film"'):
        read(tmp_path, TALK + OTHER, "film")
    rows, (problem,) = read(tmp_path, TALK + OTHER, "")
    assert len(rows) == 2 and problem.startswith('is about 2 recordings, "talk", "other"')


def test_the_format_is_found_without_the_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(OTHER)
    assert len(read_transcript(tmp_path / "a.txt")[0]) == 1
