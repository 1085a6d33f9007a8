"""Which face is a speaker's."""

from dataclasses import replace

import numpy as np

from mmerc.encoders.face.matching import match_speakers, measure_evidence
from tests.encoders.face.sighting import make_sighting


def test_a_mouth_that_follows_the_voice_is_evidence_and_another_one_is_evidence_against() -> None:
    voice = np.random.default_rng(0).uniform(0, 1, 40)
    still = make_sighting(0, "red", 0.1)
    speaks = replace(still, motion=voice + 0.1, loudness=voice)
    contrary = replace(still, motion=-voice, loudness=voice)
    assert measure_evidence([speaks]) > 3 and measure_evidence([contrary]) < -3
    assert measure_evidence([speaks, speaks]) > measure_evidence([speaks])


def test_what_does_not_move_or_is_not_heard_is_no_evidence() -> None:
    still = make_sighting(0, "red", 0.1)
    brief = replace(still, motion=np.arange(3.0), loudness=np.arange(3.0))
    assert measure_evidence([still]) == measure_evidence([brief]) == measure_evidence([]) == 0


def test_no_two_speakers_have_one_face() -> None:
    evidence = {(0, 0): 3.0, (1, 0): 5.0, (1, 1): 4.0, (2, 0): 0.5}
    assert match_speakers(evidence, ["Ann", "Bo", ""]) == {"Ann": 0, "Bo": 1}


def test_a_speaker_without_evidence_has_no_face() -> None:
    assert match_speakers({(0, 0): 0.4, (1, 0): 5.0}, ["Ann", "Bo"]) == {"Bo": 0}
    assert match_speakers({}, []) == {} == match_speakers({(0, 0): 9.0}, [""])
