"""Online clustering with literal vectors."""

import numpy as np

from mmerc.speakers.online import OnlineSpeakers

ANN, BO, CY = np.eye(3)


def test_people_get_numbers_in_the_order_in_which_they_speak() -> None:
    speakers = OnlineSpeakers()
    assert speakers.guess(BO) == "speaker 1" and len(speakers) == 0
    turns = [(BO, 2.0), (ANN, 2.0), (0.8 * BO + 0.6 * CY, 2.0), (ANN, 9.0)]
    assert [speakers.add(*turn) for turn in turns] == ["speaker 1", "speaker 2", "speaker 1", "speaker 2"]
    assert (speakers.guess(ANN), speakers.guess(CY)) == ("speaker 2", "speaker 3")


def test_a_short_turn_begins_no_new_person() -> None:
    speakers = OnlineSpeakers()
    speakers.add(ANN, 2.0)
    assert speakers.add(BO, 1.2) == "speaker 1"
    assert speakers.add(BO, 2.0) == "speaker 2"  # the short turn has not blurred the first voice


def test_the_number_of_people_is_bounded() -> None:
    speakers = OnlineSpeakers(max_speakers=2)
    assert [speakers.add(vector, 5.0) for vector in (ANN, BO, 0.5 * ANN + 0.9 * CY)] == [
        "speaker 1",
        "speaker 2",
        "speaker 1",
    ]


def test_an_enrolled_person_is_named() -> None:
    speakers = OnlineSpeakers()
    speakers.enrol("Ann", ANN, 5.0)
    assert speakers.add(BO, 2.0) == "speaker 1" and speakers.add(ANN, 2.0) == "Ann"
    speakers.enrol("Bo", BO, 5.0)  # who has spoken already
    assert speakers.add(BO, 2.0) == "Bo" and len(speakers) == 2
    # A name needs a closer voice than a number: a cosine of 0.38 is neither Ann nor Bo.
    assert speakers.add(0.38 * ANN + 0.92 * CY, 2.0) == "speaker 2"


def test_a_second_sample_of_a_person_is_added_to_the_first() -> None:
    speakers = OnlineSpeakers()
    speakers.enrol("Ann", ANN, 5.0)
    speakers.enrol("Ann", CY, 5.0)
    assert speakers.names == ["Ann"] and speakers.guess(CY) == "Ann" and speakers.guess(ANN) == "Ann"
