import pytest

from mmerc.corpora.transcripts.cue import Cue, Line, Segment
from mmerc.corpora.transcripts.utterances import make_segments


def split(*texts: str) -> list[tuple[str, str]]:
    """Speaker and words of each utterance of cues that last 10 s each."""
    cues = [Cue(10.0 * index, 10.0 * index + 10, tuple(map(Line, text.split("|")))) for index, text in enumerate(texts)]
    return [(segment.speaker, segment.text) for segment in make_segments(cues)]


@pytest.mark.parametrize("dash", ["-", "–", "—", "- ", "– ", "— ", "-- "])
def test_any_dash_opens_an_utterance(dash: str) -> None:
    assert split(f"{dash}Hi Bob.|{dash}Hi Ann.") == [("", "Hi Bob."), ("", "Hi Ann.")]
    assert split(f"Where are you?|{dash}Here.") == [("", "Where are you?"), ("", "Here.")]


def test_two_dashes_in_one_line() -> None:
    assert split("- No. - Yes!") == [("", "No."), ("", "Yes!")]


def test_dashes_that_open_nothing() -> None:
    assert split("-5 degrees", "I was - well - late", "a|well-known|-") == [
        ("", "-5 degrees"),
        ("", "I was - well - late"),
        ("", "a well-known -"),
    ]


def test_chevrons() -> None:
    assert split(">> ANN: I can't.", ">> Nor can I. >> BOB: Me neither.", ">>> Reporter: Yes.|>>No.") == [
        ("ANN", "I can't."),
        ("", "Nor can I."),
        ("BOB", "Me neither."),
        ("Reporter", "Yes."),
        ("", "No."),
    ]


def test_a_name_opens_an_utterance() -> None:
    assert split("ROSS: Hi|there.|RACHEL: No!", "(sighs) ROSS: Oh.", "- [both laugh]|- ROSS: Stop!") == [
        ("ROSS", "Hi there."),
        ("RACHEL", "No!"),
        ("ROSS", "Oh."),
        ("ROSS", "Stop!"),
    ]


def test_sounds_are_no_speakers_and_no_words() -> None:
    assert split("[LAUGHTER] Well.", "[Music]", "(laughs)|♪♪", "[Music] Hello.") == [
        ("", "Well."),
        ("", ""),
        ("", ""),
        ("", "Hello."),
    ]


def test_the_time_is_shared_by_the_length_of_the_words() -> None:
    cue = Cue(0.0, 4.0, (Line("- aaa"), Line("- b")))
    assert list(make_segments([cue])) == [Segment(0.0, 3.0, "aaa"), Segment(3.0, 4.0, "b")]


def test_stamps_inside_a_cue_are_kept() -> None:
    lines = (Line("- aaa"), Line("- bbb"), Line("- c", start=8.0), Line("- d", start=2.0))
    assert list(make_segments([Cue(0.0, 10.0, lines)])) == [
        Segment(0.0, 4.0, "aaa"),
        Segment(4.0, 8.0, "bbb"),
        Segment(8.0, 9.0, "c"),
        Segment(9.0, 10.0, "d"),
    ]


def test_voices() -> None:
    lines = (Line("Hi", "Ann"), Line("all", "Ann"), Line("Yo", "Bob"), Line("who?", ""), Line("Ann: me", "Ann"))
    assert [(segment.speaker, segment.text) for segment in make_segments([Cue(0.0, 1.0, lines)])] == [
        ("Ann", "Hi all"),
        ("Bob", "Yo"),
        ("", "who?"),
        ("Ann", "me"),
    ]
