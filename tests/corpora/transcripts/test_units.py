from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.units import correct_unit

WORDS = (Line("I can not believe that you came back."),)
LONG = [Cue(0.0, 4560.0, WORDS), Cue(12000.0, 16800.0, WORDS)]
SHORT = [Cue(0.0, 4.56, WORDS), Cue(12.0, 16.8, WORDS)]


def test_whole_numbers_that_are_too_long_for_the_words_are_milliseconds() -> None:
    problems: list[Problem] = []
    assert correct_unit(LONG, 1.0, "a", problems) == SHORT
    assert [problem.what for problem in problems] == [
        "the times are read as milliseconds: as seconds they are too long for the words"
    ]
    assert correct_unit(LONG, 1.0, "a", problems, is_known=True) == SHORT
    assert len(problems) == 1


def test_milliseconds_that_are_too_short_for_the_words_are_seconds() -> None:
    problems: list[Problem] = []
    cues = [Cue(0.0, 0.00456, WORDS), Cue(0.012, 0.0168, WORDS)]
    assert correct_unit(cues, 0.001, "a", problems) == SHORT
    assert [problem.kind for problem in problems] == ["time"]


def test_times_that_fit_stay() -> None:
    slow = [Cue(0.5, 600.0, (Line("Thank you."),))]  # Whisper, of silence
    whole = [Cue(0.0, 4.0, WORDS), Cue(5.0, 7.0, WORDS)]
    for cues in (SHORT, slow, whole, [], [Cue(1.0, None, WORDS)], [Cue(1.0, 1.0, WORDS)]):
        problems: list[Problem] = []
        assert correct_unit(cues, 1.0, "a", problems) == cues
        assert problems == []
    assert correct_unit([Cue(0.0, 4.0, WORDS)], 0.001, "a", []) == [Cue(0.0, 4.0, WORDS)]


def test_cues_without_words() -> None:
    assert correct_unit([Cue(0.0, 3000.0, (Line(""),))], 1.0, "a", []) == [Cue(0.0, 3.0, (Line(""),))]
    assert correct_unit([Cue(0.0, 3.0, (Line(""),))], 1.0, "a", []) == [Cue(0.0, 3.0, (Line(""),))]
