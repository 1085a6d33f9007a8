import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.fusion import CrossmodalEmbraceNet, FusionConfig
from mmerc.fusion.base import Pooling

WIDTHS = {"voice": 3, "words": 5, "heart": 2}


def network(**chosen: object) -> CrossmodalEmbraceNet:
    torch.manual_seed(0)
    return CrossmodalEmbraceNet(FusionConfig(width=8, heads=2, size=16, **chosen), WIDTHS, 7).eval()  # type: ignore[arg-type]


def batch(seed: int = 0, size: int = 4) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    sequences = {name: torch.randn(size, 5, width, generator=generator) for name, width in WIDTHS.items()}
    masks = {name: torch.arange(5)[None] < torch.randint(1, 6, (size, 1), generator=generator) for name in WIDTHS}
    return sequences, masks


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_padding_and_missing_modalities_never_leak(seed: int) -> None:
    model = network()
    sequences, masks = batch(seed)
    generator = torch.Generator().manual_seed(seed)
    for name in list(masks)[1:]:
        masks[name] = masks[name] & (torch.rand(4, 1, generator=generator) > 0.4)
    clean = model(sequences, masks).logits
    dirty = {
        name: torch.where(masks[name][..., None], value, torch.tensor(float("nan")))
        for name, value in sequences.items()
    }
    assert torch.isfinite(clean).all()
    assert torch.equal(model(dirty, masks).logits, clean)
    longer = {name: torch.cat([value, torch.full((4, 3, value.shape[2]), 9.0)], 1) for name, value in sequences.items()}
    wider = {name: torch.cat([mask, torch.zeros(4, 3, dtype=torch.bool)], 1) for name, mask in masks.items()}
    assert torch.allclose(model(longer, wider).logits, clean, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "last", "attention"])
def test_the_order_of_naming_changes_nothing(pooling: str) -> None:
    first = network(pooling=pooling)
    torch.manual_seed(0)
    turned = {name: WIDTHS[name] for name in reversed(list(WIDTHS))}
    second = CrossmodalEmbraceNet(first.config, turned, 7).eval()
    sequences, masks = batch()
    backwards = ({name: sequences[name] for name in turned}, {name: masks[name] for name in turned})
    assert torch.equal(first(sequences, masks).logits, second(*backwards).logits)


def test_evaluation_is_the_same_every_time_also_when_it_draws() -> None:
    sequences, masks = batch()
    for embracement in ("expectation", "sample"):
        model = network(embracement=embracement)
        assert torch.equal(model(sequences, masks).logits, model(sequences, masks).logits)


def test_one_utterance_is_answered_alone_as_in_a_batch() -> None:
    model = network()
    sequences, masks = batch()
    alone = model(
        {name: value[:1] for name, value in sequences.items()}, {name: mask[:1] for name, mask in masks.items()}
    )
    assert torch.allclose(alone.logits, model(sequences, masks).logits[:1], atol=1e-6)


def test_modality_dropout_keeps_one_that_is_there() -> None:
    model = network(modality_dropout=1.0)
    _, masks = batch(size=50)
    masks["words"][:25] = False
    kept = model._with_dropout(masks)
    present = torch.stack([mask.any(1) for mask in kept.values()])
    assert present.sum(0).tolist() == [1] * 50
    assert not present[list(kept).index("words"), :25].any()
    assert present.sum(1).min() > 0
    assert network(modality_dropout=0.0)._with_dropout(masks) is masks


def test_pooling_of_two_steps() -> None:
    x = torch.tensor([[[1.0, 4], [3, 8], [99, 99]], [[5.0, 5], [5, 5], [5, 5]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert Pooling("mean", 2)(x, mask).tolist() == [[2, 6], [0, 0]]
    assert Pooling("last", 2)(x, mask).tolist() == [[3, 8], [0, 0]]
    attention = Pooling("attention", 2)
    assert attention.score is not None
    torch.nn.init.zeros_(attention.score.weight)
    assert attention(x, mask).tolist() == [[2, 6], [0, 0]]


def test_it_learns_what_no_modality_knows_alone() -> None:
    torch.manual_seed(0)
    model = CrossmodalEmbraceNet(
        FusionConfig(width=16, heads=2, size=32, dropout=0.0, modality_dropout=0.0), {"a": 2, "b": 2}, 2
    )
    bits = torch.randint(0, 2, (64, 2))
    sequences = {name: torch.nn.functional.one_hot(bits[:, n], 2).float()[:, None] for n, name in enumerate("ab")}
    masks = {name: torch.ones(64, 1, dtype=torch.bool) for name in "ab"}
    labels = bits[:, 0] ^ bits[:, 1]
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(120):
        loss = torch.nn.functional.cross_entropy(model(sequences, masks).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (model.eval()(sequences, masks).logits.argmax(1) == labels).all()
