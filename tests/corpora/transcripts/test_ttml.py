import pytest

from mmerc.corpora.dialogue import Problem
from mmerc.corpora.transcripts.cue import Cue, Line
from mmerc.corpora.transcripts.ttml import Rates, parse_ttml_time, read_ttml
from mmerc.errors import CorpusError

TTML = """<?xml version="1.0" encoding="UTF-16"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata"
 xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25" ttp:tickRate="10000000">
<head><metadata><ttm:agent xml:id="a1" type="person"><ttm:name type="full">Ann Smith</ttm:name></ttm:agent></metadata></head>
<body>{}</body></tt>"""


def read(body: str) -> list[tuple[float, float | None, str]]:
    problems: list[Problem] = []
    cues = read_ttml(TTML.format(body), "a.ttml", problems)
    assert problems == []
    return [(cue.start, cue.end, "|".join(line.text for line in cue.lines)) for cue in cues]


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("00:00:01.5", 1.5),
        ("00:00:01:12", 1.48),
        ("1.5s", 1.5),
        ("1500ms", 1.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("50f", 2.0),
        ("15000000t", 1.5),
        ("100:00:00", 360000.0),
        ("1.5", 1.5),
    ],
)
def test_times(stamp: str, seconds: float) -> None:
    assert parse_ttml_time(stamp, Rates(frames=25.0, ticks=1e7)) == pytest.approx(seconds)


def test_times_are_relative_to_the_element_around() -> None:
    body = '<div begin="10s"><p begin="1s" end="2s">a</p><p begin="3s" dur="1.5s">b</p></div><p begin="20s" end="21s">c</p>'
    assert read(body) == [(11.0, 12.0, "a"), (13.0, 14.5, "b"), (20.0, 21.0, "c")]


def test_elements_in_sequence() -> None:
    assert read('<div timeContainer="seq"><p dur="2s">a</p><p begin="1s" dur="2s">b</p></div>') == [
        (0.0, 2.0, "a"),
        (3.0, 5.0, "b"),
    ]


def test_spans_with_times_are_cues() -> None:
    assert read('<p><span begin="1s" end="2s">One</span> <span begin="2s" end="3s">Two</span></p>') == [
        (1.0, 2.0, "One"),
        (2.0, 3.0, "Two"),
    ]


def test_lines_and_spaces() -> None:
    assert read(
        '<p begin="1s" end="2s">\n  Tom &amp;\n <span>Jerry</span><br/>  are <metadata>no</metadata>here\n</p>'
    ) == [(1.0, 2.0, "Tom & Jerry|are here")]


def test_agents_are_speakers() -> None:
    body = '<div ttm:agent="a1"><p begin="1s" end="2s">a</p><p begin="3s" end="4s" ttm:agent="b">c</p></div>'
    assert [cue.lines[0] for cue in read_ttml(TTML.format(body), "a.ttml", [])] == [
        Line("a", "Ann Smith"),
        Line("c", "b"),
    ]


def test_dfxp_in_its_own_namespace() -> None:
    text = '<tt xmlns="http://www.w3.org/2006/10/ttaf1"><body><div><p begin="1s" end="2s">Hi</p></div></body></tt>'
    assert read_ttml(text, "a.dfxp", []) == [Cue(1.0, 2.0, (Line("Hi"),), 1)]


def test_what_cannot_be_read_is_reported() -> None:
    problems: list[Problem] = []
    body = '<p begin="x" end="2s">lost</p><p begin="1s" end="2s">kept</p><p>outside <span begin="3s" end="4s">in</span></p>'
    assert [cue.lines[0].text for cue in read_ttml(TTML.format(body), "a.ttml", problems)] == ["kept", "in"]
    assert [problem.what for problem in problems] == [
        '"x" is no time; left out, with the words "lost"',
        'has words without a time among spans with times: "outside" is left out',
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<tt><body>", "is no XML"),
        ("<tt/>", "has no <body>"),
        ('<!DOCTYPE tt [<!ENTITY a "b">]><tt><body/></tt>', "defines entities of its own"),
        ("<tt><body>" + "<div>" * 5000 + "</div>" * 5000 + "</body></tt>", "more than 100 deep|is no XML"),
        (
            '<tt><body><p begin="1s" end="2s">' + "<span>" * 5000 + "</span>" * 5000 + "</p></body></tt>",
            "100 deep|is no XML",
        ),
    ],
)
def test_bad_files(text: str, sentence: str) -> None:
    with pytest.raises(CorpusError, match=sentence):
        read_ttml(text, "a.ttml", [])
