from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.substation import read_substation
from mmerc.errors import CorpusError

HEAD = """[Script Info]
ScriptType: v4.00+

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
ROW = "{kind}: 0,{times},Default,{name},0,0,0,,{text}\n"


def test_dialogue_with_its_actor() -> None:
    text = (
        HEAD
        + ROW.format(kind="Dialogue", times="0:00:01.00,0:00:02.50", name="Ann", text="{\\i1}Hello{\\i0}, you\\Nthere")
        + ROW.format(kind="Comment", times="0:00:03.00,0:00:04.00", name="", text="no")
        + ROW.format(kind="Dialogue", times="0:00:05.00,0:00:06.00", name="", text="{\\p1}m 0 0 l 1 1{\\p0}")
        + ROW.format(kind="Dialogue", times="0:00:05.00,0:00:06.00", name="-", text="Bye\\hnow")
    )
    problems: list[Problem] = []
    assert read_substation(text, "a.ass", problems) == [
        Cue(1.0, 2.5, (Line("Hello, you", "Ann"), Line("there", "Ann")), 0),
        Cue(5.0, 6.0, (Line("Bye now"),), 3),
    ]
    assert problems == []


def test_the_older_format() -> None:
    text = HEAD.replace("Layer", "Marked").replace("v4.00+", "v4.00") + "\n[V4 Styles]\n\n[Events]\n"
    text += "Dialogue: Marked=0,0:00:01.00,0:00:02.00,Default,Bob,0,0,0,,Hi\n"
    assert read_substation(text.replace("\n", "\r"), "a.ssa", []) == [Cue(1.0, 2.0, (Line("Hi", "Bob"),), 0)]


def test_one_line_without_times_does_not_lose_the_file() -> None:
    problems: list[Problem] = []
    text = HEAD + ROW.format(kind="Dialogue", times="bad,0:00:02.50", name="", text="lost")
    text += ROW.format(kind="Dialogue", times="0:00:01.00,0:00:02.50", name="", text="kept")
    assert [cue.lines[0].text for cue in read_substation(text, "a.ass", problems)] == ["kept"]
    assert problems == [Problem("time", "a.ass line 6", 'has no time that can be read; "lost" is left out')]


def test_damaged_styles_do_not_matter() -> None:
    text = HEAD.replace("[Events]", "[V4+ Styles]\nFormat: Name, Fontsize\nStyle: Default,Arial,large,x,y\n\n[Events]")
    text += ROW.format(kind="Dialogue", times="0:00:01.00,0:00:02.50", name="", text="kept")
    assert len(read_substation(text, "a.ass", [])) == 1


@given(st.text(alphabet="Dialoguest:,.0123[]{}\\\\pN \n", max_size=120))
def test_any_text_gives_cues_or_one_sentence(text: str) -> None:
    try:
        assert isinstance(read_substation(HEAD + text, "a.ass", []), list)
    except CorpusError as error:
        assert str(error).startswith("a.ass cannot be read as ASS (")
