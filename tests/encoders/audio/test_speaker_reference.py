import random

import torch
from hypothesis import given
from hypothesis import strategies as st

from mmerc.encoders.audio.speaker_reference import SpeakerNormalization, find_references

SPEAKERS = st.lists(st.tuples(st.sampled_from(["", "A", "B"]), st.integers(0, 1)), min_size=1, max_size=8)


@given(SPEAKERS, st.integers(0, 5))
def test_references_are_other_utterances_of_the_same_speaker_and_dialogue(
    utterances: list[tuple[str, int]], seed: int
) -> None:
    speakers, groups = [name for name, _ in utterances], [group for _, group in utterances]
    offline = find_references(speakers, groups, "offline")
    online = find_references(speakers, groups, "online")
    drawn = find_references(speakers, groups, "offline", random.Random(seed))
    for row, utterance in enumerate(utterances):
        for column, other in enumerate(utterances):
            expected = row != column and utterance == other and utterance[0] != ""
            assert offline[row, column] == expected
            assert online[row, column] == (expected and column < row)
            assert not drawn[row, column] or expected


def test_training_draws_from_none_to_all_references() -> None:
    rng = random.Random(0)
    counts = [int(find_references(["A"] * 9, [0] * 9, "offline", rng).sum(1)[0]) for _ in range(200)]
    assert set(counts) == set(range(9))
    assert counts.count(0) + counts.count(1) > counts.count(7) + counts.count(8)


def make_normalization(shrinkage: float) -> SpeakerNormalization:
    normalization = SpeakerNormalization(1).eval()
    normalization.log_shrinkage.data.fill_(torch.tensor(shrinkage).log())
    return normalization


VECTORS = torch.tensor([[1.0], [11.0], [13.0]])


def test_an_utterance_is_normalised_by_the_moments_of_its_references() -> None:
    is_reference = torch.tensor([[False, True, True], [False, False, False], [False, False, False]])
    normalized = make_normalization(1e-6)(VECTORS, is_reference)
    # The references have mean 12 and standard deviation 1; without references, those of training count: 0 and 1.
    assert torch.allclose(normalized[:, 0], torch.tensor([-11.0, 11.0, 13.0]), atol=1e-2)


def test_few_references_are_shrunk_towards_training() -> None:
    is_reference = torch.tensor([[False, True, False], [False, False, False], [False, False, False]])
    normalized = make_normalization(1.0)(VECTORS, is_reference)
    mean, square = (11 + 0) / 2, (121 + 1) / 2
    assert torch.allclose(normalized[0, 0], torch.tensor((1 - mean) / (square - mean**2) ** 0.5))


def test_training_measures_the_moments_of_the_corpus() -> None:
    normalization = SpeakerNormalization(1).train()
    no_reference = torch.zeros(2, 2, dtype=torch.bool)
    normalization(VECTORS[1:], no_reference)
    assert normalization.running_mean.tolist() == [12.0]
    assert normalization.running_square.tolist() == [145.0]
    normalization(VECTORS[1:] + 2, no_reference)
    assert normalization.running_mean.tolist() == [13.0]
