"""Subtitles as players show them."""

import pysubs2

from mmerc.inference.export.subtitles import make_subrip, make_webvtt
from tests.inference.export.predictions import PROVENANCE, make_document, make_prediction

DOCUMENT = make_document(
    make_prediction("You came back!", 0.5, 3661.25), make_prediction("a\n\n<b>", 1.0, 2.0, speaker="", confidence=0.456)
)


def test_webvtt_has_a_voice_and_the_emotion_before_the_words() -> None:
    assert make_webvtt(DOCUMENT) == (
        f"WEBVTT\n\nNOTE\n{PROVENANCE.to_text()}\n\n00:00:00.500 --> 01:01:01.250\n<v Ann>[joy 0.80] You came back!\n\n"
        "00:00:01.000 --> 00:00:02.000\n[joy 0.46] a&#10;&#10;&lt;b&gt;\n"
    )


def test_srt_has_the_speaker_and_no_empty_line_in_a_cue() -> None:
    assert make_subrip(DOCUMENT) == (
        "1\n00:00:00,500 --> 01:01:01,250\nAnn: [joy 0.80] You came back!\n\n2\n00:00:01,000 --> 00:00:02,000\n[joy 0.46] a\n<b>\n"
    )
    first, second = pysubs2.SSAFile.from_string(make_subrip(DOCUMENT))
    assert (first.start, first.end, first.plaintext) == (500, 3_661_250, "Ann: [joy 0.80] You came back!")
    assert second.plaintext.startswith("[joy 0.46] a")
