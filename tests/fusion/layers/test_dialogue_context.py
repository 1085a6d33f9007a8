"""Dialogue context over the fused vectors."""

import pytest
import torch

from mmerc.errors import ConfigError
from mmerc.fusion import FusionConfig, build
from mmerc.fusion.layers.dialogue_context import SPEAKERS, DialogueContext, numbered
from mmerc.training.run_config import check

WHOLE = torch.tensor([[[0, 0], [1, 1], [2, 0]], [[3, 0], [4, 1], [-1, -1]]])


def vectors() -> torch.Tensor:
    return torch.randn(5, 8, generator=torch.Generator().manual_seed(0))


def network(*, around: bool) -> DialogueContext:
    torch.manual_seed(0)
    return DialogueContext(8, heads=2, around=around, dropout=0.1).eval()


def moved_by(changed: int, *, around: bool) -> list[bool]:
    """For each utterance whether its vector depends on that of utterance `changed`."""
    model, one = network(around=around), vectors()
    other = one.clone()
    other[changed] += 1
    return ((model(other, WHOLE) - model(one, WHOLE)).abs().amax(1) > 1e-6).tolist()


def test_online_reads_what_was_before_and_no_other_dialogue() -> None:
    assert moved_by(1, around=False) == [False, True, True, False, False]
    assert moved_by(4, around=False) == [False, False, False, False, True]


def test_offline_reads_both_sides_and_no_other_dialogue() -> None:
    assert moved_by(1, around=True) == [True, True, True, False, False]


def test_a_dialogue_alone_is_as_in_company() -> None:
    model, x = network(around=True), vectors()
    alone = model(x[3:], torch.tensor([[[0, 0], [1, 1]]]))
    assert torch.allclose(alone, model(x, WHOLE)[3:], atol=1e-6)


def test_who_speaks_is_read_and_only_from_when_it_was_said() -> None:
    model, x = network(around=False), vectors()
    other = WHOLE.clone()
    other[0, 1, 1] = 2  # somebody else says the second utterance
    moved = (model(x, other) - model(x, WHOLE)).abs().amax(1) > 1e-6
    assert moved.tolist() == [False, True, True, False, False]


def test_speakers_are_numbered_as_they_first_speak() -> None:
    assert numbered(["Ann", "Bob", "Ann"]) == [0, 1, 0]
    crowd = numbered([str(number) for number in range(SPEAKERS + 2)])
    assert crowd == [*range(SPEAKERS), SPEAKERS - 1, SPEAKERS - 1]


def test_without_dialogues_each_utterance_is_its_own() -> None:
    torch.manual_seed(0)
    fusion = build(FusionConfig(width=8, size=8, context=True), {"a": 4, "b": 4}, 3).eval()
    sequences = {name: torch.randn(5, 2, 4) for name in "ab"}
    masks = {name: torch.ones(5, 2, dtype=torch.bool) for name in "ab"}
    single = fusion(sequences, masks, torch.tensor([[[place, 0]] for place in range(5)]))
    assert torch.equal(fusion(sequences, masks).logits, single.logits)
    assert not torch.allclose(fusion(sequences, masks, WHOLE).logits, single.logits)
    assert torch.equal(fusion(sequences, masks, WHOLE).embedding, single.embedding)  # what is fused knows no dialogue


def test_the_protocol_of_the_run_decides_what_is_read() -> None:
    settings = {"text": {"encoder": "bert", "backbone": "minilm"}, "fusion": {"context": True}}
    assert check(settings | {"protocol": "online"}).fusion.protocol == "online"
    assert check(settings).fusion.protocol == "offline"
    for size, heads in ((7, 1), (10, 4)):
        with pytest.raises(ConfigError, match="even fusion.size that fusion.heads divides"):
            check(settings | {"fusion": {"context": True, "size": size, "heads": heads, "width": 8}})
    assert check(settings | {"fusion": {"name": "ctnet"}}).fusion.reads_dialogue
    with pytest.raises(ConfigError, match="fused vector"):
        check(settings | {"fusion": {"context": True, "name": "late_averaging"}})
