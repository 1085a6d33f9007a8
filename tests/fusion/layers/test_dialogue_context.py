import torch

from mmerc.fusion.layers.dialogue_context import MAX_SPEAKERS, DialogueContext, get_speaker_number, number_speakers

DIALOGUES = torch.tensor([[[0, 0], [1, 1], [2, 0]], [[3, 0], [4, 1], [-1, -1]]])


def make_vectors() -> torch.Tensor:
    return torch.randn(5, 8, generator=torch.Generator().manual_seed(0))


def make_context(*, is_bidirectional: bool) -> DialogueContext:
    torch.manual_seed(0)
    return DialogueContext(8, num_heads=2, is_bidirectional=is_bidirectional, dropout=0.1).eval()


def list_readers(changed: int, *, is_bidirectional: bool) -> list[bool]:
    """For each utterance whether its vector depends on that of utterance `changed`."""
    model, one = make_context(is_bidirectional=is_bidirectional), make_vectors()
    other = one.clone()
    other[changed] += 1
    return ((model(other, DIALOGUES) - model(one, DIALOGUES)).abs().amax(1) > 1e-6).tolist()


def test_online_reads_earlier_utterances_of_the_same_dialogue() -> None:
    assert list_readers(1, is_bidirectional=False) == [False, True, True, False, False]
    assert list_readers(4, is_bidirectional=False) == [False, False, False, False, True]


def test_offline_reads_all_utterances_of_the_same_dialogue() -> None:
    assert list_readers(1, is_bidirectional=True) == [True, True, True, False, False]


def test_a_dialogue_does_not_depend_on_the_others_in_the_batch() -> None:
    model, x = make_context(is_bidirectional=True), make_vectors()
    alone = model(x[3:], torch.tensor([[[0, 0], [1, 1]]]))
    assert torch.allclose(alone, model(x, DIALOGUES)[3:], atol=1e-6)


def test_online_reads_the_speaker_from_their_utterance_on() -> None:
    model, x = make_context(is_bidirectional=False), make_vectors()
    other = DIALOGUES.clone()
    other[0, 1, 1] = 2  # another speaker of the second utterance
    is_changed = (model(x, other) - model(x, DIALOGUES)).abs().amax(1) > 1e-6
    assert is_changed.tolist() == [False, True, True, False, False]


def test_speakers_are_numbered_as_they_first_speak() -> None:
    assert number_speakers(["Ann", "Bob", "Ann"]) == [0, 1, 0]
    many = number_speakers([str(number) for number in range(MAX_SPEAKERS + 2)])
    assert many == [*range(MAX_SPEAKERS), MAX_SPEAKERS - 1, MAX_SPEAKERS - 1]


def test_a_new_speaker_is_added_to_the_known_ones() -> None:
    numbers = {"Ann": 0}
    assert [get_speaker_number(name, numbers) for name in ("Bob", "Ann", "Bob")] == [1, 0, 1]
    assert numbers == {"Ann": 0, "Bob": 1}
