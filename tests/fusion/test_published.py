"""Every fusion keeps the promises of the interface: nothing leaks, anything may be missing, names have no order."""

import pytest
import torch

from mmerc.fusion import FUSIONS, Fusion, FusionConfig, build

WIDTHS = {"voice": 3, "words": 5, "heart": 2}
NAMES = list(FUSIONS)


def network(name: str, widths: dict[str, int] | None = None, **chosen: object) -> Fusion:
    torch.manual_seed(0)
    settings = FusionConfig(name=name, width=8, heads=2, size=16, **chosen)  # type: ignore[arg-type]
    return build(settings, widths or WIDTHS, 7).eval()


def batch(size: int = 8) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    sequences = {name: torch.randn(size, 5, width, generator=generator) for name, width in WIDTHS.items()}
    masks = {name: torch.arange(5)[None] < torch.randint(1, 6, (size, 1), generator=generator) for name in WIDTHS}
    for number, name in enumerate(WIDTHS):  # utterances 1 to 6 lack one or two of the three
        masks[name][1 + number] = False
        masks[name][[4 + (number + 1) % 3, 4 + (number + 2) % 3]] = False
    return sequences, masks


def test_every_name_of_the_configuration_is_built() -> None:
    named = FusionConfig.model_fields["name"].annotation.__args__  # type: ignore[union-attr]
    assert sorted(named) == sorted(FUSIONS)


@pytest.mark.parametrize("name", NAMES)
def test_padding_and_missing_modalities_never_leak(name: str) -> None:
    model = network(name, bf16=False)  # in bfloat16 another length is another rounding
    sequences, masks = batch()
    clean = model(sequences, masks).logits
    assert clean.shape == (8, 7) and torch.isfinite(clean).all()
    dirty = {
        key: torch.where(masks[key][..., None], value, torch.tensor(float("nan"))) for key, value in sequences.items()
    }
    assert torch.equal(model(dirty, masks).logits, clean)
    longer = {key: torch.cat([value, torch.full((8, 3, value.shape[2]), 9.0)], 1) for key, value in sequences.items()}
    wider = {key: torch.cat([mask, torch.zeros(8, 3, dtype=torch.bool)], 1) for key, mask in masks.items()}
    assert torch.allclose(model(longer, wider).logits, clean, atol=1e-5)
    alone = model({key: value[:1] for key, value in sequences.items()}, {key: mask[:1] for key, mask in masks.items()})
    assert torch.allclose(alone.logits, clean[:1], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_null_token_stands_where_a_modality_is_missing_and_only_there(name: str) -> None:
    model = network(name, null_tokens=True, bf16=False)
    sequences, masks = batch()
    before = model(sequences, masks).logits
    with torch.no_grad():
        model.nulls["voice"].fill_(1.0)
    moved = (model(sequences, masks).logits - before).abs().amax(1) > 1e-6
    missing = ~masks["voice"].any(1)
    assert not moved[~missing].any()
    if name not in (
        "embracenet",
        "attention_pooling",
        "low_rank",
        "late_averaging",
        "late_stacking",
    ):  # p = 0 shuts it out
        assert moved[missing].any()


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_naming_changes_nothing(name: str) -> None:
    turned = {key: WIDTHS[key] for key in reversed(WIDTHS)}
    sequences, masks = batch()
    backwards = ({key: sequences[key] for key in turned}, {key: masks[key] for key in turned})
    assert torch.equal(network(name)(sequences, masks).logits, network(name, turned)(*backwards).logits)


@pytest.mark.parametrize("name", NAMES)
def test_each_modality_counts_and_an_utterance_without_any_is_refused(name: str) -> None:
    model = network(name)
    sequences, masks = batch()
    whole = {key: torch.ones_like(mask) for key, mask in masks.items()}
    for key in WIDTHS:
        other = sequences | {key: sequences[key] + 1}
        assert not torch.allclose(model(other, whole).logits, model(sequences, whole).logits)
    with pytest.raises(ValueError, match="without any modality"):
        model(sequences, {key: torch.zeros_like(mask) for key, mask in masks.items()})


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_from_two_modalities_what_each_alone_half_knows(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (64,), generator=generator)  # a tells the first bit, b the second
    sequences = {
        key: torch.nn.functional.one_hot(bit, 2).float()[:, None].repeat(1, 3, 1)
        for key, bit in (("a", labels // 2), ("b", labels % 2))
    }
    masks = {key: torch.ones(64, 3, dtype=torch.bool) for key in sequences}
    torch.manual_seed(0)
    settings = FusionConfig(name=name, width=16, heads=2, size=32, dropout=0.0, modality_dropout=0.0)  # type: ignore[arg-type]
    model = build(settings, {"a": 2, "b": 2}, 4)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(120):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(sequences, masks).logits, labels).backward()
        optimizer.step()
    right = model.eval()(sequences, masks).logits.argmax(1) == labels
    assert float(right.float().mean()) > (0.4 if name == "late_averaging" else 0.95)  # a mean of halves is a half


def test_late_averaging_is_the_mean_of_the_probabilities() -> None:
    model = network("late_averaging", {"voice": 3, "words": 5})
    sequences, masks = batch()
    sequences, masks = ({key: part[key][:1] for key in ("voice", "words")} for part in (sequences, masks))
    alone = []
    for key in ("voice", "words"):
        only = {other: mask & (other == key) for other, mask in masks.items()}
        alone.append(model(sequences, only).logits.softmax(1))
    assert torch.allclose(model(sequences, masks).logits.softmax(1), (alone[0] + alone[1]) / 2, atol=1e-6)
