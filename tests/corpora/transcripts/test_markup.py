"""The rules for cue text of the WebVTT specification: https://www.w3.org/TR/webvtt1/#webvtt-cue-text-parsing-rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.transcripts.cue import Line
from mmerc.corpora.transcripts.markup import decode_entities, parse_lines, parse_markup


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<b>b</b> <i>i</i> <u>u</u>", "b i u"),
        ("<c.yellow.bg_blue.magenta>class</c>", "class"),
        ("<c>no class</c>", "no class"),
        ("<lang en-GB>colour</lang>", "colour"),
        ("<b>a<i>nested</i></b>", "anested"),
        ("<i>never closed", "never closed"),
        ("closed only</i>", "closed only"),
        ('<font color="#ff0000">SRT\'s own</font>', "SRT's own"),
        ("{\\an8}{\\i1}SubStation in SRT{\\i0}", "SubStation in SRT"),
        ("<unknown tag>stays</unknown>", "stays"),
        ("<ruby>漢<rt>kan</rt>字<rt>ji</rt></ruby>", "漢字"),
        ("<ruby>漢<rt>kan</ruby> end", "漢 end"),
        ("to<00:00:02.800><c> the</c><00:00:03.120><c> show</c>", "to the show"),
        ("I <3 you", "I <3 you"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("a<>b</>c", "abc"),
        ("Whisper<|0.00|>", "Whisper"),
    ],
)
def test_tags(text: str, words: str) -> None:
    assert [line.text for line in parse_markup([text])] == [words]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("&lt;b&gt;", "<b>"),
        ("aren&#39;t &#x2014; &apos;", "aren't — '"),
        ("a&nbsp;b", "a b"),
        ("&lrm;a&rlm;b", "ab"),
        ("&amp;lt;", "&lt;"),
        ("AT&T &unknown; & R&D", "AT&T &unknown; & R&D"),
        ("&eacute;", "é"),
        ("&#0;&#99999999;", "\ufffd&#99999999;"),
    ],
)
def test_entities(text: str, words: str) -> None:
    assert decode_entities(text) == words


def test_several_voices_in_one_line_and_over_lines() -> None:
    assert parse_markup(["<v Ann>Hi.</v><v.loud.first Bob &amp; Co>No,", "not me.</v> (nobody)"]) == (
        Line("Hi.", "Ann"),
        Line("No,", "Bob & Co"),
        Line("not me.", "Bob & Co"),
        Line("(nobody)", ""),
    )


@pytest.mark.parametrize("voice", ["<v ->", "<v>", "<v >", "<v –>"])
def test_a_voice_of_no_one(voice: str) -> None:
    assert parse_markup([f"{voice}Who?"]) == (Line("Who?", ""),)


def test_a_stamp_before_the_first_word_is_the_lines_start() -> None:
    assert parse_markup(["<00:01.500>one<00:02.000> two", "three", "<00:00:04.000><v Ann>four"]) == (
        Line("one two", "", 1.5),
        Line("three", "", None),
        Line("four", "Ann", 4.0),
    )


def test_a_text_without_words_is_one_empty_line() -> None:
    assert parse_lines("", "Ann") == (Line("", "Ann"),)
    assert parse_lines("a<br>b\nc", "Ann") == (Line("a", "Ann"), Line("b", "Ann"), Line("c", "Ann"))


@given(st.text(alphabet="<>/&;#v.b:0123 -\\{}a\n", max_size=100))
def test_any_text_is_read(text: str) -> None:
    assert all(line.text for line in parse_markup(text.split("\n")))


def test_a_stamp_of_very_many_hours_is_text() -> None:
    (line,) = parse_markup(["<9999999999999:00:00.000>Hi"])
    assert line.start is None and line.text.endswith("Hi")
