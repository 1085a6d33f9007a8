"""Against the paper's equations written out in NumPy, and against the network pair by pair."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.fusion.layers.crossmodal import CrossmodalAttention
from tests.fusion.layers.plain import Block, Plain


def layer_norm(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def by_hand(block: Block, target: np.ndarray, source: np.ndarray, heads: int = 1) -> np.ndarray:
    """Eq. 6-11 for one utterance; LayerNorm's gains are 1 and its biases 0 at the start."""
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
    attention = CrossmodalAttention({"t": 3, "s": 5}, 4, heads=heads)
    block = Plain(attention, {"t": 3, "s": 5}, heads).pairs["s->t"][0]  # type: ignore[index]
    target, source = rng.normal(size=(2, 3)), rng.normal(size=(6, 5))
    padded = np.concatenate([source, np.full((2, 5), 77.0)])  # two steps of padding behind the source
    out = attention(
        {name: torch.tensor(x[None], dtype=torch.float32) for name, x in (("t", target), ("s", padded))},
        {"t": torch.ones(1, 2, dtype=torch.bool), "s": torch.tensor([[True] * 6 + [False] * 2])},
    )["t"]
    assert out.shape == (1, 2, 4)
    assert out[0].detach().numpy() == pytest.approx(by_hand(block, target, source, heads), abs=1e-5)


LENGTHS = {"a": 4, "b": 2, "c": 3, "d": 5}
WIDTHS = {"a": 3, "b": 4, "c": 2, "d": 3}


def sequences(rng: np.random.Generator, names: str) -> dict[str, torch.Tensor]:
    return {
        name: torch.tensor(rng.normal(size=(3, LENGTHS[name], WIDTHS[name])), dtype=torch.float32) for name in names
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 4), st.sampled_from([1, 2]), st.sampled_from([1, 2]), st.integers(0, 2**31))
def test_the_batched_form_is_the_plain_one(modalities: int, layers: int, heads: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    widths = {name: WIDTHS[name] for name in "abcd"[:modalities]}
    attention = CrossmodalAttention(widths, 4, layers=layers, heads=heads)
    with torch.no_grad():
        for name, value in attention.named_parameters():
            if "norm" in name:  # away from gains of 1 and biases of 0
                value.add_(torch.randn_like(value) * 0.3)
    plain = Plain(attention, widths, heads)
    found = sequences(rng, "abcd"[:modalities])
    masks = {
        name: torch.arange(LENGTHS[name])[None] < torch.tensor(rng.integers(0, LENGTHS[name] + 1, size=(3, 1)))
        for name in found
    }
    out, expected = attention(found, masks), plain(found, masks)
    for name in found:
        there = masks[name].any(1)  # what has no target has no meaning
        assert torch.allclose(out[name][there], expected[name][there], atol=1e-4)


def test_equation_12_is_the_product_over_the_sources(rng: np.random.Generator) -> None:
    torch.manual_seed(0)
    widths = {name: WIDTHS[name] for name in "abc"}
    attention = CrossmodalAttention(widths, 4)
    pairs = Plain(attention, widths, 1).pairs
    found = sequences(rng, "abc")
    masks = {name: torch.ones(value.shape[:2], dtype=torch.bool) for name, value in found.items()}
    from_b, from_c = (
        pairs[f"{name}->a"][0](found["a"], found[name], masks[name])  # type: ignore[index]
        for name in "bc"
    )
    assert torch.allclose(attention(found, masks)["a"], from_b * from_c, atol=1e-5)


def test_a_missing_source_is_left_out_and_the_last_one_leaves_the_target_alone(rng: np.random.Generator) -> None:
    torch.manual_seed(0)
    widths = {name: WIDTHS[name] for name in "abc"}
    attention = CrossmodalAttention(widths, 4)
    found = sequences(rng, "abc")
    masks = {name: torch.ones(value.shape[:2], dtype=torch.bool) for name, value in found.items()}
    masks["c"][0] = False  # the first utterance lacks c, the second lacks b and c
    masks["b"][1] = masks["c"][1] = False
    out = attention(found, masks)["a"]
    only_b = Plain(attention, widths, 1).pairs["b->a"][0](found["a"], found["b"], torch.ones_like(masks["b"]))  # type: ignore[index]
    assert torch.allclose(out[0], only_b[0], atol=1e-5)
    assert torch.allclose(out[1], attention.own["a"](found["a"])[1])
    assert torch.isfinite(out).all()


def test_one_modality_alone_is_projected(rng: np.random.Generator) -> None:
    attention = CrossmodalAttention({"a": 3}, 4)
    found = sequences(rng, "a")
    out = attention(found, {"a": torch.ones(3, 4, dtype=torch.bool)})
    assert torch.equal(out["a"], attention.own["a"](found["a"]))


def test_gradients_are_those_of_the_numbers(rng: np.random.Generator) -> None:
    torch.manual_seed(0)
    attention = CrossmodalAttention({"t": 2, "s": 2}, 2).double()
    target, source = (torch.tensor(rng.normal(size=(1, steps, 2)), requires_grad=True) for steps in (2, 3))
    masks = {"t": torch.tensor([[True, True]]), "s": torch.tensor([[True, True, False]])}
    assert torch.autograd.gradcheck(lambda t, s: attention({"t": t, "s": s}, masks)["t"], (target, source))


def test_gated_sources_are_added_and_a_missing_one_adds_nothing() -> None:
    torch.manual_seed(0)
    network = CrossmodalAttention({"a": 3, "b": 3, "c": 3}, 4, gated=True).eval()
    sequences = {name: torch.randn(2, 5, 3) for name in "abc"}
    masks = {name: torch.ones(2, 5, dtype=torch.bool) for name in "abc"}
    masks["b"][0], masks["c"][0] = False, False  # the first utterance has only a
    enriched = network(sequences, masks)
    own = network.own["a"](sequences["a"])
    assert torch.allclose(enriched["a"][0], own[0]) and not torch.allclose(enriched["a"][1], own[1])
    assert network.gates is not None
    network.gates["a"].weight.data.zero_()
    network.gates["a"].bias.data.fill_(-100)  # all shut
    assert torch.allclose(network(sequences, masks)["a"], own, atol=1e-6)
