"""One identity for each person over the cuts of a recording."""

from mmerc.encoders.face.people import identify_people
from tests.encoders.face.sighting import make_sighting


def test_two_people_in_one_picture_are_two_even_if_they_look_alike() -> None:
    pair = [make_sighting(0, "red", 0.1), make_sighting(0, "red", 0.6)]
    again = [make_sighting(1, "red", 0.62), make_sighting(1, "red", 0.12)]
    assert identify_people([*pair, *again]) == [0, 1, 1, 0]


def test_after_a_cut_the_appearance_decides_and_not_the_position() -> None:
    wide = [make_sighting(0, "red", 0.1), make_sighting(0, "blue", 0.6)]
    close = [make_sighting(1, "blue", 0.1, scene=0.5), make_sighting(2, "red", 0.1, scene=0.9)]
    assert identify_people([*wide, *close]) == [0, 1, 1, 0]


def test_a_new_person_gets_a_new_number() -> None:
    seen = [make_sighting(0, "red", 0.1), make_sighting(1, "green", 0.1, scene=0.5), make_sighting(2, "red", 0.1)]
    assert identify_people(seen) == [0, 1, 0]
    assert identify_people([]) == []


def test_one_position_in_one_scene_is_one_person_in_changing_light() -> None:
    seen = [make_sighting(0, "red", 0.1), *(make_sighting(index, "red", 0.12, noise=0.15) for index in range(1, 5))]
    assert set(identify_people(seen)) == {0}
