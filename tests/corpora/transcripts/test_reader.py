"""Whole files: the inputs of `../shared/trials` rebuilt, formats found by content, times, and files that are bad."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.corpora.transcripts import ENDINGS, Segment, read_transcript
from mmerc.errors import CorpusError

Utterances = list[tuple[float, float, str, str]]
TRIALS = Path(__file__).parents[4] / "shared" / "trials" / "inputs"


def read(file: Path) -> Utterances:
    return [(segment.start, segment.end, segment.speaker, segment.text) for segment in read_transcript(file)[0]]


def write(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


BACK = "I can not believe that you came back."
AWAY = "No, please go away."
TRIAL_ROWS: dict[str, tuple[str | bytes, Utterances]] = {
    "teams-ids.vtt": (
        "WEBVTT\n\na1b2-44445555/12-0\n00:00:01.000 --> 00:00:03.000\n<v Smith, Ann>Good morning, everyone.</v>\n\n"
        "a1b2-44445555/12-1\n00:00:03.500 --> 00:00:06.000\n<v Jones, Bob>I am so sorry\nthat I am late.</v>\n",
        [
            (1.0, 3.0, "Smith, Ann", "Good morning, everyone."),
            (3.5, 6.0, "Jones, Bob", "I am so sorry that I am late."),
        ],
    ),
    "youtube-auto.vtt": (
        "WEBVTT\nKind: captions\nLanguage: en\n\n00:00:00.160 --> 00:00:02.550 align:start position:0%\n \n"
        "hello<00:00:00.480><c> everybody</c><00:00:01.040><c> welcome</c>\n\n"
        "00:00:02.550 --> 00:00:02.560 align:start position:0%\nhello everybody welcome\n \n\n"
        "00:00:02.560 --> 00:00:05.110 align:start position:0%\nhello everybody welcome\n"
        "to<00:00:02.800><c> the</c><00:00:03.120><c> show</c>\n\n"
        "00:00:05.110 --> 00:00:05.120 align:start position:0%\nto the show\n \n\n"
        "00:00:05.120 --> 00:00:07.000 align:start position:0%\nto the show\n[Music]\n",
        [(0.16, 2.55, "", "hello everybody welcome"), (2.56, 5.11, "", "to the show"), (5.12, 7.0, "", "")],
    ),
    "entities.vtt": (
        "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nTom &amp; Jerry aren&#39;t&nbsp; here, I &lt;3 them\n\n"
        "00:00:04.000 --> 00:00:06.000\n&gt;&gt; ANN: Really?\n",
        [(1.0, 3.0, "", "Tom & Jerry aren't here, I <3 them"), (4.0, 6.0, "ANN", "Really?")],
    ),
    "some-without-ms.srt": (
        f"1\n0:00:02 --> 0:00:06,500\n{BACK}\n\n2\n0:00:12,250 --> 0:00:16,750\n{AWAY}\n\n3\n0:00:22,500 --> 0:00:26\nYes.\n",
        [(2.0, 6.5, "", BACK), (12.25, 16.75, "", AWAY), (22.5, 26.0, "", "Yes.")],
    ),
    "number-twice.srt": (
        "1\n00:00:01,040 --> 00:00:03,360\nK-A-R...\n\n2\n\n2\n00:00:06,840 --> 00:00:09,080\n... A-N-T...\n",
        [(1.04, 3.36, "", "K-A-R..."), (6.84, 9.08, "", "... A-N-T...")],
    ),
    "cr-only.srt": (
        "1\r00:00:01,000 --> 00:00:02,000\rHello\r\r2\r00:00:03,000 --> 00:00:04,000\rBye\r",
        [(1.0, 2.0, "", "Hello"), (3.0, 4.0, "", "Bye")],
    ),
    "webvtt-inside.srt": ("WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n", [(1.0, 2.0, "", "Hello.")]),
    "zoom-names.vtt": (
        "WEBVTT\n\n1\n00:00:01.000 --> 00:00:03.000\nAnn Smith (she/her): Good morning.\n\n"
        "2\n00:00:03.500 --> 00:00:06.000\nbob jones: I am late.\n\n3\n00:00:06.500 --> 00:00:08.000\nSmith, Ann: No problem.\n\n"
        "4\n00:00:08.500 --> 00:00:09.000\niPad de Juan: Hola.\n",
        [
            (1.0, 3.0, "Ann Smith (she/her)", "Good morning."),
            (3.5, 6.0, "bob jones", "I am late."),
            (6.5, 8.0, "Smith, Ann", "No problem."),
            (8.5, 9.0, "iPad de Juan", "Hola."),
        ],
    ),
    "chevrons.srt": (
        "1\n00:00:02,000 --> 00:00:06,000\n>> ANN: I can't believe it.\n\n"
        "2\n00:00:12,000 --> 00:00:16,000\n>> Nor me. >> BOB: Me too.\n",
        [(2.0, 6.0, "ANN", "I can't believe it."), (12.0, 14.0, "", "Nor me."), (14.0, 16.0, "BOB", "Me too.")],
    ),
    "sounds-in-brackets.srt": (
        "1\n00:00:02,000 --> 00:00:06,000\n[LAUGHTER] Well, I never.\n\n2\n00:00:12,000 --> 00:00:16,000\n[Music] Hello again.\n\n"
        "3\n00:00:22,000 --> 00:00:26,000\n[Door closes] Who is there?\n",
        [(2.0, 6.0, "", "Well, I never."), (12.0, 16.0, "", "Hello again."), (22.0, 26.0, "", "Who is there?")],
    ),
    "speaker-zero.json": (
        '[{"start":0,"end":2,"text":"Hello.","speaker":0},{"start":3,"end":4,"text":"Hi.","speaker":1}]',
        [(0.0, 2.0, "0", "Hello."), (3.0, 4.0, "1", "Hi.")],
    ),
    "whisper.tsv": (
        f"start\tend\ttext\n0\t4560\t{BACK}\n12000\t16800\t{AWAY}\n",
        [(0.0, 4.56, "", BACK), (12.0, 16.8, "", AWAY)],
    ),
    "whispercpp.json": (
        json.dumps({"transcription": [{"offsets": {"from": 0, "to": 4560}, "text": f" {BACK}"}]}),
        [(0.0, 4.56, "", BACK)],
    ),
    "transformers-chunks.json": (
        json.dumps(
            {"chunks": [{"timestamp": [0.0, 4.56], "text": f" {BACK}"}, {"timestamp": [12.0, 16.8], "text": AWAY}]}
        ),
        [(0.0, 4.56, "", BACK), (12.0, 16.8, "", AWAY)],
    ),
    "zero-length.json": (
        json.dumps(
            {
                "segments": [
                    {"start": 0.0, "end": 4.0, "text": " Hello."},
                    {"start": 4.0, "end": 4.0, "text": " I am so happy!"},
                    {"start": 4.5, "end": None, "text": " So."},
                    {"start": 5.0, "end": None, "text": " Bye."},
                ]
            }
        ),
        [(0.0, 4.0, "", "Hello."), (4.0, 4.0, "", "I am so happy!"), (4.5, 5.0, "", "So."), (5.0, 6.0, "", "Bye.")],
    ),
    "windows-1251.srt": (
        "1\n00:00:01,000 --> 00:00:02,000\nПривет, как дела?\n".encode("cp1251"),
        [(1.0, 2.0, "", "Привет, как дела?")],
    ),
}


@pytest.mark.parametrize("name", TRIAL_ROWS)
def test_inputs_of_the_trials(tmp_path: Path, name: str) -> None:
    text, utterances = TRIAL_ROWS[name]
    read_back = read(write(tmp_path, name, text))
    assert [(speaker, words) for _, _, speaker, words in read_back] == [
        (speaker, words) for _, _, speaker, words in utterances
    ]
    assert [time for row in read_back for time in row[:2]] == pytest.approx(
        [time for row in utterances for time in row[:2]]
    )


TRIAL_FILES = {
    "teams-ids.vtt": [("Smith, Ann", 1.0), ("Jones, Bob", 3.5), ("Smith, Ann", 6.5)],
    "youtube-auto.vtt": [("", 0.16), ("", 2.56), ("", 5.12)],
    "entities.vtt": [("", 1.0), ("ANN", 4.0)],
    "some-without-ms.srt": [("", 2.0), ("", 12.25), ("", 22.5)],
    "number-twice.srt": [("", 1.04), ("", 6.84), ("", 11.28)],
    "cr-only.srt": [("", 1.0), ("", 3.0)],
    "webvtt-inside.srt": [("", 1.0)],
    "zoom-names.vtt": [("Ann Smith (she/her)", 1.0), ("bob jones", 3.5), ("Smith, Ann", 6.5), ("iPad de Juan", 8.5)],
    "sounds-in-brackets.srt": [("", 2.0), ("", 12.0), ("", 22.0)],
    "speaker-zero.json": [("0", 0.0), ("1", 3.0), ("0", 5.0)],
    "whisper.tsv": [("", 0.0), ("", 12.0)],
    "whispercpp.json": [("", 0.0), ("", 12.0)],
    "transformers-chunks.json": [("", 0.0), ("", 12.0)],
    "zero-length.json": [("", 0.0), ("", 4.0), ("", 5.0)],
    "windows-1251.srt": [("", 1.0), ("", 3.0)],
}


@pytest.mark.realdata
@pytest.mark.parametrize("name", TRIAL_FILES)
def test_the_trials_own_files(name: str) -> None:
    if not TRIALS.is_dir():
        pytest.skip(f"the trials do not lie at {TRIALS}")
    assert [(speaker, start) for start, _, speaker, _ in read(TRIALS / name)] == TRIAL_FILES[name]


@pytest.mark.realdata
def test_the_two_people_behind_chevrons() -> None:
    if not TRIALS.is_dir():
        pytest.skip(f"the trials do not lie at {TRIALS}")
    assert [(speaker, text) for _, _, speaker, text in read(TRIALS / "chevrons.srt")] == [
        ("ANN", "I can't believe it."),
        ("", "Nor can I."),
        ("BOB", "Me neither."),
    ]


SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", SRT),
        ("a.vtt", SRT),
        ("a.json", SRT),
        ("a.csv", SRT),
        ("a.srt", "0:00:01.000,0:00:02.000\nHello\n"),
        ("a.srt", '[{"start": 1, "end": 2, "text": "Hello"}]'),
        ("a.txt", "start\tend\ttext\n1.0\t2.0\tHello\n"),
        ("a.srt", "[Script Info]\n\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hello\n"),
        ("a.xml", '<tt><body><p begin="1s" end="2s">Hello</p></body></tt>'),
        ("a.vtt", "webvtt\n\n00:01,000 --> 00:02,000\nHello"),
        ("a.srt", "[Music]\n" + SRT),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_the_content_decides_on_the_format(tmp_path: Path, name: str, text: str, encoding: str) -> None:
    assert read(write(tmp_path, name, text.encode(encoding))) == [(1.0, 2.0, "", "Hello")]


def test_an_encoding_that_was_assumed_is_said(tmp_path: Path) -> None:
    _, problems = read_transcript(write(tmp_path, "a.srt", SRT.replace("Hello", "Ça va").encode("cp1252")))
    assert [(problem.kind, problem.where) for problem in problems] == [("encoding", "a.srt")]
    assert "read as cp1252, which is a guess" in problems[0].what


def test_times_are_ordered_and_checked(tmp_path: Path) -> None:
    text = (
        "1\n00:00:05,000 --> 00:00:06,000\nlast\n\n2\n-00:00:01,000 --> 00:00:01,000\nfirst\n\n"
        "3\n00:00:04,000 --> 00:00:03,000\nbackwards\n\n4\n-00:00:03,000 --> -00:00:02,000\nbefore\n"
    )
    segments, problems = read_transcript(write(tmp_path, "a.srt", text))
    assert segments == [Segment(0.0, 1.0, "first"), Segment(5.0, 6.0, "last")]
    assert [(problem.where, problem.what) for problem in problems] == [
        ("a.srt line 6", "begins at -1.000 s, before the recording; read from 0 s"),
        ("a.srt line 10", "lasts from 4.000 to 3.000 s; left out"),
        ("a.srt line 14", "lasts from -3.000 to -2.000 s; left out"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.srt", "", "a.srt has no line with a time: check that it is the right file."),
        ("a.srt", "just words", "has no line with a time"),
        (
            "a.vtt",
            "WEBVTT\n\n00:02.000 --> 00:01.000\nbackwards\n",
            r"\(line 3: lasts from 2.000 to 1.000 s; left out\)",
        ),
        ("a.json", "{", "is no JSON"),
        ("a.csv", "start,end\n", "lacks the column text"),
        ("a.csv", "start,end,text\n0 min,1 min,a\n", r'\(row 2: "0 min" is not a time; left out\)'),
        ("a.ttml", "words", "is no XML"),
        ("a.docx", "x", "a.docx is not a transcript of a known format: give one of .srt, .vtt"),
        (
            "a.srt",
            "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n",
            "is a Git LFS pointer .* `git lfs pull`",
        ),
    ],
)
def test_what_is_no_transcript(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(CorpusError, match=sentence):
        read_transcript(write(tmp_path, name, text))
    with pytest.raises(CorpusError, match="cannot be read"):
        read_transcript(tmp_path / "absent.srt")


def test_a_long_file_takes_time_in_proportion(tmp_path: Path) -> None:
    def measure(cues: int) -> float:
        text = "".join(
            f"{i}\n00:00:{i % 60:02},000 --> 00:00:{i % 60:02},500\nANN: Well-known words.\n\n" for i in range(cues)
        )
        began = time.process_time()
        assert len(read_transcript(write(tmp_path, "a.srt", text))[0]) == cues
        return time.process_time() - began

    assert measure(5_000) < 40 * measure(500) + 1


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "<" * 100_000, "-" * 100_000, ">> " * 5_000, "A " * 50_000 + ":", "(" * 100_000]
)
def test_no_line_takes_for_ever(tmp_path: Path, text: str) -> None:
    began = time.process_time()
    assert len(read(write(tmp_path, "a.srt", SRT + text))) >= 1
    assert time.process_time() - began < 10


@given(st.text(max_size=200), st.sampled_from(ENDINGS))
def test_any_text_gives_utterances_in_order_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: str, ending: str
) -> None:
    text = (SRT if ending == ".srt" else "WEBVTT\n\n00:01.000 --> 00:02.000\n" if ending == ".vtt" else "") + text
    file = tmp_path_factory.getbasetemp() / f"any{ending}"
    file.write_text(text, encoding="utf-8", errors="replace")
    try:
        segments, _ = read_transcript(file)
    except CorpusError as error:
        assert str(file) in str(error)
        return
    assert all(0 <= segment.start <= segment.end for segment in segments)
    assert [(each.start, each.end) for each in segments] == sorted((each.start, each.end) for each in segments)
