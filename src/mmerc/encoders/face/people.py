"""Who is who in a recording: one number for each person, over all sightings of faces.

Two sightings in one picture are two people. Where the camera shows the same scene again, the same position is probably the same
person. Otherwise the appearance decides: the colours of face, hair and clothes, which a person keeps through a recording.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mmerc.encoders.face.assignment import find_assignment
from mmerc.encoders.face.sightings import Sighting

MAX_APPEARANCE = 0.1  # mean difference of colours, from 0 to 1: more is another person
MAX_SCENE = 0.05  # mean difference of colours of two frames of one scene
NEAR = 0.75  # widths of the face that its centre may have moved
SAME_POSITION, OTHER_POSITION = 0.4, 1.25  # factors of the cost in a scene where the person was seen
ROUNDS = 3  # each compares every sighting with the means of the round before


class Person:
    """What is known of one person: the sum of appearances, and the last box in each scene."""

    def __init__(self) -> None:
        self.total: Float[np.ndarray, " a"] | float = 0.0
        self.count = 0
        self.places: dict[int, Float[np.ndarray, " 4"]] = {}

    def add(self, sighting: Sighting, scene: int) -> None:
        """Take another sighting."""
        self.total = self.total + sighting.appearance * len(sighting.times)
        self.count += len(sighting.times)
        self.places[scene] = sighting.box

    def compare(self, sighting: Sighting, scene: int) -> float:
        """The cost of the sighting being this person: above 1 it is rather another one."""
        cost = float(np.abs(self.total / self.count - sighting.appearance).mean()) / MAX_APPEARANCE
        if scene not in self.places:
            return cost
        return cost * (SAME_POSITION if is_near(self.places[scene], sighting.box) else OTHER_POSITION)


def identify_people(sightings: Sequence[Sighting]) -> list[int]:
    """The number of the person of each sighting, from 0 in the order of the first appearance."""
    scenes = number_scenes(sightings)
    groups = group_by_picture(sightings)
    people: list[Person] = []
    found: dict[int, int] = {}
    for _ in range(ROUNDS):
        known, people = people, [Person() for _ in people]
        for group in groups:
            references = [new if new.count and not old.count else old for old, new in zip(known, people, strict=True)]
            assigned = assign(group, sightings, scenes, references)
            for index in group:
                number = assigned.get(index)
                if number is None:
                    number = len(people)
                    known.append(Person())
                    people.append(Person())
                    found[index] = number
                found[index] = number
                people[number].add(sightings[index], scenes[index])
    order = {number: rank for rank, number in enumerate(dict.fromkeys(found[index] for index in range(len(sightings))))}
    return [order[found[index]] for index in range(len(sightings))]


def assign(
    group: Sequence[int], sightings: Sequence[Sighting], scenes: Sequence[int], people: Sequence[Person]
) -> dict[int, int]:
    """The person of each sighting of one picture, without those who are new."""
    if not people:
        return {}
    costs = np.asarray(
        [
            [person.compare(sightings[index], scenes[index]) if person.count else 1.0 for person in people]
            for index in group
        ]
    )
    # A new person costs 1, so nobody is taken for another one to save a third from being new.
    padded = np.concatenate([costs, np.ones((len(group), len(group)))], 1)
    return {
        group[row]: column for row, column in find_assignment(padded) if column < len(people) and costs[row, column] < 1
    }


def number_scenes(sightings: Sequence[Sighting]) -> list[int]:
    """The number of the scene of each sighting: a position of the camera."""
    known: list[np.ndarray] = []
    numbers = []
    for each in sightings:
        distances = [float(np.abs(scene - each.scene).mean()) for scene in known]
        if not distances or min(distances) > MAX_SCENE:
            known.append(each.scene)
            numbers.append(len(known) - 1)
        else:
            numbers.append(int(np.argmin(distances)))
    return numbers


def group_by_picture(sightings: Sequence[Sighting]) -> list[list[int]]:
    """Indices of sightings that overlap in time with the first one of their group; they are of different people."""
    groups: list[list[int]] = []
    for index in sorted(range(len(sightings)), key=lambda index: float(sightings[index].times[0])):
        times = sightings[index].times
        if groups and all(times[0] <= sightings[other].times[-1] for other in groups[-1]):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def is_near(first: Float[np.ndarray, " 4"], second: Float[np.ndarray, " 4"]) -> bool:
    """Whether two boxes may be of one face that has moved a little."""
    size = np.maximum(first[2:] - first[:2], second[2:] - second[:2])
    shift = np.abs((first[:2] + first[2:]) - (second[:2] + second[2:])) / 2
    return bool((shift <= NEAR * size).all())
