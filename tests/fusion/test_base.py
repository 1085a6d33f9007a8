"""What every fusion must do: nothing leaks, any modality may be missing, the order of modalities has no effect."""

import pytest
import torch
from pydantic import ValidationError

from mmerc.fusion import FUSIONS, FusionConfig, build_fusion
from tests.fusion.examples import WIDTHS, make_batch, make_fusion

NAMES = list(FUSIONS)
DIALOGUES = torch.tensor([[[0, 0], [1, 1], [2, 0]], [[3, 0], [4, 1], [-1, -1]]])


@pytest.mark.parametrize("name", NAMES)
def test_padding_and_missing_modalities_never_leak(name: str) -> None:
    fusion = make_fusion(name, bf16=False)  # in bfloat16, another length rounds differently
    sequences, masks = make_batch()
    clean = fusion(sequences, masks).logits
    assert clean.shape == (8, 7) and torch.isfinite(clean).all()
    dirty = {
        key: torch.where(masks[key][..., None], value, torch.tensor(float("nan"))) for key, value in sequences.items()
    }
    assert torch.equal(fusion(dirty, masks).logits, clean)
    longer = {key: torch.cat([value, torch.full((8, 3, value.shape[2]), 9.0)], 1) for key, value in sequences.items()}
    wider = {key: torch.cat([mask, torch.zeros(8, 3, dtype=torch.bool)], 1) for key, mask in masks.items()}
    assert torch.allclose(fusion(longer, wider).logits, clean, atol=1e-5)
    first = fusion({key: value[:1] for key, value in sequences.items()}, {key: mask[:1] for key, mask in masks.items()})
    assert torch.allclose(first.logits, clean[:1], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_null_token_replaces_a_missing_modality_and_nothing_else(name: str) -> None:
    fusion = make_fusion(name, null_tokens=True, bf16=False)
    sequences, masks = make_batch()
    before = fusion(sequences, masks).logits
    assert fusion.null_tokens is not None
    with torch.no_grad():
        fusion.null_tokens["voice"].fill_(1.0)
    is_changed = (fusion(sequences, masks).logits - before).abs().amax(1) > 1e-6
    is_missing = ~masks["voice"].any(1)
    assert not is_changed[~is_missing].any()
    assert bool(is_changed[is_missing].any()) == FUSIONS[name].reads_null_tokens


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_modalities_has_no_effect(name: str) -> None:
    reverse = {key: WIDTHS[key] for key in reversed(WIDTHS)}
    sequences, masks = make_batch()
    reversed_batch = ({key: sequences[key] for key in reverse}, {key: masks[key] for key in reverse})
    assert torch.equal(make_fusion(name)(sequences, masks).logits, make_fusion(name, reverse)(*reversed_batch).logits)


@pytest.mark.parametrize("name", NAMES)
def test_a_modality_may_have_the_name_of_an_attribute_of_a_module(name: str) -> None:
    taken = {"keys": 3, "type": 5, "train": 2}
    fusion = make_fusion(name, taken, null_tokens=True)
    sequences, masks = make_batch()
    renamed = [dict(zip(taken, part.values(), strict=True)) for part in (sequences, masks)]
    assert fusion.train().eval()(*renamed).logits.shape == (8, 7)


@pytest.mark.parametrize("name", NAMES)
def test_each_modality_counts_and_an_utterance_without_any_is_an_error(name: str) -> None:
    fusion = make_fusion(name)
    sequences, masks = make_batch()
    complete = {key: torch.ones_like(mask) for key, mask in masks.items()}
    for key in WIDTHS:
        changed = sequences | {key: sequences[key] + 1}
        assert not torch.allclose(fusion(changed, complete).logits, fusion(sequences, complete).logits)
    with pytest.raises(ValueError, match="without any modality"):
        fusion(sequences, {key: torch.zeros_like(mask) for key, mask in masks.items()})


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_from_two_modalities_what_each_half_has(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (64,), generator=generator)  # a has the first bit, b the second
    sequences = {
        key: torch.nn.functional.one_hot(bit, 2).float()[:, None].repeat(1, 3, 1)
        for key, bit in (("a", labels // 2), ("b", labels % 2))
    }
    masks = {key: torch.ones(64, 3, dtype=torch.bool) for key in sequences}
    torch.manual_seed(0)
    config = FusionConfig(name=name, d_model=16, num_heads=2, fused_size=32, dropout=0.0)
    fusion = build_fusion(config, {"a": 2, "b": 2}, 4)
    optimizer = torch.optim.Adam(fusion.parameters(), 0.01)
    for _ in range(120):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(fusion(sequences, masks).logits, labels).backward()
        optimizer.step()
    accuracy = (fusion.eval()(sequences, masks).logits.argmax(1) == labels).float().mean()
    assert float(accuracy) > (0.4 if name == "late_averaging" else 0.95)  # a mean cannot combine the two bits


@pytest.mark.parametrize("name", NAMES)
def test_only_crossmodal_attention_can_be_blocked(name: str) -> None:
    fusion = make_fusion(name)
    sequences, masks = make_batch()
    blocked = frozenset({("voice", "words")})
    if FUSIONS[name].has_crossmodal_attention:
        assert not torch.allclose(
            fusion(sequences, masks, blocked_pairs=blocked).logits, fusion(sequences, masks).logits
        )
    else:
        with pytest.raises(ValueError, match=f"{name} has no crossmodal attention to block"):
            fusion(sequences, masks, blocked_pairs=blocked)


def test_bfloat16_changes_the_logits_only_a_little_and_gives_float32() -> None:
    sequences, masks = make_batch()
    exact, rounded = (make_fusion("crossmodal_embracenet", bf16=bf16)(sequences, masks) for bf16 in (False, True))
    assert exact.logits.dtype == rounded.logits.dtype == rounded.embedding.dtype == torch.float32
    assert torch.allclose(exact.logits, rounded.logits, atol=0.02)


def test_dialogue_context_is_read_after_the_fused_vector() -> None:
    fusion = make_fusion("crossmodal_embracenet", dialogue_context=True, num_heads=4)
    sequences, masks = ({key: part[:5] for key, part in parts.items()} for parts in make_batch())
    single = fusion(sequences, masks, torch.tensor([[[index, 0]] for index in range(5)]))
    together = fusion(sequences, masks, DIALOGUES)
    assert torch.equal(fusion(sequences, masks).logits, single.logits)  # without dialogues, each is its own
    assert not torch.allclose(together.logits, single.logits)
    assert torch.equal(together.embedding, single.embedding)


def test_the_online_protocol_reads_no_later_utterance() -> None:
    sequences, masks = ({key: part[:5] for key, part in parts.items()} for parts in make_batch())
    changed = {key: value.clone() for key, value in sequences.items()}
    for value in changed.values():
        value[1] += 1
    is_changed = {}
    for protocol in ("offline", "online"):
        fusion = make_fusion("ctnet", protocol=protocol, bf16=False)  # type: ignore[arg-type]
        before, after = (fusion(each, masks, DIALOGUES).logits for each in (sequences, changed))
        is_changed[protocol] = ((before - after).abs().amax(1) > 1e-6).tolist()
    assert is_changed == {
        "offline": [True, True, True, False, False],
        "online": [False, True, True, False, False],
    }


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValidationError, match=r"fusion.d_model \(10\) must be divisible by fusion.num_heads \(4\)"):
        FusionConfig(d_model=10)
