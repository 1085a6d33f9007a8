"""Against the paper's equations in NumPy, and against the network with one module per pair."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.fusion.layers.crossmodal import CrossmodalAttention
from tests.fusion.layers.plain import Block, PlainCrossmodalAttention


def layer_norm(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def compute_block(block: Block, target: np.ndarray, source: np.ndarray, heads: int = 1) -> np.ndarray:
    """Eq. 6-11 for one utterance; the gains of LayerNorm are initialised to 1 and its biases to 0."""
    weight = {name: value.detach().numpy() for name, value in block.named_parameters()}
    query, key, value = (
        target @ weight["query.weight"].T,
        source @ weight["key.weight"].T,
        source @ weight["value.weight"].T,
    )
    attended = []
    for q, k, v in zip(*(np.split(part, heads, axis=1) for part in (query, key, value)), strict=True):
        scores = q @ k.T / np.sqrt(q.shape[-1])
        attended.append(np.exp(scores) / np.exp(scores).sum(-1, keepdims=True) @ v)
    x = layer_norm(np.concatenate(attended, 1) + query)
    hidden = np.maximum(x @ weight["widen.weight"].T + weight["widen.bias"], 0)
    return layer_norm(hidden @ weight["narrow.weight"].T + weight["narrow.bias"] + x)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("heads", [1, 2])
def test_equations_6_to_11(rng: np.random.Generator, heads: int) -> None:
    torch.manual_seed(0)
    attention = CrossmodalAttention({"t": 3, "s": 5}, 4, num_heads=heads)
    block = PlainCrossmodalAttention(attention, {"t": 3, "s": 5}, heads).pairs["s->t"][0]  # type: ignore[index]
    target, source = rng.normal(size=(2, 3)), rng.normal(size=(6, 5))
    padded = np.concatenate([source, np.full((2, 5), 77.0)])  # two steps of padding after the source
    out = attention(
        {name: torch.tensor(x[None], dtype=torch.float32) for name, x in (("t", target), ("s", padded))},
        {"t": torch.ones(1, 2, dtype=torch.bool), "s": torch.tensor([[True] * 6 + [False] * 2])},
    )["t"]
    assert out.shape == (1, 2, 4)
    assert out[0].detach().numpy() == pytest.approx(compute_block(block, target, source, heads), abs=1e-5)


LENGTHS = {"a": 4, "b": 2, "c": 3, "d": 5}
WIDTHS = {"a": 3, "b": 4, "c": 2, "d": 3}


def sequences(rng: np.random.Generator, names: str) -> dict[str, torch.Tensor]:
    return {
        name: torch.tensor(rng.normal(size=(3, LENGTHS[name], WIDTHS[name])), dtype=torch.float32) for name in names
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 4), st.sampled_from([1, 2]), st.sampled_from([1, 2]), st.integers(0, 2**31))
def test_it_equals_one_module_per_pair(modalities: int, layers: int, heads: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    widths = {name: WIDTHS[name] for name in "abcd"[:modalities]}
    attention = CrossmodalAttention(widths, 4, num_layers=layers, num_heads=heads)
    with torch.no_grad():
        for name, value in attention.named_parameters():
            if "norm" in name:  # so that gains differ from 1 and biases from 0
                value.add_(torch.randn_like(value) * 0.3)
    plain = PlainCrossmodalAttention(attention, widths, heads)
    batch = sequences(rng, "abcd"[:modalities])
    masks = {
        name: torch.arange(LENGTHS[name])[None] < torch.tensor(rng.integers(0, LENGTHS[name] + 1, size=(3, 1)))
        for name in batch
    }
    out, expected = attention(batch, masks), plain(batch, masks)
    for name in batch:
        is_available = masks[name].any(1)  # without its target, the output has no meaning
        assert torch.allclose(out[name][is_available], expected[name][is_available], atol=1e-4)


def test_equation_12_is_the_product_over_the_sources(rng: np.random.Generator) -> None:
    torch.manual_seed(0)
    widths = {name: WIDTHS[name] for name in "abc"}
    attention = CrossmodalAttention(widths, 4)
    pairs = PlainCrossmodalAttention(attention, widths, 1).pairs
    batch = sequences(rng, "abc")
    masks = {name: torch.ones(value.shape[:2], dtype=torch.bool) for name, value in batch.items()}
    from_b, from_c = (
        pairs[f"{name}->a"][0](batch["a"], batch[name], masks[name])  # type: ignore[index]
        for name in "bc"
    )
    assert torch.allclose(attention(batch, masks)["a"], from_b * from_c, atol=1e-5)


def test_a_missing_source_is_left_out_and_without_any_the_target_is_projected(rng: np.random.Generator) -> None:
    torch.manual_seed(0)
    widths = {name: WIDTHS[name] for name in "abc"}
    attention = CrossmodalAttention(widths, 4)
    batch = sequences(rng, "abc")
    masks = {name: torch.ones(value.shape[:2], dtype=torch.bool) for name, value in batch.items()}
    masks["c"][0] = False  # the first utterance lacks c, the second lacks b and c
    masks["b"][1] = masks["c"][1] = False
    out = attention(batch, masks)["a"]
    only_b = PlainCrossmodalAttention(attention, widths, 1).pairs["b->a"][0](
        batch["a"], batch["b"], torch.ones_like(masks["b"])
    )  # type: ignore[index]
    assert torch.allclose(out[0], only_b[0], atol=1e-5)
    assert torch.allclose(out[1], attention.projection["a"](batch["a"])[1])
    assert torch.isfinite(out).all()


def test_a_single_modality_is_projected(rng: np.random.Generator) -> None:
    attention = CrossmodalAttention({"a": 3}, 4)
    batch = sequences(rng, "a")
    out = attention(batch, {"a": torch.ones(3, 4, dtype=torch.bool)})
    assert torch.equal(out["a"], attention.projection["a"](batch["a"]))


def test_gradients_agree_with_finite_differences(rng: np.random.Generator) -> None:
    torch.manual_seed(0)
    attention = CrossmodalAttention({"t": 2, "s": 2}, 2).double()
    target, source = (torch.tensor(rng.normal(size=(1, steps, 2)), requires_grad=True) for steps in (2, 3))
    masks = {"t": torch.tensor([[True, True]]), "s": torch.tensor([[True, True, False]])}
    assert torch.autograd.gradcheck(lambda t, s: attention({"t": t, "s": s}, masks)["t"], (target, source))


def test_a_blocked_pair_counts_as_a_missing_source(rng: np.random.Generator) -> None:
    torch.manual_seed(0)
    attention = CrossmodalAttention({name: WIDTHS[name] for name in "abc"}, 4)
    batch = sequences(rng, "abc")
    masks = {name: torch.ones(value.shape[:2], dtype=torch.bool) for name, value in batch.items()}
    complete, blocked = attention(batch, masks), attention(batch, masks, frozenset({("b", "a")}))
    without_b = attention(batch, {**masks, "b": torch.zeros_like(masks["b"])})
    assert torch.equal(blocked["a"], without_b["a"]) and not torch.allclose(blocked["a"], complete["a"])
    assert torch.equal(blocked["b"], complete["b"]) and torch.equal(blocked["c"], complete["c"])
    alone = attention(batch, masks, frozenset({("b", "a"), ("c", "a")}))
    assert torch.equal(alone["a"], attention.projection["a"](batch["a"]))
