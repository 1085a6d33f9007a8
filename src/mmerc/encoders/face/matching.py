"""Which face belongs to which speaker: mouths that move with the voice, over all utterances of the speaker.

In one utterance a listener's mouth may follow the voice by chance. Over several utterances of a speaker the evidence adds up, and no
two speakers have the same face.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from mmerc.encoders.face.assignment import find_assignment
from mmerc.encoders.face.sightings import Sighting

MIN_MOVES = 6  # a shorter movement has no meaningful correlation
EXPECTED = 0.3  # correlation of the speaker's mouth with the loudness
EFFECTIVE = 1 / 4  # independent values per frame: neighbouring frames are alike
MIN_EVIDENCE = 1.0  # log likelihood ratio from which a face is a speaker's


def measure_evidence(sightings: Sequence[Sighting]) -> float:
    """The log likelihood ratio that this person speaks in this utterance, from all sightings of the person in it.

    The correlation of movement and loudness is around EXPECTED for the speaker and around 0 for others, by Fisher's
    transformation normally distributed with the variance 1 / n.
    """
    used = [each for each in sightings if len(each.motion) >= MIN_MOVES]
    if not used:
        return 0.0
    motion, loudness = (np.concatenate([getattr(each, name) for each in used]) for name in ("motion", "loudness"))
    if motion.std() == 0 or loudness.std() == 0:
        return 0.0
    z = np.arctanh(np.clip(np.corrcoef(motion, loudness)[0, 1], -0.99, 0.99))
    expected = np.arctanh(EXPECTED)
    return float(len(motion) * EFFECTIVE * (z - expected / 2) * expected)


def match_speakers(evidence: Mapping[tuple[int, int], float], speakers: Sequence[str]) -> dict[str, int]:
    """The person of each speaker for whom there is enough evidence.

    `evidence`: for utterance and person. `speakers`: of the utterances; empty where unknown, which is matched to nobody.

    >>> match_speakers({(0, 0): 2.0, (0, 1): 3.0, (1, 0): -1.0, (1, 1): 9.0}, ["Ann", "Bo"])
    {'Ann': 0, 'Bo': 1}
    """
    names = sorted({speakers[utterance] for utterance, _ in evidence} - {""})
    people = sorted({person for _, person in evidence})
    gains: Float[np.ndarray, "S P"] = np.zeros((len(names), len(people)))
    for (utterance, person), value in evidence.items():
        if speakers[utterance]:
            gains[names.index(speakers[utterance]), people.index(person)] += value
    return {
        names[row]: people[column]
        for row, column in find_assignment(-gains.clip(min=0))
        if gains[row, column] >= MIN_EVIDENCE
    }
