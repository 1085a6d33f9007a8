import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.fusion import CrossmodalEmbraceNet, FusionConfig, FusionInput
from tests.fusion.examples import WIDTHS, make_batch, make_fusion


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_padding_and_missing_modalities_never_leak(seed: int) -> None:
    fusion = make_fusion("crossmodal_embracenet")
    generator = torch.Generator().manual_seed(seed)
    sequences = {name: torch.randn(4, 5, width, generator=generator) for name, width in WIDTHS.items()}
    masks = {name: torch.arange(5)[None] < torch.randint(1, 6, (4, 1), generator=generator) for name in WIDTHS}
    for name in list(masks)[1:]:
        masks[name] = masks[name] & (torch.rand(4, 1, generator=generator) > 0.4)
    clean = fusion(sequences, masks).logits
    dirty = {
        name: torch.where(masks[name][..., None], value, torch.tensor(float("nan")))
        for name, value in sequences.items()
    }
    assert torch.isfinite(clean).all()
    assert torch.equal(fusion(dirty, masks).logits, clean)


@pytest.mark.parametrize("embracement", ["expectation", "sample"])
def test_evaluation_is_deterministic_also_when_it_samples(embracement: str) -> None:
    fusion = make_fusion("crossmodal_embracenet", embracement=embracement)
    batch = make_batch()
    assert torch.equal(fusion(*batch).logits, fusion(*batch).logits)


def test_the_embracement_setting_decides_between_expectation_and_sample() -> None:
    expected, sampled = (
        make_fusion("crossmodal_embracenet", embracement=kind, bf16=False)(*make_batch()).embedding[:1]
        for kind in ("expectation", "sample")
    )
    assert not torch.allclose(expected, sampled)


def test_training_samples_and_differs_from_step_to_step() -> None:
    fusion = make_fusion("crossmodal_embracenet", dropout=0.0).train()
    batch = make_batch()
    assert not torch.equal(fusion(*batch).logits, fusion(*batch).logits)


def test_the_fused_vector_is_the_mean_of_the_docked_targets() -> None:
    torch.manual_seed(0)
    config = FusionConfig(d_model=4, num_heads=1, fused_size=6, bf16=False)
    fusion = CrossmodalEmbraceNet(config, {"a": 3, "b": 2}, 2).eval()
    masks = {"a": torch.ones(1, 2, dtype=torch.bool), "b": torch.ones(1, 3, dtype=torch.bool)}
    batch = FusionInput({"a": torch.randn(1, 2, 3), "b": torch.randn(1, 3, 2)}, masks, torch.full((2, 1), 0.5))
    pooled = {name: fusion.crossmodal(batch.sequences, masks)[name].mean(1) for name in "ab"}
    docked = fusion.embracement.docking(pooled)
    assert torch.allclose(fusion.fuse(batch), docked.mean(0), atol=1e-6)


def test_it_learns_what_no_single_modality_has() -> None:
    torch.manual_seed(0)
    config = FusionConfig(d_model=16, num_heads=2, fused_size=32, dropout=0.0)
    fusion = CrossmodalEmbraceNet(config, {"a": 2, "b": 2}, 2)
    bits = torch.randint(0, 2, (64, 2))
    sequences = {name: torch.nn.functional.one_hot(bits[:, n], 2).float()[:, None] for n, name in enumerate("ab")}
    masks = {name: torch.ones(64, 1, dtype=torch.bool) for name in "ab"}
    labels = bits[:, 0] ^ bits[:, 1]
    optimizer = torch.optim.AdamW(fusion.parameters(), 5e-3)
    for _ in range(120):
        loss = torch.nn.functional.cross_entropy(fusion(sequences, masks).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (fusion.eval()(sequences, masks).logits.argmax(1) == labels).all()
