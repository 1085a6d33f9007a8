"""Tiers: names, speakers, rows that mmerc wrote and a person changed, and tiers that are no speech."""

import pytest

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Annotation
from mmerc.corpora.transcripts.tiers import (
    Mark,
    Tier,
    choose_speech,
    find_speaker,
    is_own,
    name_tier,
    pair_tiers,
    report_overlaps,
)


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("Ann", "Ann"),
        ("ref@Ann", "Ann"),
        ("Transcription", ""),
        ("Bo - words", "Bo"),
        ("bo@x.org ", "x.org"),
        ("-", ""),
    ],
)
def test_the_name_of_a_tier_means_a_speaker(name: str, speaker: str) -> None:
    assert find_speaker(name) == speaker


def make_own(speaker: str, *rows: tuple[float, float, str, str, str]) -> list[Tier]:
    kinds = zip(("words", "emotion", "confidence"), range(2, 5), strict=True)
    return [
        Tier(name_tier(kind, speaker), marks=[Mark(row[0], row[1], str(row[at])) for row in rows]) for kind, at in kinds
    ]


def test_rows_of_own_tiers() -> None:
    tiers = [*make_own("Ann", (0, 1, "Hi", "joy", "0.8")), *make_own("", (0.5, 0.7, "", "fear", "0.5"))]
    assert is_own(tiers) and not is_own(tiers[:1])
    assert pair_tiers(tiers) == [Annotation(0, 1, "Hi", "Ann", "joy", 0.8), Annotation(0.5, 0.7, "", "", "fear", 0.5)]


def test_a_person_moved_a_boundary_added_words_and_deleted_a_probability() -> None:
    words, emotion, confidence = make_own("Ann", (0, 1, "Hi", "joy", "0.8"), (1, 2, "Bye", "anger", "0.6"))
    words.marks = [Mark(0.1, 1.2, "Hi"), Mark(1.2, 2, "Bye"), Mark(3, 4, "new")]
    del confidence.marks[0]
    assert pair_tiers([words, emotion, confidence]) == [
        Annotation(0, 1, "Hi", "Ann", "joy", None),
        Annotation(1, 2, "Bye", "Ann", "anger", 0.6),
        Annotation(3, 4, "new", "Ann"),
    ]


def test_overlaps_are_reported_for_one_speaker_only() -> None:
    problems: list[Problem] = []
    tiers = [
        Tier(name, speaker, marks=[Mark(1, 2, "x")]) for name, speaker in [("a", "Ann"), ("b", "Bo"), ("c", "Ann")]
    ]
    report_overlaps(tiers, "f.eaf", problems)
    (only,) = problems
    assert only.what.startswith('the tiers "a", "c" of Ann overlap once, first at 1.0 s; all are read')


def test_tiers_of_gestures_are_named_and_not_read_unless_they_are_all() -> None:
    problems: list[Problem] = []
    tiers = [Tier("Ann", marks=[Mark(0, 1, "Hi")]), Tier("Gestures", marks=[Mark(0, 1, "nod")])]
    assert choose_speech(tiers, "f", problems) == tiers[:1] and '"Gestures"' in problems[0].what
    assert choose_speech(tiers[1:], "f", problems) == tiers[1:] and len(problems) == 1
